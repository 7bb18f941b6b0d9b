"""What parents of such children have in common: the document as a file, and what the child says.

What a document did to the child becomes one of three errors: it cannot be read, reached a limit or
made the child crash (the caller's class, final); the engine is missing (EngineMissing, final); the
child was killed (Internal, tried again).
"""

import asyncio
import os
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import BinaryIO, TypeVar

import msgspec

from consigne.errors import ConsigneError, EngineMissing, Internal, TooManyPixels, TypeRefused
from consigne.jobs import sandbox
from consigne.jobs.child import TOO_MANY_PIXELS, UNREADABLE

_ERRORS: dict[str, type[ConsigneError]] = {kind.code: kind for kind in (EngineMissing, TypeRefused)}


class Line(msgspec.Struct, frozen=True):
    """A line of a child; each kind of child adds its own fields."""

    error: str | None = None
    message: str = ""


L = TypeVar("L", bound=Line)


async def hear(
    module: str,
    order: str,
    document: BinaryIO,
    limits: sandbox.Limits,
    kind: type[L],
    unreadable: type[ConsigneError],
) -> AsyncGenerator[L, None]:
    """Run a child on a document and yield its lines as values of ``kind``.

    Raises ``unreadable`` where the document is at fault (TooManyPixels where that is one of its
    kind), EngineMissing, TypeRefused, Internal.
    """
    decoder = msgspec.json.Decoder(kind)
    try:
        async with aclosing(sandbox.run(module, [order], document, limits)) as raw:
            async for text in raw:
                line = decoder.decode(text)
                if line.error == TOO_MANY_PIXELS and issubclass(TooManyPixels, unreadable):
                    raise TooManyPixels(line.message)
                if line.error in (UNREADABLE, TOO_MANY_PIXELS):
                    raise unreadable(line.message)
                if line.error is not None:
                    raise _ERRORS.get(line.error, Internal)(line.message)
                yield line
    except sandbox.Exceeded as error:
        raise unreadable(str(error)) from error
    except sandbox.Died as error:
        if error.is_crash:
            raise unreadable("The document makes the engine crash.") from error
        raise Internal(str(error)) from error
    except msgspec.DecodeError as error:
        raise Internal("The engine said something strange.") from error


async def spooled(source: AsyncIterator[bytes]) -> BinaryIO:
    """Return the bytes of a stream as an unnamed file, at its start: a kill leaves nothing."""
    file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115
    try:
        async for piece in source:
            await asyncio.to_thread(file.write, piece)
        os.lseek(file.fileno(), 0, os.SEEK_SET)
    except BaseException:
        file.close()
        raise
    return file
