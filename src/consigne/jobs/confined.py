"""Limits that a child process takes upon itself before it opens what a stranger sent.

All of them hold for its own children too, as limits are inherited (setrlimit(2)).
"""

import ctypes
import os
import resource
import signal
import sys

from consigne.jobs.offline import go_offline

_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38
_NICE = 10


def confine(memory: int, cpu: int, *, orphan_of: int | None = None) -> None:
    """Bound address space (bytes) and CPU time (seconds), forbid files and network, stay behind
    the server.

    With ``orphan_of`` the process ends when that parent does, even if it was killed (Linux).
    """
    _limit(resource.RLIMIT_AS, memory)
    _limit(resource.RLIMIT_CPU, cpu)
    _limit(resource.RLIMIT_FSIZE, 0)
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_NOFILE, 64)
    os.nice(_NICE)
    if sys.platform == "linux":
        _prctl(_PR_SET_NO_NEW_PRIVS, 1)
        go_offline()
        if orphan_of is not None:
            die_with_parent()
            if os.getppid() != orphan_of:  # it died before we asked to be told
                os._exit(1)


def bound(memory: int, *, orphan_of: int) -> None:
    """Bound the address space (bytes) of a process that runs trusted code, tied to its parent."""
    _limit(resource.RLIMIT_AS, memory)
    _limit(resource.RLIMIT_CORE, 0)
    if sys.platform == "linux":
        _prctl(_PR_SET_NO_NEW_PRIVS, 1)
        die_with_parent()
        if os.getppid() != orphan_of:
            os._exit(1)


def die_with_parent() -> None:
    """Ask the kernel to kill this process when its parent is gone (prctl(2), Linux only)."""
    if sys.platform == "linux":
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _prctl(option: int, value: int) -> None:
    ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def _limit(kind: int, value: int) -> None:
    _, hard = resource.getrlimit(kind)
    bound = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(kind, (bound, bound))
