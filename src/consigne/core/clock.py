"""The one clock: milliseconds since 1970 (UTC)."""

import time


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def ms(seconds: float) -> int:
    """Return a setting in seconds as milliseconds."""
    return int(seconds * 1000)
