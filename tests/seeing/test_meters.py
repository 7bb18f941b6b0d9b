"""Meters and the board that the processes of a server share."""

import os
import threading

import pytest

from consigne.meters import meter
from consigne.meters.board import Board
from consigne.meters.exposition import Sheet
from consigne.meters.meter import Counter, Gauge, Histogram, Level, Mark, Meter

COUNTED = Counter("test_counted_total", "Counted.", ("what",))
LEVEL = Level("test_level", "A level.")
SPREAD = Histogram("test_seconds", "Spread.", ("what",), (0.25, 1))
MARK = Mark("test_mark_seconds", "A mark.")
ASKED = Gauge("test_asked", "Asked.", ("name",))


@pytest.fixture
def board():
    """Give a board with three parts; the process writes to its own again afterwards."""
    before = meter.present()
    yield Board(3)
    meter.join(before, 0)


def lines(board: Board, name: str = "test_") -> list[str]:
    return [line for line in Sheet(board).text().splitlines() if line.startswith(name)]


def in_a_child(board: Board, number: int, work) -> None:
    """Do work in a process forked for it, as a server's worker is, that dies without a word."""
    child = os.fork()
    if child == 0:
        try:
            meter.join(board, number)
            work()
        finally:
            os._exit(0)
    os.waitpid(child, 0)


def test_processes_add_up(board: Board) -> None:
    def work() -> None:
        COUNTED.add(2, "a")
        COUNTED.add(1, "b")
        SPREAD.observe(0.125, "x")
        SPREAD.observe(0.25, "x")
        SPREAD.observe(5, "x")

    in_a_child(board, 0, work)
    in_a_child(board, 2, work)
    assert lines(board) == [
        'test_counted_total{what="a"} 4',
        'test_counted_total{what="b"} 2',
        'test_seconds_bucket{what="x",le="0.25"} 4',
        'test_seconds_bucket{what="x",le="1"} 4',
        'test_seconds_bucket{what="x",le="+Inf"} 6',
        'test_seconds_sum{what="x"} 10.75',
        'test_seconds_count{what="x"} 6',
    ]


def test_a_successor_counts_on_and_holds_nothing(board: Board) -> None:
    """What was counted never falls; what a dead process was doing is over."""

    def first() -> None:
        COUNTED.add(5, "a")
        LEVEL.add(3)
        MARK.now()

    def second() -> None:
        COUNTED.add(1, "new")
        COUNTED.add(1, "a")
        with LEVEL.held():
            LEVEL.add(1)

    in_a_child(board, 1, first)
    assert "test_level 3" in lines(board)
    in_a_child(board, 1, second)
    assert lines(board)[:3] == [
        'test_counted_total{what="a"} 6',
        'test_counted_total{what="new"} 1',
        "test_level 1",
    ]
    assert float(lines(board, "test_mark_seconds")[0].split()[1]) > 1e9


def test_marks_show_the_latest(board: Board) -> None:
    in_a_child(board, 0, MARK.now)
    earlier = lines(board)
    in_a_child(board, 1, MARK.now)
    assert lines(board) >= earlier
    assert len(lines(board)) == 1


def test_threads_lose_nothing(board: Board) -> None:
    meter.join(board, 0)

    def work() -> None:
        for _ in range(5_000):
            COUNTED.add(1, "a")
            SPREAD.observe(0.5, "x")

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 'test_counted_total{what="a"} 20000' in lines(board)
    assert 'test_seconds_count{what="x"} 20000' in lines(board)


def test_a_full_part_loses_series_and_nothing_else(board: Board) -> None:
    meter.join(board, 0)
    COUNTED.add(1, "first")
    for number in range(70_000):
        COUNTED.add(1, str(number))
    COUNTED.add(1, "first")
    text = lines(board)
    assert 'test_counted_total{what="first"} 2' in text
    assert 20_000 < len(text) < 70_000


def test_labels_are_escaped_and_counted(board: Board) -> None:
    sheet = Sheet(board)
    sheet.set(ASKED, 1, 'a"b\\c\nd')
    assert sheet.text().splitlines()[-1] == 'test_asked{name="a\\"b\\\\c\\nd"} 1'
    with pytest.raises(AssertionError):
        sheet.set(ASKED, 1)


@pytest.fixture(scope="module", autouse=True)
def _forget_ours():
    yield
    for name in [name for name in Meter.known if name.startswith("test_")]:
        del Meter.known[name]
