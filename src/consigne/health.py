"""Health: ``/health/live`` says that the process answers, ``/health/ready`` that it can serve.

Ready means that the catalog answers and the store takes and gives a byte; what is not ready is a
503 that names the part. Neither needs credentials, and neither tells anything else.
"""

import asyncio
import time

from starlette.types import Receive, Scope, Send

from consigne.core.depot import Depot
from consigne.errors import ConsigneError
from consigne.http.answers import Answer, json_response
from consigne.http.dispatch import Dialect

_FRESH = 1.0
_LIMIT = 5.0


class Health:
    """The answers under ``/health``, remembered for a second so that probes cost nothing."""

    def __init__(self, depot: Depot) -> None:
        self._depot = depot
        self._checked = 0.0
        self._problems: dict[str, str] = {}

    def dialect(self) -> Dialect:
        return Dialect("health", frozenset({"health"}), self)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await (await self._answer(scope))(scope, receive, send)

    async def _answer(self, scope: Scope) -> Answer:
        if scope["method"] not in ("GET", "HEAD"):
            return json_response({"status": "method not allowed"}, 405, [("Allow", "GET, HEAD")])
        if scope["path"] == "/health/live":
            return json_response({"status": "live"})
        if scope["path"] not in ("/health/ready", "/health"):
            return json_response({"status": "not found"}, 404)
        problems = await self._check()
        if problems:
            body = {"status": "not ready", "problems": problems}
            return json_response(body, 503, [("Retry-After", "1")])
        return json_response({"status": "ready"})

    async def _check(self) -> dict[str, str]:
        if time.monotonic() - self._checked > _FRESH:
            self._problems = {}
            for name, probe in (
                ("catalog", self._depot.probe_catalog),
                ("store", self._depot.probe_store),
            ):
                try:
                    async with asyncio.timeout(_LIMIT):
                        await probe()
                except (ConsigneError, OSError, TimeoutError) as error:
                    self._problems[name] = str(error) or "no answer in time"
            self._checked = time.monotonic()
        return self._problems
