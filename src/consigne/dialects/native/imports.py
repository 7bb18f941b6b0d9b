"""Imports of records from CSV files: started here, followed as jobs (C-52)."""

from typing import Any

from starlette.requests import Request
from starlette.types import ASGIApp

from consigne.core.entry import Once
from consigne.core.imports.desk import Shown
from consigne.dialects.native.desk import API, Desk
from consigne.dialects.native.jobs import job_document, job_number
from consigne.dialects.native.parameters import plain
from consigne.dialects.native.receiving import require_whole
from consigne.dialects.native.replies import location
from consigne.dialects.native.wire import uuid_of
from consigne.errors import BadParameter
from consigne.http.answers import json_response
from consigne.http.bodies import declared_length, raw_body
from consigne.http.digests import FIELDS, body_digests
from consigne.http.fields import pick
from consigne.http.idempotency import idempotency_key
from consigne.http.routing import Route
from consigne.model.identity import Kind
from consigne.model.imports import Mode

_PATH = f"{API}/imports"
_PARAMETERS = frozenset({"type", "mode", "space"})


class ImportRoutes:
    """The routes of ``/imports``; what an import refused is at ``/jobs/{id}/errors``."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._imports = desk.depot.imports

    def routes(self) -> list[Route]:
        return [
            Route("POST", _PATH, self.start),
            Route("GET", f"{_PATH}/{{id}}", self.look),
        ]

    async def start(self, request: Request) -> ASGIApp:
        """Take in a CSV file, and start its import into records of a type."""
        seat, asked = await self._desk.seat(request), request.query_params
        for name in asked:
            if name not in _PARAMETERS:
                raise BadParameter(
                    f"There is no parameter {name[:64]!r} here.", parameter=name[:64]
                )
        mode = _mode(asked.get("mode"))
        named = plain(asked.get("type", ""), "type", 256)
        if not named:
            raise BadParameter("Name a type.", parameter="type")
        require_whole(request)
        wanted = int(named) if named.isascii() and named.isdigit() and len(named) < 16 else named
        typed = await self._desk.depot.types.get(seat, wanted)
        key = idempotency_key(request.headers.get("idempotency-key"))
        shown = await self._imports.receive(
            seat,
            typed.type.id,
            mode,
            raw_body(request, self._desk.settings.body_idle),
            length=declared_length(request.headers),
            expected=body_digests(pick(request.scope["headers"], FIELDS)),
            key=Once(key, f"POST {_PATH}") if key else None,
        )
        place = location(self._desk, "imports", uuid_of(Kind.JOB, shown.job.id))
        document = import_document(shown, typed.type.name)
        return json_response(document, 202, [("Location", place)])

    async def look(self, request: Request) -> ASGIApp:
        """Return an import as it is now."""
        seat = await self._desk.seat(request)
        shown = await self._imports.look(seat, job_number(request))
        typed = await self._desk.depot.types.get(seat, shown.run.type_id)
        return json_response(import_document(shown, typed.type.name))


def import_document(shown: Shown, type: str) -> dict[str, Any]:
    """Return an import; rows are counted as they are done."""
    run = shown.run
    return {
        "id": uuid_of(Kind.JOB, shown.job.id),
        "type": type,
        "mode": run.mode,
        "succeeded": run.succeeded,
        "failed": run.failed,
        "has_errors": shown.has_errors,
        "job": job_document(shown.job),
    }


def _mode(text: str | None) -> Mode:
    try:
        return Mode(text) if text else Mode.UPSERT
    except ValueError:
        names = ", ".join(Mode)
        raise BadParameter(f"mode is one of {names}.", parameter="mode") from None
