"""Open file descriptors of immutable contents, kept for the next read."""

import asyncio
import os
from collections import OrderedDict


class Handle:
    """A descriptor and how many readers use it at this moment."""

    __slots__ = ("fd", "kept", "seen", "users")

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self.users = 1
        self.kept = True
        self.seen = True


class Handles:
    """At most ``limit`` open descriptors by key, the least recently used going first.

    All methods run in the event loop. A descriptor is closed only when no reader uses it: its
    number could be another file's a moment later. One that was idle for ``idle`` seconds is closed
    too, so that a content that another process has deleted does not occupy the disk for ever.
    """

    def __init__(self, limit: int = 256, idle: float = 30.0) -> None:
        self._limit = limit
        self._idle = idle
        self._open: OrderedDict[str, Handle] = OrderedDict()
        self._timer: asyncio.TimerHandle | None = None

    def take(self, key: str) -> Handle | None:
        """Return the handle of ``key``, in use until ``give``; None where there is none."""
        handle = self._open.get(key)
        if handle is not None:
            self._open.move_to_end(key)
            handle.users += 1
            handle.seen = True
        return handle

    def add(self, key: str, fd: int) -> Handle:
        """Take over a freshly opened ``fd`` and return its handle, in use until ``give``."""
        handle = Handle(fd)
        if key in self._open:
            handle.kept = False
            return handle
        self._open[key] = handle
        if len(self._open) > self._limit:
            self._release(self._open.popitem(last=False)[1])
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._idle, self._sweep)
        return handle

    def give(self, handle: Handle) -> None:
        """End one use of ``handle``."""
        handle.users -= 1
        if not handle.users and not handle.kept:
            os.close(handle.fd)

    def drop(self, key: str) -> None:
        """Forget ``key``, whose content is gone."""
        handle = self._open.pop(key, None)
        if handle is not None:
            self._release(handle)

    def close(self) -> None:
        """Forget all of them."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._open:
            self._release(self._open.popitem()[1])

    def _release(self, handle: Handle) -> None:
        handle.kept = False
        if not handle.users:
            os.close(handle.fd)

    def _sweep(self) -> None:
        """Drop what was not taken since the last sweep."""
        for key, handle in list(self._open.items()):
            if not handle.seen:
                self.drop(key)
            handle.seen = False
        self._timer = None
        if self._open:
            self._timer = asyncio.get_running_loop().call_later(self._idle, self._sweep)
