"""Handing files on: a signed URL for someone without an account, several files as one archive."""

from starlette.requests import Request
from starlette.types import ASGIApp

from consigne.core.clock import now_ms
from consigne.dialects.native.bodies import Share, body_of
from consigne.dialects.native.desk import API, Desk, file_number
from consigne.dialects.native.wire import iso, text_document
from consigne.errors import BadParameter, FileNotFound
from consigne.http.answers import json_response
from consigne.http.routing import Route
from consigne.http.zips import Entry, ZipDelivery
from consigne.model.identity import Kind, from_uuid

MOST = 200
_NO_STORE = (b"cache-control", b"private, no-store")


class Handing:
    """``/files/{id}/share``, ``/files/{id}/text`` and ``/files/archive``."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._vault = desk.depot.vault
        self._reader = desk.depot.reader

    def routes(self) -> list[Route]:
        return [
            Route("POST", f"{API}/files/{{id}}/share", self.share),
            Route("GET", f"{API}/files/{{id}}/text", self.text),
            Route("GET", f"{API}/files/archive", self.archive),
        ]

    async def share(self, request: Request) -> ASGIApp:
        """Return a URL under which anyone can download the present content for a while."""
        seat, number = await self._desk.seat(request), file_number(request)
        body: Share = await body_of(request, Share)
        file = await self._vault.look(seat, number)
        url = await self._desk.depot.objects.share(seat, file, body.expires_in)
        document = {"url": url, "expires_at": iso(now_ms() + body.expires_in * 1000)}
        return json_response(document, 201, [("Cache-Control", "no-store")])

    async def text(self, request: Request) -> ASGIApp:
        """Say what the search knows of a file's text."""
        seat, number = await self._desk.seat(request), file_number(request)
        known = await self._desk.depot.texts.look(seat, number)
        return json_response(text_document(known), headers=[("Cache-Control", "no-store")])

    async def archive(self, request: Request) -> ASGIApp:
        """Send several files as one ZIP, made while it is sent."""
        seat, asked = await self._desk.seat(request), request.query_params.getlist("id")
        numbers = list(dict.fromkeys(from_uuid(Kind.FILE, text) for text in asked))
        if not 1 <= len(numbers) <= MOST:
            raise BadParameter(
                f"An archive has 1 to {MOST} files.",
                hint="POST /consigne/v1/bulk with the action export makes larger ones.",
                parameter="id",
            )
        entries: list[Entry] = []
        names: set[str] = set()
        for number in numbers:
            if number is None:
                raise FileNotFound
            reading = await self._reader.open(seat, number)
            entries.append(Entry(_unused(reading.name, names), reading))
        return ZipDelivery(entries, "files.zip", headers=[_NO_STORE])


def _unused(name: str, names: set[str]) -> str:
    """Return a name that is not in ``names`` yet, whatever their case, and put it there.

    >>> taken = {"a.pdf"}
    >>> _unused("A.pdf", taken), _unused("a.pdf", taken)
    ('A (2).pdf', 'a (3).pdf')
    """
    stem, dot, extension = name.rpartition(".")
    if not stem:
        stem, dot, extension = name, "", ""
    free, count = name, 1
    while free.casefold() in names:
        count += 1
        free = f"{stem} ({count}){dot}{extension}"
    names.add(free.casefold())
    return free
