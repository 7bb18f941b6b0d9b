"""No network for a process that opens what a stranger sent, and for its children (seccomp(2)).

A filter in the kernel refuses the calls that make or join sockets; io_uring too, which could make
them unseen. It needs no privilege, unlike a network namespace, and cannot be taken off again. On
another system, or another processor, nothing is refused: the limits of ``confined`` stand alone.
"""

import ctypes
import errno
import platform
import struct
import sys

_PR_SET_SECCOMP = 22
_MODE_FILTER = 2
_ALLOW = 0x7FFF0000
_REFUSE = 0x00050000 | errno.EPERM
_KILL = 0x80000000

_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_NUMBER, _ARCHITECTURE = 0, 4  # where they stand in struct seccomp_data
_FOREIGN = 0x40000000  # x86-64's second table of calls

# socket, socketpair, connect, bind, listen, accept, accept4, sendto, sendmsg, sendmmsg,
# io_uring_setup
_CALLS = {
    "x86_64": (0xC000003E, (41, 53, 42, 49, 50, 43, 288, 44, 46, 307, 425)),
    "aarch64": (0xC00000B7, (198, 199, 203, 200, 201, 202, 242, 206, 211, 269, 425)),
}


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("steps", ctypes.c_char_p))


def go_offline() -> bool:
    """Refuse sockets to this process from now on; tell whether the kernel does.

    The process has given up new privileges already (prctl(2), PR_SET_NO_NEW_PRIVS).
    """
    known = _CALLS.get(platform.machine()) if sys.platform == "linux" else None
    if known is None:
        return False
    steps = _steps(*known)
    program = _Program(len(steps) // 8, steps)
    return not ctypes.CDLL(None).prctl(_PR_SET_SECCOMP, _MODE_FILTER, ctypes.byref(program), 0, 0)


def _steps(architecture: int, calls: tuple[int, ...]) -> bytes:
    """Return the filter: a foreign processor's call kills, ours are refused, others pass."""
    refuse = len(calls) + 1
    steps = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_EQUAL, 1, 0, architecture),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER),
        (_AT_LEAST, refuse, 0, _FOREIGN),
        *((_EQUAL, refuse - at, 0, call) for at, call in enumerate(calls, start=1)),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _REFUSE),
    ]
    return b"".join(struct.pack("=HBBI", *step) for step in steps)
