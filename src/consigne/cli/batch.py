"""Many transfers at once, from threads, until they are done or somebody says stop."""

from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from itertools import islice
from typing import TypeVar

import msgspec

from consigne.cli.exits import Exit, Failure, Stopped
from consigne.cli.output import Output
from consigne.cli.remote import Remote, failure_of_client
from consigne.client import ClientError

T = TypeVar("T")
_PATIENCE = 3.0


class Outcome(msgspec.Struct, kw_only=True, omit_defaults=True):
    """What became of one file: ``stored``, ``replaced``, ``resumed``, ``skipped`` (both sides have
    it), ``ignored`` (it is no file) or ``failed``.

    ``path`` is on this disk; ``remote`` the folder at the other end.
    """

    status: str
    path: str
    remote: str = ""
    id: str = ""
    name: str = ""
    size: int = 0
    sha256: str = ""
    error: str = ""
    rule: str = ""
    hint: str = ""


class Batch:
    """Runs transfers, prints each outcome, and remembers the worst."""

    def __init__(self, output: Output, remote: Remote, parallel: int) -> None:
        self._output = output
        self._remote = remote
        self._parallel = parallel
        self.counts: dict[str, int] = {}
        self.exit = Exit.OK

    def run(
        self, jobs: Iterable[T], work: Callable[[T], Outcome], name: Callable[[T], str]
    ) -> None:
        """Do ``work`` for each job, ``parallel`` at a time; a refusal ends only its own job.

        Jobs are taken as they are needed. Raises Stopped; threads that wait for a dead network may
        still be there then.
        """
        waiting = iter(jobs)
        running: dict[Future[Outcome], T] = {}
        pool = ThreadPoolExecutor(self._parallel, "transfer")
        try:
            while True:
                for job in islice(waiting, 2 * self._parallel - len(running)):
                    running[pool.submit(work, job)] = job
                if not running:
                    break
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    self._settle(future, name(running.pop(future)))
        except (KeyboardInterrupt, Stopped):
            self._remote.stop.set()
            pool.shutdown(wait=False, cancel_futures=True)
            with suppress(KeyboardInterrupt):
                wait(running, timeout=_PATIENCE)  # for what is on its way already
            raise Stopped from None
        pool.shutdown()

    def tell(self, outcome: Outcome) -> None:
        """Print an outcome and count it."""
        self.counts[outcome.status] = self.counts.get(outcome.status, 0) + 1
        if self._output.as_json:
            self._output.json(outcome)
        elif outcome.error:
            rule = f" [{outcome.rule}]" if outcome.rule else ""
            self._output.notice(f"{outcome.path}: {outcome.error}{rule} {outcome.hint}".rstrip())
        else:
            self._output.line(outcome.status, outcome.id, outcome.path)

    def fail(self, path: str, error: Failure | ClientError) -> None:
        """Tell of a file that was not transferred."""
        failure = failure_of_client(error) if isinstance(error, ClientError) else error
        self.exit = max(self.exit, failure.exit)
        self.tell(_failed(path, failure))

    def ignore(self, path: str, why: str) -> None:
        """Tell of something that is left out on purpose."""
        self.tell(Outcome(status="ignored", path=path, error=why))

    def _settle(self, future: "Future[Outcome]", path: str) -> None:
        try:
            self.tell(future.result())
        except (Failure, ClientError) as error:
            self.fail(path, error)

    def summary(self) -> str:
        """Return the counts in words."""
        return ", ".join(f"{number} {status}" for status, number in sorted(self.counts.items()))


def _failed(path: str, failure: Failure) -> Outcome:
    return Outcome(
        status="failed", path=path, error=failure.message, rule=failure.rule, hint=failure.hint
    )
