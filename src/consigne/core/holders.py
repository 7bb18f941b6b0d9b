"""Names of lease holders, such that a holder who is seen to be dead need not be waited for.

A lease ends by itself when its process has not renewed it. After a crash the next process on the
same machine would wait for that in vain; so a name tells boot, process namespace, process number
and start time, and whoever can see that process decides at once. Anyone else waits.
"""

import functools
import os
import re
import secrets
from pathlib import Path

_PROC = Path("/proc")
_NAME = re.compile(r"(?P<place>[^/]+):(?P<pid>\d+):(?P<started>\d+)/[0-9a-f]+")


def new_holder() -> str:
    """Return a fresh name of this process for one lease."""
    return f"{_process(os.getpid())}/{secrets.token_hex(8)}"


def is_dead(holder: str) -> bool:
    """Tell whether the process of a name has certainly ended; False where that cannot be seen."""
    named = _NAME.fullmatch(holder)
    if named is None or named["place"] != _place():
        return False
    pid, started = named["pid"], named["started"]
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    now = _start_time(int(pid))
    return now is not None and now != started


@functools.lru_cache(maxsize=1)
def _process(pid: int) -> str:
    started = _start_time(pid)
    return f"{_place()}:{pid}:{started}" if _place() and started else ""


@functools.cache
def _place() -> str:
    """Return what tells process numbers of one boot and namespace from others; '' if unknown."""
    try:
        boot = (_PROC / "sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}:{os.stat(_PROC / 'self/ns/pid').st_ino}"
    except OSError:
        return ""


def _start_time(pid: int) -> str | None:
    """Return the clock ticks after boot at which a process began (proc(5), field 22 of stat)."""
    try:
        return (_PROC / f"{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return None
