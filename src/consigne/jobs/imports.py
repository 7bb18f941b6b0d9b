"""Imports of records: what a worker does with a job of the kind ``import``."""

from consigne.core.imports.running import Importing
from consigne.jobs.fetching import Fetcher
from consigne.jobs.worker import ENDED, Later, Run

_PAUSE = 1.0


class ImportHandler:
    """Does jobs of the kind ``import``, one at a time in a space."""

    def __init__(self, importing: Importing, fetcher: Fetcher) -> None:
        self._importing = importing
        self._fetcher = fetcher

    async def __call__(self, run: Run) -> object:
        """Take in what the file says; the job ends with its error file."""
        if not await self._importing.run(run.job, self._fetcher.open):
            raise Later(_PAUSE)
        return ENDED
