"""Jobs: what goes on after the answer; and the one that a client starts itself, OCR."""

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.types import ASGIApp

from consigne.core.bulk.desk import KIND as BULK
from consigne.core.clock import now_ms
from consigne.core.ocr import Outcome
from consigne.dialects.native.desk import API, Desk
from consigne.dialects.native.listing import DEFAULT_LIMIT, MAX_LIMIT
from consigne.dialects.native.parameters import plain, whole
from consigne.dialects.native.replies import location, page_reply
from consigne.dialects.native.wire import file_document, iso, uuid_of
from consigne.errors import BadCursor, BadParameter, FileNotFound, JobNotFound
from consigne.http.answers import json_response
from consigne.http.routing import Route
from consigne.model.entities import Job, JobState
from consigne.model.identity import MAX, Kind, from_uuid

_PATH = f"{API}/jobs"
_LONGEST_WAIT = 3600
_ASYNC = "respond-async"


class JobRoutes:
    """The routes of ``/jobs``, and ``/files/{id}/ocr``."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._jobs = desk.depot.jobs
        self._ocr = desk.depot.ocr

    def routes(self) -> list[Route]:
        one = f"{_PATH}/{{id}}"
        return [
            Route("GET", _PATH, self.list),
            Route("GET", one, self.look),
            Route("DELETE", one, self.cancel),
            Route("POST", f"{API}/files/{{id}}/ocr", self.ocr),
        ]

    async def list(self, request: Request) -> ASGIApp:
        """Return jobs, newest first: one's own, all to managers."""
        seat, asked = await self._desk.seat(request), request.query_params
        limit = whole(asked.get("limit") or str(DEFAULT_LIMIT), "limit", 1, MAX_LIMIT)
        cursor = asked.get("cursor")
        before = from_uuid(Kind.JOB, cursor) if cursor else MAX
        if before is None:
            raise BadCursor(parameter="cursor")
        state = _state(asked.get("state"))
        kind = plain(asked["kind"], "kind", 64) if asked.get("kind") else None
        found = await self._jobs.page(seat, state=state, kind=kind, before=before, limit=limit + 1)
        page = found[:limit]
        following = uuid_of(Kind.JOB, page[-1].id) if len(found) > limit else None
        documents = [job_document(job) for job in page]
        return page_reply(self._desk, request, "jobs", documents, "cursor", following)

    async def look(self, request: Request) -> ASGIApp:
        """Return a job as it is now."""
        seat = await self._desk.seat(request)
        return json_response(job_document(await self._jobs.look(seat, job_number(request))))

    async def cancel(self, request: Request) -> ASGIApp:
        """End a job that is not over, and give back what it had reserved."""
        seat = await self._desk.seat(request)
        return json_response(job_document(await self._jobs.cancel(seat, job_number(request))))

    async def ocr(self, request: Request) -> ASGIApp:
        """Have a document read: 200 with the text as a new file, or 202 with the job at it."""
        seat = await self._desk.seat(request)
        file_id = from_uuid(Kind.FILE, request.path_params["id"])
        if file_id is None:
            raise FileNotFound
        wait, applied = _wait(request)
        outcome = await self._ocr.ocr(seat, file_id, wait=wait)
        headers = [("Preference-Applied", applied)] if applied else []
        if outcome.file is None:
            place = location(self._desk, "jobs", uuid_of(Kind.JOB, outcome.job.id))
            return json_response(_outcome(outcome), 202, [*headers, ("Location", place)])
        return json_response(_outcome(outcome), 200, headers)


def job_document(job: Job) -> dict[str, Any]:
    """Return a job; ``file`` is what it is about, ``progress`` in pages for OCR.

    ``result``: what a job over many files has done.
    """
    failure = job.failure if job.state is JobState.FAILED else None
    return {
        "id": uuid_of(Kind.JOB, job.id),
        "kind": job.kind,
        "state": job.state,
        "file": None if job.subject is None else uuid_of(Kind.FILE, job.subject),
        "progress": {"done": job.done, "total": job.total},
        "attempts": job.attempts,
        "created_by": job.created_by,
        "created_at": iso(job.created_at),
        "started_at": None if job.started_at is None else iso(job.started_at),
        "ended_at": None if job.ended_at is None else iso(job.ended_at),
        "result": msgspec.json.decode(job.result) if job.result and job.kind == BULK else None,
        "error": None if failure is None else {"code": failure.code, "detail": failure.message},
    }


def _outcome(outcome: Outcome) -> dict[str, Any]:
    file = outcome.file
    return {
        "job": job_document(outcome.job),
        "file": None if file is None else file_document(file, now_ms()),
    }


def _wait(request: Request) -> tuple[float | None, str | None]:
    """Return how long to wait, and which preference says so (RFC 7240)."""
    wishes = [w.strip() for w in request.headers.get("prefer", "").lower().split(",")]
    for wish in wishes:
        name, _, value = (part.strip() for part in wish.partition(";")[0].partition("="))
        if name == _ASYNC:
            return 0.0, _ASYNC
        if name == "wait" and value.isascii() and value.isdigit() and len(value) <= 6:
            return float(min(int(value), _LONGEST_WAIT)), f"wait={value}"
    return None, None


def _state(text: str | None) -> JobState | None:
    try:
        return JobState(text) if text else None
    except ValueError:
        names = ", ".join(JobState)
        raise BadParameter(f"state must be one of {names}.", parameter="state") from None


def job_number(request: Request) -> int:
    number = from_uuid(Kind.JOB, request.path_params["id"])
    if number is None:
        raise JobNotFound
    return number
