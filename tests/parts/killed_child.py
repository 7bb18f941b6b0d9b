"""A child process that is killed as soon as it runs, as the kernel does when memory is short."""

import os
import signal

os.kill(os.getpid(), signal.SIGKILL)
