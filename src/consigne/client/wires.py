"""What a client's connections are like."""

import httpx

from consigne import __version__


def headers_of(key: str, space: str | None, agent: str) -> dict[str, str]:
    """Return the headers of every request."""
    headers = {"User-Agent": agent or f"consigne-client/{__version__}"}
    if key:
        headers["Authorization"] = f"Bearer {key}"
    if space:
        headers["X-Consigne-Space"] = space
    return headers


def timeout_of(seconds: float) -> httpx.Timeout:
    """Return the patience of one step; a server that is not there says so sooner."""
    return httpx.Timeout(seconds, connect=min(seconds, 10))


def limits_of() -> httpx.Limits:
    """Return as many connections as threads may want."""
    return httpx.Limits(max_connections=64, max_keepalive_connections=64)
