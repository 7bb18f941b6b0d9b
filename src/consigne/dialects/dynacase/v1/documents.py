"""Documents of level 2: shown, made, changed, into the trash and out of it (DY-79, 81, 82)."""

from starlette.requests import Request
from starlette.types import ASGIApp

from consigne.core.entry import Precondition
from consigne.core.records.change import Change, Full, Ref
from consigne.core.records.layout import Layout
from consigne.dialects.dynacase.cabinet import Cabinet
from consigne.dialects.dynacase.desk import Desk
from consigne.dialects.dynacase.documents import Documents as Saving
from consigne.dialects.dynacase.envelope import API_VERSION, Message, said
from consigne.dialects.dynacase.errors import refuse
from consigne.dialects.dynacase.query import query_of
from consigne.dialects.dynacase.rendering import values_of
from consigne.dialects.dynacase.saves import LARGEST
from consigne.dialects.dynacase.v1.envelope import Envelopes
from consigne.dialects.dynacase.v1.errors import turned_away
from consigne.dialects.dynacase.v1.lookup import Lookup
from consigne.dialects.dynacase.v1.rendering import data_of
from consigne.dialects.dynacase.v1.selection import DEFAULT, Selection, selection_of
from consigne.dialects.dynacase.v1.wire import OpenWire
from consigne.errors import WrongState
from consigne.http import conditions
from consigne.http.answers import empty_response
from consigne.http.bodies import decode_json, read_limited
from consigne.http.conditions import entity_tags
from consigne.http.fields import pick
from consigne.model.records import RecordState


class Documents:
    """The endpoints of single documents; ``saving`` reads the bodies of saves, as in level 1."""

    def __init__(
        self,
        desk: Desk,
        envelopes: Envelopes,
        wire: OpenWire,
        cabinet: Cabinet,
        lookup: Lookup,
        saving: Saving,
    ) -> None:
        self._desk = desk
        self._records = desk.depot.records
        self._envelopes = envelopes
        self._wire = wire
        self._cabinet = cabinet
        self._lookup = lookup
        self._saving = saving

    async def look(self, request: Request) -> ASGIApp:
        """GET documents/<id>; the number of a frozen revision leads to its document."""
        _, full = await self._lookup.document(request)
        record = full.record
        if record.state is RecordState.FROZEN:
            place = self._wire.document_uri(record.initid)
            text = f'Document "{record.id}" is a revision of "{record.initid}"'
            raise turned_away(307, "CRUD0222", text, location=place)
        selection = selection_in(request, full.layout)
        etag = etag_of(full)
        fields = pick(request.scope["headers"], conditions.FIELDS)
        outcome = conditions.evaluate(fields, safe=True, etag=etag, modified_at=None)
        if outcome is conditions.Outcome.NOT_MODIFIED:
            headers = {"ETag": etag, "X-DCP-Api-Version": API_VERSION}
            return empty_response(304, headers)
        return self._shown(request, full, selection)

    async def create(self, request: Request) -> ASGIApp:
        """POST families/<F>/documents/."""
        seat, family = await self._cabinet.family(request)
        selection = selection_in(request, family.layout)

        async def commit(change: Change) -> Full:
            return await self._records.create(seat, family.type.id, change)

        full, messages = await self._saving.saved(request, seat, family.layout, commit)
        headers = {"Location": self._wire.document_uri(full.record.id)}
        return self._shown(request, full, selection, messages, status=201, headers=headers)

    async def change(self, request: Request) -> ASGIApp:
        """PUT documents/<id>: what the body names becomes what it says."""
        seat, before = await self._cabinet.document(request, "edit")
        selection = selection_in(request, before.layout)
        ref, guard = Ref.number(before.record.id), _guard(request)

        async def commit(change: Change) -> Full:
            return await self._records.change(seat, ref, change, precondition=guard)

        full, messages = await self._saving.saved(request, seat, before.layout, commit)
        return self._shown(request, full, selection, messages)

    async def delete(self, request: Request) -> ASGIApp:
        """DELETE documents/<id>: into the trash, with its files."""
        seat, full = await self._cabinet.document(request, "delete")
        selection = selection_in(request, full.layout)
        ref = Ref.number(full.record.id)
        gone = await self._records.trash(seat, ref, precondition=_guard(request))
        uri = self._wire.uri(f"trash/{gone.record.id}.json")
        return self._shown(request, gone, selection, said(gone), uri=uri)

    async def restore(self, request: Request) -> ASGIApp:
        """PUT trash/<id>: out of the trash."""
        seat, full = await self._lookup.trashed(request)
        rules = full.record.rules(full.type)
        await self._records.require(seat, rules, "delete")
        if full.record.state is not RecordState.TRASHED:
            raise _not_there(request)
        selection = selection_in(request, full.layout)
        body = decode_json(await read_limited(request, LARGEST, self._desk.settings.body_idle))
        if _status(body) != "alive":
            raise refuse("CRUD0208", 'Only the status "alive" can be set')
        try:
            back = await self._records.restore(seat, Ref.number(full.record.id))
        except WrongState:
            raise _not_there(request) from None
        return self._shown(request, back, selection)

    def _shown(
        self,
        request: Request,
        full: Full,
        selection: Selection,
        messages: list[Message] | None = None,
        *,
        status: int = 200,
        headers: dict[str, str] | None = None,
        uri: str | None = None,
    ) -> ASGIApp:
        return self._envelopes.success(
            request.scope,
            data_of(self._wire, full, selection, uri),
            messages or (),
            status=status,
            headers={"ETag": etag_of(full), **(headers or {})},
        )


def selection_in(request: Request, layout: Layout, default: str = DEFAULT) -> Selection:
    """Return what a request asks an answer to have."""
    known = frozenset(field.id.lower() for field in values_of(layout))
    return selection_of(query_of(request.scope).get("fields"), known, default)


def etag_of(full: Full) -> str:
    """Return the tag of a document as answers show it: its own state, and its family's version.

    The files that it shows change with it or by their versions.
    """
    versions = sum(placed.file.version for placed in full.links)
    return f'{full.record.etag[:-1]}.{full.type.version}.{versions}"'


def _guard(request: Request) -> Precondition | None:
    """Return what the document must still be, in the tags of its answers."""
    told = request.headers.get("if-match")
    if told is None:
        return None
    if told.strip() == "*":
        return Precondition(frozenset({"*"}))
    return Precondition(frozenset(f'{tag.partition(".")[0]}"' for tag in entity_tags(told)))


def _status(body: object) -> object:
    for word in ("document", "properties", "status"):
        body = body.get(word) if isinstance(body, dict) else None
    return body


def _not_there(request: Request) -> Exception:
    number = request.path_params["docid"]
    return turned_away(404, "CRUD0220", f'Document "{number}" is not in the trash')
