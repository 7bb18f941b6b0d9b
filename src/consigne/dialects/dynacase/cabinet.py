"""Finding families and documents, and what may be done with them, before any body is read (DY-62).

The order: family, document, trash, ACL, lock. The verbs of the core check all of it again.
"""

import re

import msgspec
from starlette.requests import Request

from consigne.core.access import Seat
from consigne.core.records.change import Full, Placed, Ref
from consigne.core.records.types import Typed, usable
from consigne.dialects.dynacase.desk import Desk
from consigne.errors import RecordLocked, RecordNotFound, RightMissing, TypeNotFound
from consigne.model.entities import File
from consigne.model.identity import from_decimal
from consigne.model.records import RecordState

DIALECT = "dynacase"
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,255}")


class Cabinet:
    """Where documents are looked for: in the caller's spaces, that of the request first (DY-05)."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._depot = desk.depot

    async def family(self, request: Request) -> tuple[Seat, Typed]:
        """Return the family of the path and the seat for a create in it.

        Raises SpaceNotFound, TypeNotFound, RightMissing (``create``).
        """
        seat, found = await self.known_family(request)
        await self._depot.records.require(seat, found.type.rules, "create")
        return seat, found

    async def known_family(self, request: Request) -> tuple[Seat, Typed]:
        """Return the family of the path and the seat; rights in it are not looked at.

        Raises SpaceNotFound, TypeNotFound.
        """
        seat = await self._desk.seat(request)
        return seat, await self._type(seat, request.path_params["fam"])

    async def document(self, request: Request, right: str = "view") -> tuple[Seat, Full]:
        """Return the document of the path, and the seat from which it is seen.

        A frozen revision is read under its own number; for a write it stands for the live document.
        Raises TypeNotFound, RecordNotFound, RecordTrashed, RightMissing, RecordLocked.
        """
        seat, full = await self._found(request, right)
        if right == "view":
            return seat, full
        if full.record.state is RecordState.FROZEN:
            full = await self._got(seat, Ref.number(full.record.initid), right)
        await self._depot.records.require(seat, full.record.rules(full.type), right)
        if full.record.locked_by not in (None, seat.principal_id):
            raise RecordLocked
        return seat, full

    async def shown_file(self, seat: Seat, full: Full, placed: Placed) -> File:
        """Return a file as the document shows it: a frozen revision shows the version of then."""
        file = placed.file
        if placed.version == file.version:
            return file
        reading = await self._depot.reader.open(seat, file.id, placed.version)
        return msgspec.structs.replace(
            file,
            version=placed.version,
            name=reading.name,
            size=reading.size,
            detected_type=reading.detected_type,
            completed_at=reading.modified_at,
        )

    async def _found(self, request: Request, right: str) -> tuple[Seat, Full]:
        names = request.path_params
        ref = ref_of(names["docid"])
        if ref.kind == "name":
            seat = await self._desk.seat(request)
            return seat, await self._of_family(seat, ref, right, names.get("fam"))
        missing: TypeNotFound | RecordNotFound = RecordNotFound()
        is_first = True
        async for seat in self._desk.seats(request):
            try:
                return seat, await self._of_family(seat, ref, right, names.get("fam"))
            except (TypeNotFound, RecordNotFound) as error:
                if is_first or isinstance(missing, TypeNotFound):
                    missing, is_first = error, False
        raise missing

    async def _of_family(self, seat: Seat, ref: Ref, right: str, family: str | None) -> Full:
        typed = await self._type(seat, family) if family is not None else None
        full = await self._got(seat, ref, right)
        if not usable(full.type, DIALECT) or (typed and full.type.id != typed.type.id):
            raise RecordNotFound
        return full

    async def _got(self, seat: Seat, ref: Ref, right: str) -> Full:
        try:
            return await self._depot.records.get(seat, ref)
        except RightMissing:
            # Who may not even look at it is told of the right that he asked for.
            raise RightMissing(right=right) from None

    async def _type(self, seat: Seat, name: str) -> Typed:
        number = from_decimal(name)
        if number is None and not _NAME.fullmatch(name):
            raise TypeNotFound
        return await self._depot.types.get(seat, name if number is None else number, DIALECT)


def ref_of(docid: str) -> Ref:
    """Return which document a segment names. Raises RecordNotFound."""
    number = from_decimal(docid)
    if number is not None:
        return Ref.number(number)
    if not _NAME.fullmatch(docid):
        raise RecordNotFound
    return Ref.name(docid)
