"""Memory for the numbers of several processes: each writes its own part, every one reads all.

The board is anonymous shared memory, made before the server processes are forked, so there is no
file to clean up and a scrape that reaches one process tells of all. A process that is started again
in the place of a dead one goes on counting where that one ended: what is counted never falls.

A part is a list of names and a row of doubles. A name is a line: the meter and its labels, as a
JSON list; it stands for as many doubles as the meter is wide, in the order of the lines.
"""

import mmap
import os
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec

_NAMES = 1 << 20
_CELLS = 1 << 16
_HEAD = 16  # the process id, then how many bytes of names there are
_SIZE = _HEAD + _NAMES + 8 * _CELLS
_LOST, _SPARE = 1, 64  # doubles at the start take what has no room of its own

_decode = msgspec.json.Decoder(list[str]).decode


class Series(NamedTuple):
    """One series of a part: its meter, its labels, and its first double."""

    meter: str
    labels: tuple[str, ...]
    cell: int


class Part:
    """What one process writes. ``values``: the doubles. Not safe for several threads."""

    def __init__(self, memory: memoryview) -> None:
        self._head = memory[:_HEAD].cast("q")
        self._names = memory[_HEAD : _HEAD + _NAMES]
        self.values = memory[_HEAD + _NAMES : _SIZE].cast("d")
        self._next = _SPARE

    @property
    def process_id(self) -> int:
        """The process that writes here, 0 while there is none."""
        return self._head[0]

    def take(self, widths: dict[str, int]) -> list[Series]:
        """Make this process the writer; return the series that an earlier one has left."""
        self._head[0] = os.getpid()
        found = list(self.series(widths))
        for each in found:
            self._next = max(self._next, each.cell + widths.get(each.meter, 1))
        return found

    def add(self, meter: str, labels: Sequence[str], width: int) -> int:
        """Make a series and return its first double; a spare one where the part is full."""
        line = msgspec.json.encode([meter, *labels]) + b"\n"
        begin = self._head[1]
        if begin + len(line) > _NAMES or self._next + width > _CELLS:
            return _LOST
        self._names[begin : begin + len(line)] = line
        cell, self._next = self._next, self._next + width
        self._head[1] = begin + len(line)  # last: a reader sees whole lines only
        return cell

    def series(self, widths: dict[str, int]) -> Iterator[Series]:
        """Yield what is there; ``widths`` of the meters by name."""
        cell = _SPARE
        for line in bytes(self._names[: self._head[1]]).splitlines():
            meter, *labels = _decode(line)
            yield Series(meter, tuple(labels), cell)
            cell += widths.get(meter, 1)


class Board:
    """Parts for ``count`` processes; make it before they are forked."""

    def __init__(self, count: int = 1) -> None:
        memory = memoryview(mmap.mmap(-1, count * _SIZE))
        self.parts = [Part(memory[at : at + _SIZE]) for at in range(0, count * _SIZE, _SIZE)]
