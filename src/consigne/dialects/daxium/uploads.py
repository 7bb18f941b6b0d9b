"""``POST /{app_short}/files/upload``: the raw bytes of a file to be linked later (DX-12..21)."""

from collections.abc import AsyncIterator

from starlette.requests import Request

from consigne.core.clock import ms, now_ms
from consigne.core.entry import Entry
from consigne.dialects.daxium.desk import Desk
from consigne.dialects.daxium.documents import upload_document
from consigne.dialects.daxium.wire import declared_type
from consigne.errors import BadHeader, IncompleteBody, UnsupportedMedia
from consigne.http.answers import Answer, json_response
from consigne.http.bodies import declared_length, raw_body
from consigne.http.digests import FIELDS, body_digests
from consigne.http.dispositions import parse_disposition
from consigne.http.fields import pick
from consigne.model.entities import Policy
from consigne.model.rights import Right


class Uploads:
    """The upload route. Rights and room are checked before the first byte (DX-17)."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._settings = desk.settings

    async def post(self, request: Request) -> Answer:
        """Hold the body as a file that one record may link, once."""
        seat = await self._desk.seat(request, Right.WRITE)
        require_raw(request)
        length = declared_length(request.headers)
        if length == 0:
            raise _empty()
        disposition = request.headers.get("content-disposition")
        name = parse_disposition(disposition).filename if disposition else None
        entry = Entry(
            name=name or "",
            is_named_by_id=True,
            declared_type=declared_type(request.headers.get("content-type")),
            policy=Policy.SINGLE,
            hold=True,
            expires_at=now_ms() + ms(self._settings.daxium_hold_expiry),
        )
        file = await self._desk.depot.intake.receive(
            seat,
            filled(raw_body(request, self._settings.body_idle)),
            entry,
            length=length,
            expected=body_digests(pick(request.scope["headers"], FIELDS)),
        )
        digest = file.sha256.hex() if file.sha256 else ""
        return json_response(upload_document(file), headers=[("X-Consigne-SHA256", digest)])


def require_raw(request: Request) -> None:
    """Refuse a body that is not simply the file (DX-16). Raises UnsupportedMedia, BadHeader."""
    kind = request.headers.get("content-type", "").strip().lower()
    if kind.startswith("multipart/"):
        raise UnsupportedMedia(reason="multipart")
    coding = request.headers.get("content-encoding", "identity").strip().lower()
    if coding not in ("identity", ""):
        raise UnsupportedMedia(reason="encoded")
    if "content-range" in request.headers:
        raise BadHeader("A file is sent as a whole.", parameter="Content-Range")


async def filled(source: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Pass a body through that has at least one byte. Raises IncompleteBody."""
    empty = True
    async for piece in source:
        empty = False
        yield piece
    if empty:
        raise _empty()


def _empty() -> IncompleteBody:
    return IncompleteBody("The body is empty.", reason="empty")
