"""Reading records: one by its number, UUID or name, pages of them, counts."""

from collections.abc import Iterator

import msgspec

from consigne.catalog import files, links, record_types, records
from consigne.catalog.engine import Catalog, Tx
from consigne.core.access import readable
from consigne.core.clock import now_ms
from consigne.core.records import permits
from consigne.core.records.change import Full, Placed, Ref
from consigne.core.records.layout import Layout, layout_of
from consigne.core.records.saving import layout_in
from consigne.core.seat import Seat
from consigne.errors import LinkNotFound, RecordNotFound, RecordTrashed, TypeNotFound
from consigne.model.names import fold
from consigne.model.records import Acl, Record, RecordList, RecordState, RecordType
from consigne.model.rights import Right

_MOST = 500


class RecordPage(msgspec.Struct, frozen=True):
    """Records of a list, and what ``after`` must be for the next ones (None: no more)."""

    records: list[Full]
    after: tuple[str | int, ...] | None


class Looking:
    """The verbs that change nothing. All raise RecordNotFound, and RightMissing (``view``)."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    async def get(
        self, seat: Seat, ref: Ref, *, revision: int | None = None, trashed: bool = False
    ) -> Full:
        """Return a record, or its frozen ``revision``. Raises RecordTrashed unless ``trashed``."""

        def work(tx: Tx) -> Full:
            record = found(tx, seat, ref)
            if revision is not None:
                record = records.revision_of(tx, record.initid, revision) or _none()
            return viewed(tx, seat, record, trashed=trashed)

        return await self._catalog.look(work)

    async def require(self, seat: Seat, acl: Acl, verb: str) -> None:
        """Raise RightMissing where the caller may not do this with records under an ACL.

        For what has to be refused before a body is read; the verbs themselves check it again.
        """

        def work(tx: Tx) -> None:
            permits.require(seat, permits.groups_for(tx, seat, acl), acl, verb)

        await self._catalog.look(work)

    async def revisions(self, seat: Seat, ref: Ref) -> list[Record]:
        """Return the frozen revisions of a record, oldest first."""

        def work(tx: Tx) -> list[Record]:
            record = found(tx, seat, ref)
            viewed(tx, seat, record)
            return records.revisions(tx, record.initid)

        return await self._catalog.look(work)

    async def numbered(self, seat: Seat, type_id: int, number: int) -> Full:
        """Return the live record of a type that has this number in the space (DX-40)."""

        def work(tx: Tx) -> Full:
            record = records.by_number(tx, type_id, number)
            if record is None or record.space_id != seat.space_id:
                raise RecordNotFound
            return viewed(tx, seat, record)

        return await self._catalog.look(work)

    async def place_of(self, seat: Seat, ref: Ref, file_id: int) -> tuple[str, int]:
        """Return field and row in which a record shows a file. Raises LinkNotFound."""
        full = await self.get(seat, ref)
        for placed in full.links:
            if placed.file.id == file_id:
                return placed.link.field, placed.link.idx
        raise LinkNotFound

    async def linking(self, seat: Seat, file_id: int) -> list[tuple[Record, str, str]]:
        """Return (record, name of its type, field) of each link of a file that the caller sees.

        Raises FileNotFound.
        """
        seat.require(Right.READ)

        def work(tx: Tx) -> list[tuple[Record, str, str]]:
            readable(tx, seat, files.by_id(tx, file_id), now_ms())
            return [
                (record, type.name, field)
                for field, fields, record, type in links.sight(tx, file_id)
                if field not in layout_of(fields).hidden
                and permits.may_view(tx, seat, record, type)
            ]

        return await self._catalog.look(work)

    async def page(
        self,
        seat: Seat,
        type_id: int | None = None,
        *,
        after: tuple[str | int, ...] | None = None,
        limit: int = 50,
        offset: int = 0,
        state: RecordState = RecordState.LIVE,
        is_reference: bool | None = None,
        by_title: bool = False,
        descending: bool = False,
        begins: str | None = None,
    ) -> RecordPage:
        """Return the records that the caller may view, by number or by title.

        ``after`` continues behind a page, ``offset`` skips that many records first; ``begins`` is
        what their titles begin with. Of the trash a caller sees what he may delete.
        """
        seat.require(Right.READ)
        query = RecordList(
            seat.space_id, type_id, state, is_reference, by_title, descending, _folded(begins)
        )
        limit = min(limit, _MOST)

        def work(tx: Tx) -> RecordPage:
            sight = _Sight(tx, seat, state)
            page: list[Record] = []
            skipped = 0
            for record in _walk(tx, query, after):
                if not sight.covers(record):
                    continue
                if skipped < offset:
                    skipped += 1
                elif len(page) == limit:
                    return RecordPage(sight.full(page), records.place(query, page[-1]))
                else:
                    page.append(record)
            return RecordPage(sight.full(page), None)

        return await self._catalog.read(work)

    async def count(
        self,
        seat: Seat,
        type_id: int | None = None,
        *,
        state: RecordState = RecordState.LIVE,
        is_reference: bool | None = None,
        begins: str | None = None,
    ) -> int:
        """Return how many records ``page`` has in all."""
        seat.require(Right.READ)
        query = RecordList(seat.space_id, type_id, state, is_reference, begins=_folded(begins))

        def work(tx: Tx) -> int:
            sight = _Sight(tx, seat, state)
            counted = records.count(tx, query)
            return sum(number for (of, acl), number in counted.items() if sight.allows(of, acl))

        return await self._catalog.read(work)


class _Sight:
    """What a caller sees of a list; each ACL is asked once."""

    def __init__(self, tx: Tx, seat: Seat, state: RecordState) -> None:
        self._tx = tx
        self._seat = seat
        self._verb = "delete" if state is RecordState.TRASHED else "view"
        self._types: dict[int, tuple[RecordType, Layout]] = {}
        self._known: dict[tuple[int, str | None], bool] = {}

    def covers(self, record: Record) -> bool:
        return self.allows(record.type_id, record.acl)

    def allows(self, type_id: int, acl: str | None) -> bool:
        key = (type_id, acl)
        if key not in self._known:
            rules = msgspec.json.decode(acl, type=Acl) if acl else self._of(type_id)[0].rules
            groups = permits.groups_for(self._tx, self._seat, rules)
            self._known[key] = permits.may(self._seat, groups, rules, self._verb)
        return self._known[key]

    def full(self, page: list[Record]) -> list[Full]:
        return [full(self._tx, record, *self._of(record.type_id)) for record in page]

    def _of(self, type_id: int) -> tuple[RecordType, Layout]:
        if type_id not in self._types:
            type = type_of(self._tx, type_id)
            self._types[type_id] = (type, layout_in(self._tx, type))
        return self._types[type_id]


def found(tx: Tx, seat: Seat, ref: Ref) -> Record:
    """Return a record of the caller's space. Raises RecordNotFound."""
    record: Record | None = None
    if ref.kind == "number" and isinstance(ref.value, int):
        record = records.by_id(tx, ref.value) if ref.value < 1 << 63 else None
    elif ref.kind == "uuid":
        record = records.by_uuid(tx, seat.space_id, str(ref.value))
    elif ref.kind == "name":
        record = records.by_name(tx, seat.space_id, fold(str(ref.value)))
    if record is None or record.space_id != seat.space_id:
        raise RecordNotFound
    return record


def viewed(tx: Tx, seat: Seat, record: Record, *, trashed: bool = False) -> Full:
    """Return a record that the caller may view. Raises RecordTrashed, RightMissing."""
    if record.state is RecordState.TRASHED and not trashed:
        raise RecordTrashed
    type = type_of(tx, record.type_id)
    acl = record.rules(type)
    permits.require(seat, permits.groups_for(tx, seat, acl), acl, "view")
    return full(tx, record, type, layout_in(tx, type))


def full(
    tx: Tx, record: Record, type: RecordType, layout: Layout, placed: list[Placed] | None = None
) -> Full:
    """Return a record without what stands in hidden fields; ``placed``: all its links."""
    if placed is None:
        placed = [Placed(link, file) for link, file in links.with_files(tx, record.id)]
    hidden = layout.hidden
    values = {name: value for name, value in record.values.items() if name not in hidden}
    shown = [each for each in placed if each.link.field not in hidden]
    shown.sort(key=lambda each: (each.link.field, each.link.idx))
    return Full(record, type, layout, values, shown)


def type_of(tx: Tx, number: int) -> RecordType:
    """Return a type. Raises TypeNotFound."""
    type = record_types.by_id(tx, number)
    if type is None:
        raise TypeNotFound
    return type


def _walk(tx: Tx, query: RecordList, after: tuple[str | int, ...] | None) -> Iterator[Record]:
    while page := records.page(tx, query, after, _MOST):
        yield from page
        if len(page) < _MOST:
            return
        after = records.place(query, page[-1])


def _folded(text: str | None) -> str | None:
    return fold(text) if text else None


def _none() -> Record:
    raise RecordNotFound
