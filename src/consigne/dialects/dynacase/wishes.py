"""From the attributes that a save names to a change of the record (DY-29, DY-52)."""

from typing import Any

from consigne.core.access import Seat
from consigne.core.records.change import Change, Slot, Slots
from consigne.core.records.layout import Layout
from consigne.dialects.dynacase.desk import Desk
from consigne.dialects.dynacase.places import field_in
from consigne.dialects.dynacase.saves import Save
from consigne.dialects.dynacase.values import read_value, rows_of
from consigne.dialects.dynacase.wire import TEMPORARY, named_by
from consigne.errors import FileNotFound
from consigne.model.entities import File, State
from consigne.model.records import Field

_NOBODY = 0  # the identity of no file: the core refuses it beside all other files that are wrong


class Wishing:
    """Reads what a save wants of each attribute."""

    def __init__(self, desk: Desk) -> None:
        self._vault = desk.depot.vault
        self._zone = desk.wire.zone

    async def change(self, seat: Seat, layout: Layout, save: Save) -> Change:
        """Return the change that a save asks for.

        Raises FieldNotFound, RightMissing (``modify``), TooLarge (rows).
        """
        values: dict[str, Any] = {}
        files: dict[str, Slots] = {}
        for name in dict.fromkeys([*save.wishes, *save.files]):
            field = field_in(layout, name, reads=False)
            wish = save.wishes.get(name)
            if field.is_file:
                files[field.id] = await self._slots(
                    seat, layout, field, wish, save.files.get(name, [])
                )
            else:
                values[field.id] = self._value(layout, field, wish)
        return Change(values=values, files=files)

    def _value(self, layout: Layout, field: Field, wish: Any) -> Any:
        if not layout.has_rows(field):
            return read_value(field, wish, self._zone)
        rows = rows_of(wish)
        return None if rows is None else [read_value(field, row, self._zone) for row in rows]

    async def _slots(
        self, seat: Seat, layout: Layout, field: Field, wish: Any, brought: list[File]
    ) -> Slots:
        named = [await self._slot(seat, reference) for reference in rows_of(wish) or ()]
        slots = [*named, *(Slot(file.id) for file in brought)]
        if layout.has_rows(field):
            return slots
        return slots if len(slots) > 1 else (slots or [None])[0]

    async def _slot(self, seat: Seat, reference: Any) -> Slot | None:
        if reference is None:
            return None
        number = named_by(reference) if isinstance(reference, str) else None
        if number is None:
            return Slot(_NOBODY)
        if reference.startswith(TEMPORARY) and not await self._is_own(seat, number):
            return Slot(_NOBODY)
        return Slot(number)

    async def _is_own(self, seat: Seat, number: int) -> bool:
        """Tell whether a token names a temporary file of the caller's, as it must (DY-52)."""
        try:
            file = await self._vault.look(seat, number)
        except FileNotFound:
            return False
        return file.state is State.HELD and file.owner_id == seat.principal_id
