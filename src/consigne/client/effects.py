"""What a conversation with a server asks of whoever leads it.

A conversation is a generator that yields effects and is sent their results; it never touches a
socket. So there is one spelling of it, which ``Client`` leads with blocking calls and
``AsyncClient`` with awaited ones.
"""

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

T = TypeVar("T")
Talk = Generator[Any, Any, T]
"""A conversation that returns a ``T``."""

Reader = Callable[[], bytes]
"""Gives the next block of a body, and nothing when it is over."""


@dataclass(frozen=True)
class Send:
    """Send a request; the result is the response, read to its end.

    ``passed`` is told each block of a ``Reader`` once it is on its way. With ``is_open`` the body
    of the answer is left to be taken with ``Take``, until the next one or the end.
    """

    method: str
    path: str
    params: Sequence[tuple[str, str]] = ()
    content: bytes | Reader | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    passed: Callable[[bytes], object] | None = None
    is_open: bool = False


@dataclass(frozen=True)
class Take:
    """Take the next block of the answer that was left open; the result is empty at its end."""


@dataclass(frozen=True)
class Pause:
    """Wait so many seconds."""

    seconds: float


@dataclass(frozen=True)
class Do:
    """Call a function that may block for a while (disk, hashing); the result is its own."""

    function: Callable[[], Any]


@dataclass(frozen=True)
class Give:
    """Hand something to whoever iterates over the conversation."""

    thing: Any
