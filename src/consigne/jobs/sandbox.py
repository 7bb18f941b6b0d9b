"""Child processes for heavy work: started, listened to, and ended in any case.

The child takes limits on memory, CPU time and files upon itself (``confined``); here stand those
that only a parent can hold: wall time, the length of what it says, an environment without secrets,
and its end when nobody waits for it any more.
"""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncGenerator
from contextlib import suppress
from dataclasses import dataclass
from typing import BinaryIO

_INHERITED = ("PATH", "LD_LIBRARY_PATH", "TESSDATA_PREFIX", "TZ")
_LINE = 8 << 20
# A child computes at low priority: on a busy machine a second of its time takes several.
PATIENCE = 4
# No start-up files, no user's packages, nothing from the current folder.
_ISOLATED = ("-I",)
_CRASHES = (
    signal.SIGSEGV,
    signal.SIGABRT,
    signal.SIGBUS,
    signal.SIGFPE,
    signal.SIGILL,
    signal.SIGTRAP,
)


class SandboxError(Exception):
    """The child did not come to its end by itself."""


class Exceeded(SandboxError):
    """The child reached a limit; the text says which, in words for people."""


class Died(SandboxError):
    """The child was killed or crashed; ``status`` is its exit status (minus the signal)."""

    def __init__(self, status: int, said: str) -> None:
        super().__init__(f"The child process ended with status {status}. {said}".strip())
        self.status = status

    @property
    def is_crash(self) -> bool:
        """Whether the child did it to itself, so that trying again will end in the same way."""
        return -self.status in _CRASHES


@dataclass(frozen=True)
class Limits:
    """What the parent allows: seconds of wall time, bytes of output."""

    wall: float
    output: int


async def run(
    module: str, arguments: list[str], source: BinaryIO, limits: Limits
) -> AsyncGenerator[bytes, None]:
    """Run a module as a child process on ``source`` as its standard input; yield its lines.

    Raises Exceeded, Died. Closing the iterator early kills the child and its own children.
    """
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        *_ISOLATED,
        "-m",
        module,
        *arguments,
        stdin=source,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**clean_environment(), "OMP_THREAD_LIMIT": "1"},
        cwd="/",
        start_new_session=True,
        limit=_LINE,
    )
    assert child.stdout is not None
    assert child.stderr is not None
    complaints = asyncio.create_task(child.stderr.read(64 << 10))
    said = 0
    deadline = asyncio.get_running_loop().time() + limits.wall
    try:
        async with asyncio.timeout_at(deadline) as clock:
            while line := await child.stdout.readline():
                said += len(line)
                if said > limits.output:
                    raise Exceeded("The document holds more text than is allowed.")
                # The reader may take its time: only the child's own time counts.
                before = asyncio.get_running_loop().time()
                yield line
                deadline += asyncio.get_running_loop().time() - before
                clock.reschedule(deadline)
            status = await child.wait()
    except TimeoutError as error:
        raise Exceeded("The document takes longer to read than is allowed.") from error
    except ValueError as error:  # a line longer than the reader's limit
        raise Exceeded("A page holds more text than is allowed.") from error
    finally:
        _kill_group(child.pid)
        with suppress(ProcessLookupError):
            child.kill()
        await child.wait()
        complaint = (await complaints).decode(errors="replace").strip()
    if status == -signal.SIGXCPU:
        raise Exceeded("The document takes more computing time than is allowed.")
    if status != 0:
        raise Died(status, complaint.rpartition("\n")[2][:200])


def _kill_group(leader: int) -> None:
    """End the child with everything that it has started; it leads a session of its own."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


def clean_environment() -> dict[str, str]:
    """Return what a child needs to know; our settings, and the secrets in them, are not in it."""
    kept = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    return {**kept, "LC_ALL": "C.UTF-8"}
