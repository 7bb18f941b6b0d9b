"""Values of items as pure functions: there and back again, and whatever a client may send."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consigne.core.records.layout import Layout
from consigne.core.records.values import check
from consigne.dialects.daxium.items import Reader
from consigne.dialects.daxium.values import TYPES, read_value, show_value
from consigne.dialects.daxium.wire import declared_type
from consigne.errors import BadBody
from consigne.model.records import FILES, STRUCTURE, Field, FieldKind, Option

TEXT = st.text(min_size=1).filter(lambda text: "\0" not in text)
NUMBER = st.integers(-(1 << 52), 1 << 52)
CANONICAL: dict[FieldKind, st.SearchStrategy[Any]] = {
    FieldKind.TEXT: TEXT,
    FieldKind.LONGTEXT: TEXT,
    FieldKind.INT: NUMBER,
    FieldKind.DOUBLE: st.floats(allow_nan=False, allow_infinity=False),
    FieldKind.BOOLEAN: st.booleans(),
    FieldKind.DATE: st.dates(min_value=date(1, 1, 1)).map(date.isoformat),
    FieldKind.TIMESTAMP: NUMBER,
    FieldKind.EMAIL: st.just("a@example.org"),
    FieldKind.PHONE: st.from_regex(r"\+?[0-9][0-9.()-]{0,15}", fullmatch=True),
    FieldKind.DURATION: NUMBER,
    FieldKind.LOCATION: st.fixed_dictionaries(
        {"lat": st.floats(-90, 90), "lng": st.floats(-180, 180)}, optional={"address": TEXT}
    ),
    FieldKind.LIST: st.just(["a"]),
    FieldKind.RELATION: st.lists(st.uuids(), min_size=1, max_size=1).map(
        lambda ids: {"records": [{"id": str(each)} for each in ids]}
    ),
    FieldKind.USER: st.lists(st.integers(1, 1 << 40), min_size=1, max_size=1),
}
JSON = st.recursive(
    st.none() | st.booleans() | NUMBER | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
KEYS = st.sampled_from(
    ["items", "structure_id", "structure_version", "id", "partial", "reference", "latitude",
     "longitude", "data_created_at", "data_updated_at"]
)  # fmt: skip


def layout_of(kind: FieldKind, *, multiple: bool = False) -> tuple[Layout, Field]:
    options = [Option("a")] if kind is FieldKind.LIST else []
    field = Field("x", kind, multiple=multiple, options=options)
    return Layout([field]), field


def faults_of(body: dict[str, Any], layout: Layout) -> list[str] | None:
    """Return the fields that are told to be malformed, None where the body is read."""
    reader = Reader(body)
    reader.number("structure_id")
    try:
        reader.told(layout, uuid=reader.uuid("id"))
    except BadBody as error:
        return [info["field"] for info in error.details["infos"]]
    return None


def test_every_kind_with_a_value_has_a_type() -> None:
    """DX-22, DX-23: tabs, frames and arrays have none."""
    assert TYPES.keys() == set(FieldKind) - STRUCTURE
    assert CANONICAL.keys() == TYPES.keys() - FILES


@pytest.mark.parametrize("kind", CANONICAL, ids=str)
@given(data=st.data())
def test_there_and_back(kind: FieldKind, data: st.DataObject) -> None:
    """DX-23: what is shown can be sent back, and is the same then."""
    value = data.draw(CANONICAL[kind])
    layout, field = layout_of(kind)
    assert check(layout, {"x": value}, {}) == []
    shown = show_value(layout, field, value)
    back = read_value(layout, field, shown)
    assert (back, type(back)) == (value, type(value))
    rows, many = layout_of(kind, multiple=True)
    if rows.has_rows(many):
        assert read_value(rows, many, show_value(rows, many, [value, None])) == [value, None]


@pytest.mark.parametrize("kind", CANONICAL, ids=str)
@given(value=JSON, multiple=st.booleans())
def test_anything_is_read_or_refused(kind: FieldKind, value: Any, multiple: bool) -> None:
    """DX-23: whatever JSON a client sends, it becomes a value or a failure, never a fault."""
    layout, field = layout_of(kind, multiple=multiple)
    read = read_value(layout, field, value)
    if read is not None and not check(layout, {"x": read}, {}):
        show_value(layout, field, read)


@given(body=st.dictionaries(KEYS | st.text(max_size=5), JSON))
def test_any_body_is_read_or_refused(body: dict[str, Any]) -> None:
    """DX-25, DX-28: whatever object a client sends, it becomes a change or is refused."""
    layout = Layout([Field("x", FieldKind.TEXT), Field("photo", FieldKind.IMAGE, multiple=True)])
    assert faults_of(body, layout) is None or faults_of(body, layout)


@given(value=JSON)
def test_any_files_are_read_or_refused(value: Any) -> None:
    """DX-28: whatever stands in a field for files."""
    layout = Layout([Field("photo", FieldKind.IMAGE, multiple=True)])
    faults = faults_of({"items": {"photo": value}}, layout)
    assert faults is None or set(faults) == {"photo"}


@given(header=st.none() | st.text(alphabet=st.characters(max_codepoint=255)))
def test_any_declared_type(header: str | None) -> None:
    """DX-15: whatever type is declared, what is kept is a lower-case type or nothing."""
    kind = declared_type(header)
    assert kind is None or (kind == kind.lower() and kind.count("/") == 1 and ";" not in kind)
