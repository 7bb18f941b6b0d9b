"""Jobs that follow the deletion of a user or a space (C-56)."""

from consigne.core.departures import Clearing
from consigne.jobs.worker import ENDED, Run


class HandOverHandler:
    """Does jobs of the kind ``hand_over``."""

    def __init__(self, clearing: Clearing) -> None:
        self._clearing = clearing

    async def __call__(self, run: Run) -> object:
        """Make a deleted user's files the space's own; the job ends with it."""
        await self._clearing.hand_over(run.job)
        return ENDED


class ClearSpaceHandler:
    """Does jobs of the kind ``clear_space``."""

    def __init__(self, clearing: Clearing) -> None:
        self._clearing = clearing

    async def __call__(self, run: Run) -> object:
        """Remove what is in a closed space; the job ends with it."""
        await self._clearing.clear(run.job)
        return ENDED
