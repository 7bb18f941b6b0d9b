"""Bytes on their way out, and the versions of a file."""

from starlette.requests import Request
from starlette.types import ASGIApp

from consigne.dialects.native.desk import API, Desk, file_number
from consigne.dialects.native.parameters import flag
from consigne.dialects.native.replies import REVALIDATE, stored_reply
from consigne.dialects.native.wire import versions_document
from consigne.errors import VersionNotFound
from consigne.http.answers import json_response
from consigne.http.delivery import Delivery
from consigne.http.routing import Route

_FILE = f"{API}/files/{{id}}"


class Contents:
    """``GET /files/{id}/content`` and the routes of ``/files/{id}/versions``."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._vault = desk.depot.vault
        self._reader = desk.depot.reader

    def routes(self) -> list[Route]:
        version = f"{_FILE}/versions/{{n}}"
        return [
            Route("GET", f"{_FILE}/content", self.content),
            Route("GET", f"{_FILE}/versions", self.versions),
            Route("GET", f"{version}/content", self.version_content),
            Route("POST", f"{version}/restore", self.restore),
        ]

    async def content(self, request: Request) -> ASGIApp:
        """Send the current version."""
        return await self._deliver(request, None)

    async def versions(self, request: Request) -> ASGIApp:
        """List all versions, the current one first."""
        seat, number = await self._desk.seat(request), file_number(request)
        return json_response(versions_document(*await self._vault.versions(seat, number)))

    async def version_content(self, request: Request) -> ASGIApp:
        """Send one version, the current or a replaced one."""
        return await self._deliver(request, _version_number(request))

    async def restore(self, request: Request) -> ASGIApp:
        """Make a replaced version the current one again."""
        seat, number = await self._desk.seat(request), file_number(request)
        version = _version_number(request)
        return stored_reply(self._desk, await self._vault.restore_version(seat, number, version))

    async def _deliver(self, request: Request, version: int | None) -> ASGIApp:
        seat, number = await self._desk.seat(request), file_number(request)
        reading = await self._reader.open(seat, number, version)
        inline = False
        if request.scope["query_string"]:
            inline = flag(request.query_params.get("inline", "false"), "inline")
        return Delivery(
            reading, inline=inline, multi=True, headers=(REVALIDATE,), away=reading.away
        )


def _version_number(request: Request) -> int:
    text = request.path_params["n"]
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise VersionNotFound
    return int(text)
