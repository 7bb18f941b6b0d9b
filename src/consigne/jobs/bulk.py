"""Jobs over many files: what a worker does with a job of the kind ``bulk``."""

from consigne.core.bulk.running import BulkRunner
from consigne.jobs.worker import ENDED, Run


class BulkHandler:
    """Does jobs of the kind ``bulk``."""

    def __init__(self, runner: BulkRunner) -> None:
        self._runner = runner

    async def __call__(self, run: Run) -> object:
        """Do with all files what is to be done; the job ends with its error file."""
        await self._runner.run(run.job)
        return ENDED
