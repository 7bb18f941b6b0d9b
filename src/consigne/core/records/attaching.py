"""Files of a record, row by row: one put into a field, one taken out."""

from consigne.catalog.engine import Tx
from consigne.core.entry import Precondition
from consigne.core.records import values as rules
from consigne.core.records.change import Change, Full, Ref, Slot
from consigne.core.records.changing import Changing
from consigne.core.records.layout import Layout
from consigne.core.records.looking import full, type_of
from consigne.core.records.plan import Standing
from consigne.core.records.saving import standing_of
from consigne.core.seat import Seat
from consigne.errors import BadParameter, FieldNotFound, LinkNotFound, PreconditionFailed
from consigne.model.records import Field, Record, RecordType


class Attaching(Changing):
    """The verbs on single rows."""

    async def put_file(
        self,
        seat: Seat,
        ref: Ref,
        field: str,
        idx: int | None,
        file_id: int,
        *,
        name: str | None = None,
        comment: str | None = None,
        share: bool = True,
        precondition: Precondition | None = None,
    ) -> Full:
        """Put a file into a field, in place of what stands there; without a row: behind the last.

        A field without rows takes None or -1. Raises FieldNotFound, BadParameter (``index``), and
        as ``Records.change``.
        """
        slot = Slot(file_id, name, comment)

        def made(tx: Tx, record: Record, layout: Layout) -> Change:
            type = type_of(tx, record.type_id)
            return row_filled(tx, record, type, layout, field, idx, slot, share)

        return await self._changed("change", seat, ref, made, precondition)

    async def drop_file(
        self,
        seat: Seat,
        ref: Ref,
        field: str,
        idx: int | None = None,
        *,
        precondition: Precondition | None = None,
    ) -> Full:
        """Take a file out of a field; its row stays as an empty one unless it was the last.

        ``precondition`` is on the file. Raises FieldNotFound, BadParameter (``index``),
        LinkNotFound, and as ``Records.change``.
        """

        def made(tx: Tx, record: Record, layout: Layout) -> Change:
            standing = standing_of(tx, record)
            target = file_field(layout, field)
            row = row_of(layout, target, idx)
            there = standing.get((target.id, row))
            if there is None:
                raise LinkNotFound
            if precondition is not None and not precondition.holds(there[1]):
                raise PreconditionFailed
            return _with(layout, standing, target, row, None, True)

        return await self._changed("change", seat, ref, made)


def row_filled(
    tx: Tx,
    record: Record,
    type: RecordType,
    layout: Layout,
    name: str,
    idx: int | None,
    slot: Slot,
    share: bool = True,
) -> Change:
    """Return the change that puts a file into a row, without one behind the last.

    Raises FieldNotFound, BadParameter.
    """
    field, row = file_field(layout, name), idx
    if layout.has_rows(field) and row is None:
        row = full(tx, record, type, layout).rows(field)
    return _with(layout, standing_of(tx, record), field, row, slot, share)


def file_field(layout: Layout, name: str) -> Field:
    """Return a field for files. Raises FieldNotFound, BadParameter."""
    field = layout.find(name)
    if field is None:
        raise FieldNotFound(f"There is no field {name!r}.", field=name)
    if not field.is_file:
        raise BadParameter(f"The field {field.id!r} is not for files.", parameter="field")
    return field


def row_of(layout: Layout, field: Field, idx: int | None) -> int:
    """Return the row that is meant. Raises BadParameter."""
    if not layout.has_rows(field):
        if idx not in (None, -1):
            raise BadParameter(f"The field {field.id!r} has no rows.", parameter="index")
        return -1
    if idx is None or not 0 <= idx < rules.MAX_ROWS:
        raise BadParameter(f"A row from 0 to {rules.MAX_ROWS - 1} is needed.", parameter="index")
    return idx


def _with(
    layout: Layout,
    standing: Standing,
    field: Field,
    idx: int | None,
    slot: Slot | None,
    share: bool,
) -> Change:
    """Return the change that puts a slot into one row of a field and leaves the others."""
    row = row_of(layout, field, idx)
    if row < 0:
        return Change(files={field.id: slot}, share=share)
    mine = {at[1]: Slot(file.id) for at, (_, file) in standing.items() if at[0] == field.id}
    rows: dict[int, Slot | None] = {**mine, row: slot}
    listed = [rows.get(index) for index in range(max(rows) + 1)]
    return Change(files={field.id: listed}, share=share)
