"""Tables, headers and cells: pure functions."""

import csv
import io
import random
from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.parts.sites import chunks

from consigne.core.imports.cells import Asked, Read, read_cells
from consigne.core.imports.columns import Columns, read_columns
from consigne.core.imports.csvs import MAX_ROW, BadFile, Table
from consigne.core.records.layout import Layout
from consigne.model.identity import Kind, to_uuid
from consigne.model.imports import Mode
from consigne.model.records import Field, FieldKind, Option

UUID = "0b9c1e0b-93d4-4f0a-8a6e-2b51c09d77e3"
CHOICES = [Option("1", "Un", "A"), Option("2", "Deux")]


async def rows(data: bytes, size: int = 1 << 16) -> list[tuple[int, list[str]]]:
    found = []
    async for batch in Table().rows(chunks(data, size)):
        found += [(row.line, row.cells) for row in batch]
    return found


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
async def test_rows_however_they_come(size: int) -> None:
    """DX-41, DX-46: quotes, all line ends, lines counted; the same in pieces of any size."""
    text = '\ufeffa;b\r\n1;"x\r\ny;""z"""\n\n2;é\r3;5" pipe\n   \n4;"open\nend'
    assert await rows(text.encode(), size) == [
        (1, ["a", "b"]),
        (2, ["1", 'x\r\ny;"z"']),
        (5, ["2", "é"]),
        (6, ["3", '5" pipe']),
        (8, ["4", "open\nend"]),
    ]


@pytest.mark.parametrize("seed", range(20))
async def test_what_a_writer_writes(seed: int) -> None:
    """DX-41: RFC 4180, against Python's own writer."""
    chance = random.Random(seed)
    told = [
        ["".join(chance.choices('ab",;\n\r é', k=chance.randint(0, 6))) for _ in range(3)]
        for _ in range(30)
    ]
    text = io.StringIO(newline="")
    writer = csv.writer(
        text, quoting=csv.QUOTE_ALL, lineterminator=chance.choice(["\n", "\r\n", "\r"])
    )
    writer.writerows([["h1", "h2", "h3"], *told])
    found = await rows(text.getvalue().encode(), chance.randint(1, 50))
    assert [cells for _, cells in found[1:]] == told


async def test_memory_is_bounded_by_a_row() -> None:
    """DX-47: a quoted cell that never ends is refused before it fills the memory."""
    read = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal read
        yield b'a,b\n1,"'
        while True:
            read += 1 << 16
            yield b"x" * (1 << 16)

    with pytest.raises(BadFile) as refusal:
        async for _ in Table().rows(endless()):
            pass
    assert refusal.value.code == "NOT_CSV"
    assert read <= MAX_ROW + (2 << 16)


def told(kind: FieldKind, cell: str, name: str = "f", **wishes: Any) -> Read:
    """Read one cell of a field."""
    layout = Layout([Field("f", kind, **wishes)])
    columns = read_columns(layout, ["userEmail", name], Mode.UPSERT)
    assert isinstance(columns, Columns)
    return read_cells(columns, ["a@example.org", cell])


@pytest.mark.parametrize(
    ("kind", "cell", "value", "wishes"),
    [
        (FieldKind.TEXT, " a|b ", " a|b ", {}),
        (FieldKind.TEXT, "=cmd()", "=cmd()", {}),
        (FieldKind.TEXT, "a||b", ["a", None, "b"], {"multiple": True}),
        (FieldKind.EMAIL, " a@example.org", "a@example.org", {}),
        (FieldKind.DOUBLE, "-1.50", -1.5, {}),
        (FieldKind.DOUBLE, "1e3", 1000.0, {}),
        (FieldKind.INT, "12", 12, {}),
        (FieldKind.INT, "12.0", 12, {}),
        (FieldKind.INT, "9223372036854775807", 9223372036854775807, {}),
        (FieldKind.DURATION, "90000", 90000, {}),
        (FieldKind.BOOLEAN, "TRUE", True, {}),
        (FieldKind.BOOLEAN, "false", False, {}),
        (FieldKind.DATE, "2026-05-01", "2026-05-01", {}),
        (FieldKind.DATE, "2026-05-01T00:00:00+02:00", "2026-05-01", {}),
        (FieldKind.TIMESTAMP, "1970-01-01T01:00:00+01:00", 0, {}),
        (FieldKind.TIMESTAMP, "2026-05-01T08:00:00Z", 1777622400, {}),
        (FieldKind.PHONE, "tel:+33-1-23", "+33-1-23", {}),
        (FieldKind.LOCATION, "48.5,-2", {"lat": 48.5, "lng": -2.0}, {}),
        (FieldKind.LOCATION, "1,2|Rue X", {"lat": 1.0, "lng": 2.0, "address": "Rue X"}, {}),
        (
            FieldKind.LOCATION, "1,2|Rue X|3,4",
            [{"lat": 1.0, "lng": 2.0, "address": "Rue X"}, {"lat": 3.0, "lng": 4.0}],
            {"multiple": True},
        ),
        (FieldKind.LIST, "1|2", ["1", "2"], {"multiple": True, "options": CHOICES}),
        (
            FieldKind.RELATION, f"{UUID}|{UUID.upper()}",
            {"records": [{"id": UUID}, {"id": UUID}]}, {"multiple": True},
        ),
    ],
)  # fmt: skip
def test_values(kind: FieldKind, cell: str, value: Any, wishes: dict[str, Any]) -> None:
    """DX-42"""
    read = told(kind, cell, **wishes)
    assert (read.values, read.faults) == ({"f": value}, [])


@pytest.mark.parametrize(
    ("kind", "cell", "code", "wishes"),
    [
        (FieldKind.DOUBLE, "1,5", "BAD_NUMBER", {}),
        (FieldKind.DOUBLE, "nan", "BAD_NUMBER", {}),
        (FieldKind.DOUBLE, "1_000", "BAD_NUMBER", {}),
        (FieldKind.INT, "1.5", "BAD_NUMBER", {}),
        (FieldKind.BOOLEAN, "1", "BAD_BOOLEAN", {}),
        (FieldKind.DATE, "01/05/2026", "BAD_DATE", {}),
        (FieldKind.DATE, "2026-02-30", "BAD_DATE", {}),
        (FieldKind.TIMESTAMP, "2026-05-01T08:00:00", "BAD_DATE", {}),
        (FieldKind.TIMESTAMP, "2026-05-01", "BAD_DATE", {}),
        (FieldKind.TIMESTAMP, "0001-01-01T00:00:00+14:00", "BAD_DATE", {}),
        (FieldKind.LOCATION, "Rue X", "BAD_VALUE", {}),
        (FieldKind.LOCATION, "1,2|a|b", "BAD_VALUE", {}),
        (FieldKind.LOCATION, "1,2|3,4", "BAD_VALUE", {}),
        (FieldKind.LIST, "3", "LIST_VALUE_UNKNOWN", {"options": CHOICES}),
        (FieldKind.RELATION, "x", "BAD_VALUE", {}),
    ],
)
def test_bad_cells(kind: FieldKind, cell: str, code: str, wishes: dict[str, Any]) -> None:
    """DX-42, DX-47"""
    read = told(kind, cell, **wishes)
    assert ([(f.field, f.code) for f in read.faults], read.values) == ([("f", code)], {})


def test_columns_of_a_list() -> None:
    """DX-42: options by name or by external name."""
    for name, cell in (("f#name", "Un|Deux"), ("f", "1|2"), ("f#external", "A")):
        read = told(FieldKind.LIST, cell, name, options=CHOICES, multiple=True)
        assert read.values["f"] == ["1", "2"][: len(cell.split("|"))]
    assert told(FieldKind.LIST, "Deux", "f#external", options=CHOICES).faults


def test_files_users_and_empty_cells() -> None:
    """DX-41, DX-42"""
    number = 1 << 60
    cell = f"{to_uuid(Kind.FILE, number)}| https://files.example/a.png |abc"
    read = told(FieldKind.FILE, cell, multiple=True)
    assert read.files["f"] == [Asked(number), Asked(0, "https://files.example/a.png"), Asked(0)]
    assert read.urls == 1
    assert told(FieldKind.USER, "a@x.org | b@x.org").users == {"f": ["a@x.org", "b@x.org"]}
    assert [field.id for field in told(FieldKind.TEXT, "  ").blank] == ["f"]
