"""How fast bytes may be read or written beside what users do."""

import asyncio

_BURST = 0.25


class Pace:
    """At most ``rate`` bytes a second, over all tasks that share the value; 0: no limit."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._free_at = 0.0

    async def __call__(self, size: int) -> None:
        """Return when ``size`` bytes more are due."""
        if not self._rate:
            return
        now = asyncio.get_running_loop().time()
        self._free_at = max(now - _BURST, self._free_at) + size / self._rate
        if self._free_at > now:
            await asyncio.sleep(self._free_at - now)
