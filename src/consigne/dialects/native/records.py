"""Records: documents with values and files."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Annotated, Any

import msgspec
from msgspec import Meta
from starlette.requests import Request
from starlette.types import ASGIApp

from consigne.core.entry import Once, Precondition
from consigne.core.records.change import Change, Full, Ref, Slot, Slots
from consigne.dialects.native.bodies import FileName, Text, body_of
from consigne.dialects.native.desk import API, Desk, tags_of
from consigne.dialects.native.listing import DEFAULT_LIMIT
from consigne.dialects.native.parameters import flag, moment, plain, whole
from consigne.dialects.native.replies import location, page_reply
from consigne.dialects.native.wire_records import acl_document, head_document, record_document
from consigne.errors import BadCursor, BadParameter
from consigne.http.answers import Answer, empty_response, json_response
from consigne.http.idempotency import idempotency_key
from consigne.http.routing import Route
from consigne.model.identity import Kind, from_uuid
from consigne.model.records import Acl, RecordState
from consigne.model.rights import Right

PATH = f"{API}/records"
_MOST = 500
_NOWHERE = 0  # no file has this number: an id that is none of ours is as unknown as any
_Comment = Annotated[str, Meta(max_length=2000, pattern=r"^[^\x00]*$")]
_ORDERS = ("number", "-number", "title", "-title")


class FileLink(msgspec.Struct, forbid_unknown_fields=True):
    """A file in a field: one of the vault, or one that the record has."""

    file: Annotated[str, Meta(max_length=64)]
    name: FileName | None = None
    comment: _Comment | None = None

    def slot(self) -> Slot:
        return Slot(file_number(self.file), self.name, self.comment)


Linked = FileLink | Annotated[str, Meta(max_length=64)]
Rows = Annotated[list[Linked | None], Meta(max_length=1000)]


class RecordChange(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """``PATCH`` and ``PUT /records/{id}``."""

    values: dict[str, Any] = {}
    files: dict[str, Rows | Linked | None] = {}
    name: Annotated[str, Meta(max_length=256)] | None = None
    partial: bool | None = None
    reference: Text | None = None
    is_reference: bool | None = None
    data_created_at: str | None = None
    data_updated_at: str | None = None
    latitude: Annotated[float, Meta(ge=-90, le=90)] | None = None
    longitude: Annotated[float, Meta(ge=-180, le=180)] | None = None
    type_version: Annotated[int, Meta(ge=1, le=1 << 31)] | None = None
    share: bool = True

    def change(self, **further: Any) -> Change:
        """Return what is meant. Raises BadParameter."""
        return Change(
            values=self.values,
            files={name: _slots(wish) for name, wish in self.files.items()},
            name=self.name,
            partial=self.partial,
            reference=self.reference,
            is_reference=self.is_reference,
            data_created_at=_moment(self.data_created_at, "data_created_at"),
            data_updated_at=_moment(self.data_updated_at, "data_updated_at"),
            latitude=self.latitude,
            longitude=self.longitude,
            type_version=self.type_version,
            share=self.share,
            **further,
        )


class NewRecord(RecordChange, kw_only=True):
    """``POST /records``; ``type``: name or number; ``id``: a UUID of the client's."""

    type: Annotated[str, Meta(max_length=256)] | int
    id: Annotated[str, Meta(max_length=64)] | None = None


class AclForm(msgspec.Struct, forbid_unknown_fields=True):
    """``PUT /records/{id}/acl``: entries by verb, null or left out: all members."""

    view: list[str] | None = None
    edit: list[str] | None = None
    delete: list[str] | None = None
    create: list[str] | None = None


class RecordRoutes:
    """The routes of ``/records`` but for those of their files."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._records = desk.depot.records

    def routes(self) -> list[Route]:
        one = f"{PATH}/{{id}}"
        return [
            Route("POST", PATH, self.create),
            Route("GET", PATH, self.list),
            Route("GET", f"{PATH}/count", self.count),
            Route("GET", one, self.look),
            Route("PATCH", one, self.change),
            Route("PUT", one, self.replace),
            Route("DELETE", one, self.delete),
            Route("POST", f"{one}/restore", self.restore),
            Route("POST", f"{one}/freeze", self.freeze),
            Route("GET", f"{one}/revisions", self.revisions),
            Route("PUT", f"{one}/lock", self.lock),
            Route("DELETE", f"{one}/lock", self.unlock),
            Route("PUT", f"{one}/acl", self.set_acl),
            Route("DELETE", f"{one}/acl", self.drop_acl),
        ]

    async def create(self, request: Request) -> ASGIApp:
        """Make a record with values and files, all or nothing."""
        seat = await self._desk.seat(request)
        body: NewRecord = await body_of(request, NewRecord)
        key = idempotency_key(request.headers.get("idempotency-key"))
        typed = await self._desk.depot.types.get(seat, body.type)
        change = body.change(uuid=body.id, once=Once(key, f"POST {PATH}") if key else None)
        full = await self._records.create(seat, typed.type.id, change)
        answer = record_answer(full, 200 if full.is_repeat else 201)
        place = location(self._desk, "records", full.record.uuid)
        answer.headers.append((b"location", place.encode("ascii")))
        return answer

    async def list(self, request: Request) -> ASGIApp:
        """Return records that the caller may view, by number or title."""
        seat, asked = await self._desk.seat(request), request.query_params
        limit = whole(asked.get("limit") or str(DEFAULT_LIMIT), "limit", 1, _MOST)
        order = asked.get("order", "number")
        if order not in _ORDERS:
            raise BadParameter(f"order is one of {', '.join(_ORDERS)}.", parameter="order")
        page = await self._records.page(
            seat,
            after=_after(asked.get("cursor"), by_title="title" in order),
            limit=limit,
            by_title="title" in order,
            descending=order.startswith("-"),
            **await self._scope(request),
        )
        documents = [record_document(full) for full in page.records]
        following = None if page.after is None else _cursor(page.after)
        return page_reply(self._desk, request, "records", documents, "cursor", following)

    async def count(self, request: Request) -> ASGIApp:
        """Return how many records the list has."""
        seat = await self._desk.seat(request)
        return json_response(
            {"count": await self._records.count(seat, **await self._scope(request))}
        )

    async def look(self, request: Request) -> ASGIApp:
        """Return a record, or a frozen ``revision`` of it; one of the trash with ``trashed``."""
        seat, asked = await self._desk.seat(request), request.query_params
        revision = asked.get("revision")
        full = await self._records.get(
            seat,
            ref_of(request),
            revision=None if revision is None else whole(revision, "revision", 0, 1 << 31),
            trashed=flag(asked.get("trashed", "false"), "trashed"),
        )
        return record_answer(full)

    async def change(self, request: Request) -> ASGIApp:
        """Change what the body names; null clears a field."""
        return await self._change(request, replace=False)

    async def replace(self, request: Request) -> ASGIApp:
        """Change a record; fields that the body does not name are cleared."""
        return await self._change(request, replace=True)

    async def delete(self, request: Request) -> ASGIApp:
        """Move a record into the trash; with ``purge`` end it for good, files and all."""
        seat, ref = await self._desk.seat(request), ref_of(request)
        wanted = record_precondition(request)
        if flag(request.query_params.get("purge", "false"), "purge"):
            seat.require(Right.MANAGE)
            await self._records.delete(seat, ref, wanted)
        else:
            await self._records.trash(seat, ref, wanted)
        return empty_response()

    async def restore(self, request: Request) -> ASGIApp:
        """Take a record out of the trash."""
        seat = await self._desk.seat(request)
        return record_answer(await self._records.restore(seat, ref_of(request)))

    async def freeze(self, request: Request) -> ASGIApp:
        """Freeze the present state as a revision with a number of its own."""
        seat = await self._desk.seat(request)
        full = await self._records.freeze(seat, ref_of(request))
        answer = record_answer(full, 201)
        place = location(self._desk, "records", str(full.record.id))
        answer.headers.append((b"location", place.encode("ascii")))
        return answer

    async def revisions(self, request: Request) -> ASGIApp:
        """Return the frozen revisions of a record, oldest first."""
        seat, ref = await self._desk.seat(request), ref_of(request)
        full = await self._records.get(seat, ref)
        found = await self._records.revisions(seat, ref)
        documents = [head_document(each, full.type.name) for each in found]
        return json_response({"revisions": documents})

    async def lock(self, request: Request) -> ASGIApp:
        """Keep everybody else from writing."""
        seat = await self._desk.seat(request)
        return record_answer(await self._records.lock(seat, ref_of(request)))

    async def unlock(self, request: Request) -> ASGIApp:
        """Let others write again."""
        seat = await self._desk.seat(request)
        return record_answer(await self._records.unlock(seat, ref_of(request)))

    async def set_acl(self, request: Request) -> ASGIApp:
        """Give a record an ACL of its own."""
        seat, ref = await self._desk.seat(request), ref_of(request)
        body: AclForm = await body_of(request, AclForm)
        acl = Acl(body.view, body.edit, body.delete, body.create)
        full = await self._records.set_acl(seat, ref, acl)
        return json_response(acl_document(full.record.rules(full.type)))

    async def drop_acl(self, request: Request) -> ASGIApp:
        """Let the ACL of its type count for a record again."""
        await self._records.set_acl(await self._desk.seat(request), ref_of(request), None)
        return empty_response()

    async def _change(self, request: Request, *, replace: bool) -> ASGIApp:
        seat, ref = await self._desk.seat(request), ref_of(request)
        body: RecordChange = await body_of(request, RecordChange)
        full = await self._records.change(
            seat, ref, body.change(), replace=replace, precondition=record_precondition(request)
        )
        return record_answer(full)

    async def _scope(self, request: Request) -> dict[str, Any]:
        """Return which records a list is about. Raises TypeNotFound, BadParameter."""
        asked, scope = request.query_params, dict[str, Any]()
        name = asked.get("type")
        if name is not None:
            seat = await self._desk.seat(request)
            wanted = int(name) if name.isascii() and name.isdigit() and len(name) < 16 else name
            found = await self._desk.depot.types.get(seat, wanted)
            scope["type_id"] = found.type.id
        state = asked.get("state", "live")
        if state not in ("live", "trashed"):
            raise BadParameter("state is live or trashed.", parameter="state")
        scope["state"] = RecordState(state)
        if "is_reference" in asked:
            scope["is_reference"] = flag(asked["is_reference"], "is_reference")
        if "title" in asked:
            scope["begins"] = plain(asked["title"], "title", 256)
        return scope


def record_answer(full: Full, status: int = 200) -> Answer:
    """Return a record with its tag."""
    headers = [("ETag", full.record.etag), ("Cache-Control", "private, no-cache")]
    return json_response(record_document(full), status, headers)


def record_precondition(request: Request) -> Precondition | None:
    """Return what ``If-Match`` says the record must still be."""
    wanted = request.headers.get("if-match")
    return None if wanted is None else Precondition(tags_of(wanted))


def ref_of(request: Request) -> Ref:
    """Return the record of the path: its number, its UUID, or its logical name."""
    text = plain(request.path_params["id"], "id", 256)
    if text.isascii() and text.isdigit() and len(text) < 17:
        return Ref.number(int(text))
    if len(text) == 36 and text.count("-") == 4:
        return Ref.uuid(text)
    return Ref.name(text)


def file_number(text: str) -> int:
    """Return the number of a file's UUID; one that no file has where it is none of ours."""
    number = from_uuid(Kind.FILE, text)
    return _NOWHERE if number is None else number


def _slots(wish: Any) -> Slots:
    if isinstance(wish, list):
        return [_slot(each) for each in wish]
    return _slot(wish)


def _slot(wish: FileLink | str | None) -> Slot | None:
    if wish is None:
        return None
    return Slot(file_number(wish)) if isinstance(wish, str) else wish.slot()


def _moment(text: str | None, parameter: str) -> int | None:
    return None if text is None else moment(text, parameter)


def _cursor(after: tuple[str | int, ...]) -> str:
    return urlsafe_b64encode(msgspec.json.encode(after)).decode().rstrip("=")


def _after(cursor: str | None, *, by_title: bool) -> tuple[str | int, ...] | None:
    """Return the place that a cursor stands for. Raises BadCursor."""
    if not cursor:
        return None
    shape: Any = tuple[str, int] if by_title else tuple[int]
    try:
        data = urlsafe_b64decode(plain(cursor, "cursor", 4096) + "===")
        found: tuple[str | int, ...] = msgspec.json.decode(data, type=shape)
    except (ValueError, msgspec.DecodeError):
        raise BadCursor(parameter="cursor") from None
    if "\0" in str(found[0]) or not 0 <= int(found[-1]) < 1 << 63:
        raise BadCursor(parameter="cursor")
    return found
