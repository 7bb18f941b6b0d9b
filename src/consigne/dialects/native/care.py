"""The care for stored bytes, for operators: how far scrub, mirror and migration are."""

from typing import Any

from starlette.requests import Request
from starlette.types import ASGIApp

from consigne.dialects.native.desk import API, Desk
from consigne.dialects.native.listing import DEFAULT_LIMIT, MAX_LIMIT
from consigne.dialects.native.parameters import whole
from consigne.dialects.native.replies import page_reply
from consigne.dialects.native.wire import iso
from consigne.http.answers import json_response
from consigne.http.routing import Route
from consigne.model.care import ScrubFinding, ScrubPass
from consigne.model.identity import MAX

_SCRUB = f"{API}/scrub"


class CareRoutes:
    """The routes of ``/scrub``, ``/mirror`` and ``/migration``."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._scrub = desk.depot.scrub

    def routes(self) -> list[Route]:
        return [
            Route("GET", _SCRUB, self.scrub),
            Route("GET", f"{_SCRUB}/findings", self.findings),
            Route("GET", f"{API}/mirror", self.mirror),
            Route("GET", f"{API}/migration", self.migration),
        ]

    async def scrub(self, request: Request) -> ASGIApp:
        """Return the pass under way, or the last one, and when the next begins."""
        (await self._desk.caller(request)).require_operator()
        status = await self._scrub.status()
        return json_response(
            {
                "pass": None if status.latest is None else _pass_document(status.latest),
                "is_running": status.is_running,
                "due_at": _maybe(status.due_at),
            }
        )

    async def findings(self, request: Request) -> ASGIApp:
        """Return what the latest pass has found."""
        (await self._desk.caller(request)).require_operator()
        asked = request.query_params
        limit = whole(asked.get("limit") or str(DEFAULT_LIMIT), "limit", 1, MAX_LIMIT)
        after = whole(asked.get("cursor") or "0", "cursor", 0, MAX)
        status = await self._scrub.status()
        number = 0 if status.latest is None else status.latest.number
        found = await self._scrub.findings(number, after, limit + 1)
        page = found[:limit]
        following = str(page[-1].id) if len(found) > limit else None
        documents = [_finding_document(each) for each in page]
        return page_reply(self._desk, request, "findings", documents, "cursor", following)

    async def mirror(self, request: Request) -> ASGIApp:
        """Return how far the mirror is behind; null where there is none."""
        (await self._desk.caller(request)).require_operator()
        mirror = self._desk.depot.mirror
        status = None if mirror is None else await mirror.status()
        document = None if status is None else {
            "location": status.location,
            "copied": status.copied,
            "bytes_copied": status.size,
            "behind": status.behind,
            "bytes_behind": status.behind_size,
            "behind_since": _maybe(status.behind_since),
        }  # fmt: skip
        return json_response({"mirror": document})

    async def migration(self, request: Request) -> ASGIApp:
        """Return how far the move to another store is; null where there is none."""
        (await self._desk.caller(request)).require_operator()
        moving = self._desk.depot.moving
        status = None if moving is None else await moving.status()
        document = None if status is None else {
            "source": status.source,
            "target": status.target,
            "begun_at": iso(status.begun_at),
            "moved": status.moved,
            "bytes_moved": status.size,
            "left": status.left,
            "uploads": status.uploads,
        }  # fmt: skip
        return json_response({"migration": document})


def _pass_document(value: ScrubPass) -> dict[str, Any]:
    return {
        "number": value.number,
        "started_at": iso(value.started_at),
        "ended_at": _maybe(value.ended_at),
        "contents": value.total,
        "checked": value.checked,
        "bytes_read": value.size,
        "found": value.found,
        "repaired": value.repaired,
    }


def _finding_document(value: ScrubFinding) -> dict[str, Any]:
    return {
        "content": str(value.content_id),
        "space": value.space_id,
        "place": value.place,
        "problem": value.problem,
        "repaired": value.is_repaired,
        "found_at": iso(value.found_at),
    }


def _maybe(milliseconds: int | None) -> str | None:
    return iso(milliseconds) if milliseconds else None
