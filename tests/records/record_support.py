"""Types and files that the tests of records use, without HTTP."""

from typing import Any

from tests.parts.sites import Site

from consigne.core.access import Seat
from consigne.core.records.change import Change, Failure, Full, Ref
from consigne.core.records.specs import TypeSpec
from consigne.core.records.types import Typed
from consigne.errors import ConstraintFailed
from consigne.model.entities import File
from consigne.model.records import Acl, Field, FieldKind, Option

PDF = b"%PDF-1.4\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n"
PNG = (
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00"
    b"\x1f\x15\xc4\x89\x00\x00\x00\nIDATx\x9cc\x00\x01\x00\x00\x05\x00\x01\r\n-\xb4\x00\x00\x00"
    b"\x00IEND\xaeB`\x82"
)

FIELDS = [
    Field("ct_title", FieldKind.TEXT, "Title", in_title=True, max=40),
    Field("ct_amount", FieldKind.DOUBLE, min=0, max=1_000_000),
    Field("ct_state", FieldKind.LIST, options=[Option("open", "Open"), Option("done", "Done")]),
    Field("ct_scan", FieldKind.FILE, "Scan"),
    Field("ct_photo", FieldKind.IMAGE, "Photo"),
    Field("ct_notes", FieldKind.FILE, multiple=True, max_count=30),
    Field("ct_parts", FieldKind.ARRAY),
    Field("ct_part", FieldKind.TEXT, parent="ct_parts"),
    Field("ct_plan", FieldKind.FILE, parent="ct_parts"),
    Field("ct_inside", FieldKind.FRAME, visibility="I"),
    Field("ct_secret", FieldKind.TEXT, parent="ct_inside"),
]


async def new_type(
    site: Site, name: str = "CONTRACT", *, seat: Seat | None = None, **wishes: Any
) -> Typed:
    """Make a type; ``acl`` and ``fields`` as given, else none and ``FIELDS``."""
    wishes.setdefault("fields", FIELDS)
    return await site.depot.types.create(seat or site.manager, TypeSpec(name, **wishes))


async def make(site: Site, typed: Typed, *, seat: Seat | None = None, **change: Any) -> Full:
    """Make a record."""
    return await site.depot.records.create(seat or site.writer, typed.type.id, Change(**change))


async def change(site: Site, full: Full, *, seat: Seat | None = None, **change: Any) -> Full:
    """Change a record."""
    ref = Ref.number(full.record.id)
    replace = change.pop("replace", False)
    return await site.depot.records.change(
        seat or site.writer, ref, Change(**change), replace=replace
    )


async def held(
    site: Site, data: bytes = PDF, name: str = "scan.pdf", *, seat: Seat | None = None, **entry: Any
) -> File:
    """Receive a file that waits for a record."""
    return await site.put(data, name, seat=seat, hold=True, expires_at=2**50, **entry)


def codes(error: ConstraintFailed) -> set[tuple[str, int | None, str]]:
    """Return what failed, as (field, row, code)."""
    found: list[Failure] = error.details["failures"]
    return {(each.field, each.index, each.code) for each in found}


def acl(**entries: list[str]) -> Acl:
    return Acl(**entries)
