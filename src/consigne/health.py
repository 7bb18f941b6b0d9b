"""Health: ``/health/live`` says that the process answers, ``/health/ready`` that it can serve.

Ready means that the catalog takes a transaction and has the schema that this version needs, and
that the store takes and gives a byte; else the answer is a 503. A server that is stopping is not
ready either; one that only answers what is read (``read_only``) is. What only calls for somebody, a
disk that is nearly full or a queue that nobody serves, is a warning: taking the server out of
rotation would not help.

Everybody is told which part fails. Why, and the warnings, are told to watchers (``metrics``) and
to administrators of the installation. What was found stands for a second, so that probes cost
nothing.
"""

import asyncio
import shutil
import time
from collections.abc import Awaitable, Callable
from enum import StrEnum

import msgspec
from starlette.datastructures import Headers
from starlette.types import Receive, Scope, Send

from consigne import __version__
from consigne.core.census import Census, Queue
from consigne.core.depot import Depot
from consigne.errors import ConsigneError
from consigne.http.answers import Answer, json_response
from consigne.http.auth import bearer
from consigne.http.dispatch import Dialect
from consigne.http.sessions import session
from consigne.http.watchers import Watchers

_FRESH = 1.0
_LIMIT = 5.0
_READY = ("/health/ready", "/health")


class Status(StrEnum):
    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


class Check(msgspec.Struct, frozen=True):
    """What was looked at, how it is, and what was seen."""

    name: str
    status: Status
    detail: str = ""


Probe = Callable[[], Awaitable[Check]]


class Health:
    """The answers under ``/health``."""

    def __init__(self, depot: Depot, census: Census, watchers: Watchers) -> None:
        self._depot = depot
        self._census = census
        self._watchers = watchers
        self._probes: dict[str, Probe] = {
            "catalog": self._catalog,
            "schema": self._schema,
            "store": self._store,
            "disk": self._disk,
            "queue": self._queue,
        }
        self._checked = float("-inf")
        self._checks: list[Check] = []

    def dialect(self) -> Dialect:
        return Dialect("health", frozenset({"health"}), self)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await (await self._answer(scope))(scope, receive, send)

    async def _answer(self, scope: Scope) -> Answer:
        path = scope["path"]
        if path not in (*_READY, "/health/live"):
            return json_response({"status": "not found"}, 404)
        scope["state"]["route"] = path
        if scope["method"] not in ("GET", "HEAD"):
            return json_response({"status": "method not allowed"}, 405, [("Allow", "GET, HEAD")])
        if path == "/health/live":
            return json_response({"status": "live"})
        draining = scope["state"].get("draining")
        if draining is not None and draining.is_set():
            return json_response({"status": "stopping"}, 503, [("Retry-After", "1")])
        checks = await self._look()
        failed = [check.name for check in checks if check.status is Status.FAILED]
        body: dict[str, object] = {"status": "not ready" if failed else "ready"}
        if self._depot.settings.read_only:
            body["read_only"] = True
        if failed:
            body["failed"] = failed
        if await self._may_know(scope):
            body |= {"version": __version__, "checks": checks}
        headers = [("Cache-Control", "no-store")]
        if failed:
            return json_response(body, 503, [*headers, ("Retry-After", "1")])
        return json_response(body, 200, headers)

    async def _may_know(self, scope: Scope) -> bool:
        if self._watchers.include(scope):
            return True
        try:
            headers = Headers(scope=scope)
            token = bearer(headers) or session(headers, scope["method"])
            if token is None:
                return False
            (await self._depot.accounts.by_bearer(token)).require_operator()
        except ConsigneError:
            return False
        return True

    async def _look(self) -> list[Check]:
        if time.monotonic() - self._checked > _FRESH:
            self._checks = [await _settled(name, probe) for name, probe in self._probes.items()]
            self._checked = time.monotonic()
        return self._checks

    async def _catalog(self) -> Check:
        await self._depot.probe_catalog()
        return Check("catalog", Status.OK)

    async def _schema(self) -> Check:
        schema = await self._census.schema()
        if schema.present == schema.needed:
            return Check("schema", Status.OK, schema.needed)
        detail = f"{schema.present or 'none'}; this version needs {schema.needed}"
        # A newer version serves beside this one: what it has added does not hurt.
        return Check("schema", Status.WARNING if schema.is_newer else Status.FAILED, detail)

    async def _store(self) -> Check:
        await self._depot.probe_store()
        return Check("store", Status.OK)

    async def _disk(self) -> Check:
        settings = self._depot.settings
        usage = shutil.disk_usage(settings.data_path)
        detail = f"{usage.free} of {usage.total} bytes free"
        low = usage.free < settings.disk_low
        return Check("disk", Status.WARNING if low else Status.OK, detail)

    async def _queue(self) -> Check:
        late = self._depot.settings.queue_late
        queues = (await self._census.figures()).queues
        problems = [
            f"{kind}: {_described(queue)}"
            for kind, queue in queues.items()
            if queue.age > late or (queue.queued and not queue.workers)
        ]
        return Check("queue", Status.WARNING if problems else Status.OK, "; ".join(problems))


def _described(queue: Queue) -> str:
    return f"{queue.queued} wait, the first for {queue.age:.0f} s, {queue.workers} workers"


async def _settled(name: str, probe: Probe) -> Check:
    try:
        async with asyncio.timeout(_LIMIT):
            return await probe()
    except (ConsigneError, OSError, TimeoutError) as error:
        return Check(name, Status.FAILED, str(error) or "no answer in time")
