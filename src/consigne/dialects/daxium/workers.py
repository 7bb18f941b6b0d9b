"""``…/workers`` and ``…/download_errors/{worker_unique_id}``: imports under way and done, and what
they could not take in (DX-45, DX-48, DX-49).
"""

import re
import time

from starlette.requests import Request
from starlette.types import ASGIApp

from consigne.core.imports.desk import Shown
from consigne.dialects.daxium.desk import Desk
from consigne.dialects.daxium.wire import Document, page_of, seconds
from consigne.errors import FileNotFound, JobNotFound, RouteNotFound
from consigne.http.answers import Answer, json_response
from consigne.http.delivery import Delivery
from consigne.http.dispositions import OCTETS
from consigne.model.entities import JobState
from consigne.model.identity import Kind, from_uuid, to_uuid
from consigne.model.rights import Right

_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_STATES = {
    JobState.QUEUED: "pending",
    JobState.RUNNING: "running",
    JobState.DONE: "done",
    JobState.FAILED: "failed",
    JobState.CANCELLED: "failed",
}
_TYPE = "submission_import"


class Workers:
    """The background workers of an instance, for those who may start imports."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._imports = desk.depot.imports

    async def list(self, request: Request) -> Answer:
        """GET …/workers, newest first."""
        seat = await self._desk.seat(request, Right.MANAGE)
        page = page_of(request.query_params)
        shown, total = await self._imports.page(seat, page.limit, page.offset)
        return json_response(page.of("workers", [worker_document(each) for each in shown], total))

    async def look(self, request: Request) -> Answer:
        """GET …/workers/{worker_unique_id}."""
        number = _number(request)
        seat = await self._desk.seat(request, Right.MANAGE)
        return json_response(worker_document(await self._imports.look(seat, number)))

    async def error_file(self, request: Request) -> ASGIApp:
        """GET …/download_errors/{worker_unique_id}: send a worker's error file."""
        number = _number(request)
        seat = await self._desk.seat(request, Right.MANAGE)
        try:
            reading = await self._imports.error_file(seat, number)
        except FileNotFound as error:
            state = error.details.get("state")
            raise JobNotFound(status=_STATES[state]) if state else JobNotFound() from None
        reading.media_type = OCTETS
        return Delivery(reading)


def worker_document(shown: Shown) -> Document:
    """Return a worker; counts and times are null until they are known."""
    run, job = shown.run, shown.job
    is_counted = job.total is not None
    return {
        "worker_unique_id": to_uuid(Kind.JOB, job.id),
        "type": _TYPE,
        "status": _STATES[job.state],
        "total": job.total,
        "succeeded": run.succeeded if is_counted else None,
        "failed": run.failed if is_counted else None,
        "has_errors": shown.has_errors,
        "created_at": seconds(job.created_at),
        "started_at": seconds(job.started_at),
        "finished_at": seconds(job.ended_at),
    }


def started_document(shown: Shown) -> Document:
    """Return what a start is answered with (DX-39)."""
    return {
        "worker_unique_id": to_uuid(Kind.JOB, shown.job.id),
        "status": _STATES[shown.job.state],
        "server_time": int(time.time()),
    }


def _number(request: Request) -> int:
    """Return the job that the path names, 0 for what can be none. Raises RouteNotFound."""
    spelled = request.path_params["worker_unique_id"]
    if not _UUID.fullmatch(spelled):
        raise RouteNotFound
    return from_uuid(Kind.JOB, spelled) or 0
