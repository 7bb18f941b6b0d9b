"""The processes that run plug-ins: started when first needed, kept warm, killed when they hang.

A child does one call at a time. The clock of a call stands still while it waits for the bytes of a
file that it has asked for. A child that was late, crashed or talks nonsense is killed with
everything that it has started, and the next call gets a new one.
"""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from importlib.metadata import distributions

import msgspec
import structlog

from consigne.errors import Busy, ConsigneError
from consigne.jobs.hook_order import HEAD, PIECE, Call, Frame, PluginFacts, Reply, Setup
from consigne.jobs.sandbox import clean_environment

log = structlog.get_logger()

_MODULE = "consigne.jobs.hook_child"
_GROUP = "consigne.plugins"
_START = 60.0
_LONGEST = 8 << 20
# A plug-in that leaks grows no further than this.
_CALLS = 1000

Source = Callable[[int], Awaitable[AsyncIterator[bytes]]]
"""Opens the bytes of a file by its place; raises ConsigneError."""

_reply = msgspec.json.Decoder(Reply).decode
_encode = msgspec.json.Encoder().encode


class Late(Exception):
    """The call took longer than is allowed."""


class Broken(Exception):
    """The child ended, or said what nobody understands."""


def installed(folders: Sequence[str]) -> list[str]:
    """Return the names of the plug-ins that there are, in order, without running any of them."""
    found = {
        entry.name
        for distribution in distributions(path=[*sys.path, *folders])
        for entry in distribution.entry_points
        if entry.group == _GROUP
    }
    return sorted(found)


class Pool:
    """Up to ``size`` children; ``memory`` in bytes each."""

    def __init__(
        self, folders: Sequence[str], variables: Sequence[str], *, size: int, memory: int
    ) -> None:
        self._memory = memory
        self._folders = [os.path.abspath(each) for each in folders]
        self._variables = variables
        self._free = asyncio.Semaphore(size)
        self._idle: list[_Child] = []
        self._facts: list[PluginFacts] | None = None

    async def facts(self) -> list[PluginFacts]:
        """Return what is known of the plug-ins, starting a first child. Raises Broken."""
        if self._facts is None:
            async with self._free:
                if self._facts is None:
                    self._idle.append(await self._started())
        assert self._facts is not None
        return self._facts

    async def call(self, call: Call, source: Source, limit: float) -> list[Reply]:
        """Have a child do a call; return its answers.

        ``limit`` in seconds for a hook, and for each of its questions. Raises Late, with the
        answers that came before as ``args[0]``, Broken, and Busy where no child gets free in time.
        """
        try:
            async with asyncio.timeout(max(limit, 1.0) * 2):
                await self._free.acquire()
        except TimeoutError:
            raise Busy("All processes for plug-ins are busy.", retry_after=1) from None
        child: _Child | None = None
        try:
            child = self._idle.pop() if self._idle else await self._started()
            answers = await child.do(call, source, limit)
            if child.calls < _CALLS:
                self._idle.append(child)
                child = None
            return answers
        finally:
            if child is not None:
                await child.kill()
            self._free.release()

    async def close(self) -> None:
        """End all children that have nothing to do."""
        while self._idle:
            await self._idle.pop().kill()

    async def _started(self) -> "_Child":
        try:
            setup = Setup(self._memory, self._folders, os.getpid())
            child = await _Child.start(setup, self._variables)
        except OSError as error:
            raise Broken("No process for plug-ins can be started.") from error
        try:
            async with asyncio.timeout(_START):
                first = await child.hear()
        except BaseException as error:
            await child.kill()
            if isinstance(error, TimeoutError):
                raise Broken("The plug-ins take too long to load.") from None
            raise
        self._facts = first.plugins or []
        for each in self._facts:
            if each.problem:
                log.error("plugin_broken", plugin=each.name, error=each.problem)
        return child


class _Child:
    """One process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._process = process
        self._input, self._output = process.stdin, process.stdout
        self.calls = 0

    @classmethod
    async def start(cls, setup: Setup, variables: Sequence[str]) -> "_Child":
        environment = clean_environment()
        environment |= {name: os.environ[name] for name in variables if name in os.environ}
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-I", "-m", _MODULE, setup.dump(),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=environment,
            cwd="/",
            start_new_session=True,
        )  # fmt: skip
        return cls(process)

    async def do(self, call: Call, source: Source, limit: float) -> list[Reply]:
        self.calls += 1
        loop = asyncio.get_running_loop()
        answers: list[Reply] = []
        try:
            async with asyncio.timeout(limit) as clock:
                await self._say(Frame.JSON, _encode(call))
                while True:
                    reply = await self.hear()
                    if reply.done:
                        return answers
                    if reply.open is not None:
                        left = (clock.when() or 0.0) - loop.time()
                        clock.reschedule(None)
                        await self._send(reply.open, source, limit)
                        clock.reschedule(loop.time() + left)
                    else:
                        answers.append(reply)
                        clock.reschedule(loop.time() + limit)
        except TimeoutError:
            raise Late(answers) from None

    async def hear(self) -> Reply:
        """Return the next reply. Raises Broken."""
        try:
            length, kind = HEAD.unpack(await self._output.readexactly(HEAD.size))
            if kind != Frame.JSON or length > _LONGEST:
                raise Broken("The process for plug-ins talks nonsense.")
            return _reply(await self._output.readexactly(length))
        except (asyncio.IncompleteReadError, OSError) as error:
            raise Broken("The process for plug-ins ended unexpectedly.") from error
        except msgspec.DecodeError as error:
            raise Broken("The process for plug-ins talks nonsense.") from error

    async def _send(self, number: int, source: Source, limit: float) -> None:
        """Send the bytes of a file; each piece must be taken within ``limit`` seconds."""
        try:
            async for data in await source(number):
                for at in range(0, len(data), PIECE):
                    async with asyncio.timeout(limit):
                        await self._say(Frame.BYTES, bytes(data[at : at + PIECE]))
        except ConsigneError as error:
            await self._say(Frame.FAILED, error.message.encode())
        else:
            await self._say(Frame.BYTES, b"")

    async def _say(self, kind: Frame, data: bytes) -> None:
        try:
            self._input.write(HEAD.pack(len(data), kind) + data)
            await self._input.drain()
        except OSError as error:
            raise Broken("The process for plug-ins ended unexpectedly.") from error

    async def kill(self) -> None:
        """End the process and everything that it has started; it leads a session of its own."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        with suppress(ProcessLookupError):
            self._process.kill()
        self._input.close()
        await asyncio.shield(self._process.wait())
