"""Several worker processes under one parent, which serves nothing itself.

A worker that dies is started again, after a pause that doubles while it keeps dying young. The
parent passes on the first signal and kills at the second, or when draining takes too long. Workers
hold one end of a pipe; when the parent vanishes they notice and drain by themselves.
"""

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkProcess
from types import FrameType
from typing import Protocol

import structlog

FIRST_PAUSE = 0.1
LONGEST_PAUSE = 10.0
# A worker that lived this long did not die of what it was started with.
GROWN_UP = 10.0

_POLL = 0.2
# Uvicorn takes up to this much longer than the drain time to come to its end.
_GRACE = 5.0

_log = structlog.get_logger("consigne.http")


class Worker(Protocol):
    """Serve as worker ``number`` (from 0) until SIGTERM and return an exit status; call the second
    argument when ready."""

    def __call__(
        self, number: int, on_ready: Callable[[], None], lifeline: int | None = None
    ) -> int: ...


@dataclass
class _Slot:
    """The place of worker ``number``. Times are seconds of the monotonic clock."""

    number: int
    process: ForkProcess | None = None
    ready: Connection | None = None
    started_at: float = 0.0
    pause: float = 0.0
    start_at: float = 0.0


def supervise(
    worker: Worker,
    count: int,
    drain_seconds: float,
    on_ready: Callable[[], None],
    stop_listening: Callable[[], None],
) -> int:
    """Run ``count`` workers until a signal comes; return the exit status.

    A worker that fails before all were ready once ends everything with its status: what is wrong
    then is wrong for all. ``stop_listening`` closes the parent's copies of the sockets.
    """
    return _Supervisor(worker, count, drain_seconds, on_ready, stop_listening).run()


class _Supervisor:
    def __init__(
        self,
        worker: Worker,
        count: int,
        drain_seconds: float,
        on_ready: Callable[[], None],
        stop_listening: Callable[[], None],
    ) -> None:
        self._worker = worker
        self._slots = [_Slot(number) for number in range(count)]
        self._drain_seconds = drain_seconds
        self._on_ready = on_ready
        self._stop_listening = stop_listening
        self._announced = False
        self._signals = 0
        self._status = 0
        self._lifeline, self._life = os.pipe()

    def run(self) -> int:
        signals = (signal.SIGTERM, signal.SIGINT)
        before = {number: signal.signal(number, self._heard) for number in signals}
        try:
            while not self._signals:
                self._start_due()
                self._watch()
            self._drain()
        finally:
            self._kill()
            os.close(self._life)
            os.close(self._lifeline)
            for number, handler in before.items():
                signal.signal(number, handler)
        return self._status

    def _heard(self, number: int, frame: FrameType | None) -> None:
        self._signals += 1

    def _start_due(self) -> None:
        now = time.monotonic()
        for slot in self._slots:
            if slot.process is None and now >= slot.start_at:
                slot.ready, theirs = multiprocessing.Pipe(duplex=False)
                slot.process = multiprocessing.get_context("fork").Process(
                    target=self._work, args=(slot.number, theirs), name="consigne-worker"
                )
                slot.process.start()
                slot.started_at = now
                theirs.close()

    def _work(self, number: int, ready: Connection) -> None:
        """Run in the child."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.close(self._life)  # or a brother of this worker would keep the pipe open

        def report() -> None:
            ready.send(True)
            ready.close()

        sys.exit(self._worker(number, report, self._lifeline))

    def _watch(self) -> None:
        """Wait a moment for news of the workers and deal with it."""
        news = [slot.process.sentinel for slot in self._slots if slot.process is not None]
        reports = [slot.ready for slot in self._slots if slot.ready is not None]
        if not wait([*news, *reports], timeout=_POLL):
            return
        for slot in self._slots:
            if slot.ready is not None and slot.ready.poll():
                slot.ready.close()
                slot.ready = None
            if slot.process is not None and slot.process.exitcode is not None:
                self._lost(slot, slot.process.exitcode)
        waiting = any(slot.process is None or slot.ready is not None for slot in self._slots)
        if not self._announced and not waiting and not self._signals:
            self._announced = True
            self._on_ready()

    def _lost(self, slot: _Slot, status: int) -> None:
        assert slot.process is not None
        process_id, slot.process, slot.ready = slot.process.pid, None, None
        if not self._announced:
            _log.error("worker.failed", pid=process_id, status=status)
            self._status = status if status > 0 else 3
            self._signals += 1
            return
        now = time.monotonic()
        young = now - slot.started_at < GROWN_UP
        slot.pause = min(slot.pause * 2 or FIRST_PAUSE, LONGEST_PAUSE) if young else 0.0
        slot.start_at = now + slot.pause
        _log.error("worker.died", pid=process_id, status=status, restart_in=slot.pause)

    def _drain(self) -> None:
        """Ask all workers to finish, and wait for them as long as they may take."""
        heard = self._signals
        self._stop_listening()
        for slot in self._slots:
            if slot.process is not None:
                slot.process.terminate()
        until = time.monotonic() + self._drain_seconds + _GRACE
        while self._signals == heard and time.monotonic() < until:
            running = [s.process for s in self._slots if s.process and s.process.exitcode is None]
            if not running:
                return
            wait([process.sentinel for process in running], timeout=_POLL)

    def _kill(self) -> None:
        for slot in self._slots:
            if slot.process is not None:
                if slot.process.exitcode is None:
                    slot.process.kill()
                slot.process.join()
