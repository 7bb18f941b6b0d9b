"""Kinds of meters. Writing takes well under a microsecond, from any thread.

Labels are given in the order of the meter's declaration. They must come from the code (a route's
template, a kind of job), never from a client: each combination is kept for ever.
"""

import threading
import time
from bisect import bisect_left
from collections.abc import Sequence
from typing import ClassVar

from consigne.meters.board import Board, Part

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


class Meter:
    """What is measured: ``name`` as Prometheus shows it, ``help`` in a sentence, ``labels``."""

    kind: ClassVar[str]
    known: ClassVar[dict[str, "Meter"]] = {}

    def __init__(self, name: str, help: str, labels: Sequence[str] = ()) -> None:
        assert name not in Meter.known, name
        self.name, self.help, self.labels = name, help, tuple(labels)
        Meter.known[name] = self


class Gauge(Meter):
    """A number that is found out when somebody asks: ``exposition.Sheet.set``."""

    kind = "gauge"


class Counted(Meter):
    """A meter on the board; ``width`` doubles a series, merged over processes by ``merge``."""

    width = 1
    merge: ClassVar[str] = "sum"
    stays: ClassVar[bool] = True  # what a dead process has left still counts

    def __init__(self, name: str, help: str, labels: Sequence[str] = ()) -> None:
        super().__init__(name, help, labels)
        self.cells: dict[tuple[str, ...], int] = {}

    def _new(self, labels: tuple[str, ...]) -> int:
        """Make the series of these labels and return its cell; call it under the lock."""
        assert len(labels) == len(self.labels), (self.name, labels)
        cell = self.cells[labels] = _here.part.add(self.name, labels, self.width)
        return cell


class Counter(Counted):
    """Only goes up."""

    kind = "counter"

    def add(self, amount: float, *labels: str) -> None:
        with _lock:
            cell = self.cells.get(labels) or self._new(labels)
            _here.values[cell] += amount


class Level(Counted):
    """Goes up and down, and is gone with its process."""

    kind = "gauge"
    stays = False

    def add(self, amount: float, *labels: str) -> None:
        with _lock:
            cell = self.cells.get(labels) or self._new(labels)
            _here.values[cell] += amount

    def held(self, *labels: str) -> "Stretch":
        """Return a context manager that counts one for as long as it lasts."""
        return Stretch(labels, self, None)


class Mark(Counted):
    """The latest moment at which something happened, seconds since 1970; over all processes."""

    kind = "gauge"
    merge = "max"

    def now(self, *labels: str) -> None:
        with _lock:
            cell = self.cells.get(labels) or self._new(labels)
            _here.values[cell] = time.time()


class Histogram(Counted):
    """How observations spread over ``bounds``; a series is its buckets, their rest, the sum."""

    kind = "histogram"

    def __init__(
        self,
        name: str,
        help: str,
        labels: Sequence[str] = (),
        bounds: Sequence[float] = SECONDS,
    ) -> None:
        super().__init__(name, help, labels)
        self.bounds = tuple(bounds)
        self.width = len(self.bounds) + 2

    def observe(self, value: float, *labels: str) -> None:
        at = bisect_left(self.bounds, value)
        with _lock:
            cell, values = self.cells.get(labels) or self._new(labels), _here.values
            values[cell + at] += 1
            values[cell + self.width - 1] += value

    def timed(self, *labels: str, level: Level | None = None) -> "Stretch":
        """Return a context manager that observes how many seconds it lasts, however it ends, and
        counts one in a level of the same labels meanwhile."""
        return Stretch(labels, level, self)


class Stretch:
    """Something that takes time. A class and no generator: it stands around every transaction."""

    __slots__ = ("_begun", "_histogram", "_labels", "_level")

    def __init__(
        self, labels: tuple[str, ...], level: Level | None, histogram: Histogram | None
    ) -> None:
        self._labels, self._level, self._histogram = labels, level, histogram

    def __enter__(self) -> None:
        if self._level is not None:
            self._level.add(1, *self._labels)
        self._begun = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        if self._histogram is not None:
            self._histogram.observe(time.perf_counter() - self._begun, *self._labels)
        if self._level is not None:
            self._level.add(-1, *self._labels)


class _Here:
    """Where this process writes: a board of its own until it joins one."""

    def __init__(self) -> None:
        self.board = Board()
        self.part: Part = self.board.parts[0]
        self.values = self.part.values


_here = _Here()
_lock = threading.Lock()


def join(board: Board, number: int) -> None:
    """Write into part ``number`` of a board from now on, behind what another process has left."""
    counted = {name: each for name, each in Meter.known.items() if isinstance(each, Counted)}
    with _lock:
        _here.board, _here.part = board, board.parts[number]
        _here.values = _here.part.values
        for each in counted.values():
            each.cells.clear()
        for name, labels, cell in _here.part.take(widths()):
            if name in counted:
                counted[name].cells[labels] = cell
                if not counted[name].stays:
                    _here.values[cell] = 0.0


def present() -> Board:
    """Return the board that this process writes to."""
    return _here.board


def widths() -> dict[str, int]:
    """Return how many doubles a series of each meter takes."""
    return {name: each.width for name, each in Meter.known.items() if isinstance(each, Counted)}
