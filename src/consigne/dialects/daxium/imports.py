"""``POST …/submissions/import``: submissions from a CSV file, in the background (DX-37, DX-39)."""

from starlette.requests import Request

from consigne.core.access import Seat
from consigne.core.entry import Once
from consigne.core.imports.desk import Shown
from consigne.core.records.types import Typed
from consigne.dialects.daxium.desk import Desk
from consigne.dialects.daxium.items import Reader
from consigne.dialects.daxium.uploads import filled, require_raw
from consigne.dialects.daxium.wire import number_of
from consigne.dialects.daxium.workers import started_document
from consigne.errors import (
    AlreadyLinked,
    BadParameter,
    Infected,
    LinkRefused,
    RightMissing,
    TypeNotFound,
)
from consigne.http.answers import Answer, json_response
from consigne.http.bodies import declared_length, raw_body
from consigne.http.digests import FIELDS, body_digests
from consigne.http.fields import pick
from consigne.http.idempotency import idempotency_key
from consigne.model.identity import Kind, from_uuid
from consigne.model.imports import Mode
from consigne.model.rights import Right

_ROUTE = "POST submissions/import"
_JSON = "application/json"
_MOST = 1 << 53
_NO_FILE = 0  # no file has this number: what is no id of ours is as unknown as any other


class ImportRoute:
    """The one route that starts imports."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._imports = desk.depot.imports

    async def post(self, request: Request) -> Answer:
        """Start an import of the body, or of a file that was uploaded before."""
        seat = await self._desk.seat(request, Right.MANAGE)
        query = request.query_params
        number, mode = number_of(query, "structure_id", _MOST), _mode(query.get("mode"))
        if number is None:
            raise BadParameter("Name a structure.", parameter="structure_id")
        typed = await self._desk.structure(seat, number)
        key = idempotency_key(request.headers.get("idempotency-key"))
        once = Once(key, _ROUTE) if key else None
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        try:
            if kind == _JSON:
                shown = await self._named(request, seat, typed, mode, once)
            else:
                shown = await self._sent(request, seat, typed, mode, once)
        except RightMissing as error:
            if error.details.get("right") == "create":
                raise TypeNotFound from None
            raise
        return json_response(started_document(shown), 202)

    async def _named(
        self, request: Request, seat: Seat, typed: Typed, mode: Mode, once: Once | None
    ) -> Shown:
        """Start with the uploaded file that the body names."""
        data = await self._desk.body(request)
        body = Reader(data)
        spelled = body.uuid("file")
        if spelled is None:
            body.refuse("file", "The uuid of a file is needed.")
        body.require_sound()
        file_id = from_uuid(Kind.FILE, spelled or "") or _NO_FILE
        try:
            return await self._imports.start(seat, typed.type.id, mode, file_id, key=once)
        except (LinkRefused, AlreadyLinked, Infected) as error:
            infos = [{"field": each.field, "file": data["file"]} for each in error.details["files"]]
            raise type(error)(infos=infos) from None

    async def _sent(
        self, request: Request, seat: Seat, typed: Typed, mode: Mode, once: Once | None
    ) -> Shown:
        """Start with the CSV that is the body (DX-16 applies)."""
        require_raw(request)
        length = declared_length(request.headers)
        settings = self._desk.settings
        return await self._imports.receive(
            seat,
            typed.type.id,
            mode,
            filled(raw_body(request, settings.body_idle)),
            length=length,
            expected=body_digests(pick(request.scope["headers"], FIELDS)),
            key=once,
        )


def _mode(text: str | None) -> Mode:
    try:
        return Mode(text) if text is not None else Mode.UPSERT
    except ValueError:
        raise BadParameter("upsert, add or update is expected.", parameter="mode") from None
