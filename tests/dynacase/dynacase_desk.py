"""What administrators do with families and documents, by the verbs of the core on the same data.

The dialect has no routes for it; a second process on the catalog is what a worker is, too.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from tests.parts.server import RunningServer

from consigne.app import build_depot
from consigne.core.access import Seat
from consigne.core.depot import Depot
from consigne.core.records.change import Full, Ref
from consigne.core.records.specs import TypeSpec
from consigne.model.records import Acl, Field, FieldKind
from consigne.settings import load

T = TypeVar("T")
Kind = FieldKind


class Office:
    """An administrator of a space, at the core."""

    def __init__(self, server: RunningServer, short: str, key: str, catalog: str = "") -> None:
        told = {"data": str(server.data), "catalog": catalog or None}
        self._settings = load(told, environ=server.env)
        self._short = short
        self._key = key

    def do(self, work: Callable[[Depot, Seat], Awaitable[T]]) -> T:
        """Run a verb and return what it returns."""

        async def run() -> T:
            depot = build_depot(self._settings)
            await depot.open()
            try:
                caller = await depot.accounts.by_bearer(self._key)
                return await work(depot, await depot.accounts.seat(caller, short=self._short))
            finally:
                await depot.close()

        return asyncio.run(run())

    def family(self, name: str, *fields: Field, dialect: str = "dynacase", **acl: Any) -> int:
        """Make or change a family; return its number."""
        spec = TypeSpec(name, name.title(), dialect, Acl(**acl), fields=list(fields))
        (applied,) = self.do(lambda depot, seat: depot.types.apply(seat, [spec]))
        return applied.typed.type.id

    def set_acl(self, number: int, **acl: Any) -> None:
        self.do(lambda depot, seat: depot.records.set_acl(seat, Ref.number(number), Acl(**acl)))

    def set_group(self, name: str, *logins: str) -> None:
        self.do(lambda depot, seat: depot.types.set_group(seat, name, logins))

    def freeze(self, number: int) -> int:
        """Freeze a document; return the number of the revision."""
        full: Full = self.do(lambda depot, seat: depot.records.freeze(seat, Ref.number(number)))
        return full.record.id

    def lock(self, number: int, token: str) -> None:
        """Lock a document in the name of a member."""

        async def work(depot: Depot, _: Seat) -> Full:
            caller = await depot.accounts.by_bearer(token)
            seat = await depot.accounts.seat(caller, short=self._short)
            return await depot.records.lock(seat, Ref.number(number))

        self.do(work)

    def restore(self, number: int) -> None:
        self.do(lambda depot, seat: depot.records.restore(seat, Ref.number(number)))


def text(name: str, **more: Any) -> Field:
    return Field(name, more.pop("kind", Kind.TEXT), **more)


def file(name: str, **more: Any) -> Field:
    return Field(name, Kind.FILE, **more)


def contract() -> list[Field]:
    """Return the attributes of the family that most tests use."""
    return [
        Field("ct_tab", Kind.TAB, "Onglet"),
        Field("ct_frame", Kind.FRAME, "Cadre", parent="ct_tab", order=1),
        text("ct_title", label="Titre", parent="ct_frame", order=2, in_title=True),
        Field("ct_date", Kind.DATE, order=3),
        Field("ct_amount", Kind.DOUBLE, order=4),
        Field("ct_count", Kind.INT, order=5),
        Field("ct_at", Kind.TIMESTAMP, order=6),
        text("ct_tags", multiple=True, order=7),
        file("ct_scan", label="Scan", parent="ct_frame", order=8),
        file("ct_pages", label="Pages", multiple=True, order=9),
        Field("ct_photo", Kind.IMAGE, order=10),
        Field("ct_rows", Kind.ARRAY, order=11),
        text("ct_note", parent="ct_rows", order=12),
        file("ct_piece", parent="ct_rows", order=13),
        file("ct_secret", visibility="I", order=14),
        Field("ct_closed", Kind.FRAME, visibility="I", order=15),
        file("ct_inside", parent="ct_closed", order=16),
        *(file(f"ct_{letter}", visibility=letter.upper(), order=20) for letter in "hrosu"),
    ]
