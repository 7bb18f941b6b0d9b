"""Range and If-Range (RFC 9110 §14, §13.1.5), used by AM-24, DX-29, DY-32."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consigne.errors import RangeNotSatisfiable
from consigne.http.dates import http_date, parse_http_date
from consigne.http.ranges import MAX_RANGES, Range, content_range, if_range_holds, parse_ranges


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("bytes=0-4", [Range(0, 5)]),
        ("Bytes=0-4", [Range(0, 5)]),
        ("bytes=5-", [Range(5, 5)]),
        ("bytes=-3", [Range(7, 3)]),
        ("bytes=-30", [Range(0, 10)]),
        ("bytes=0-99", [Range(0, 10)]),
        ("bytes=9-9", [Range(9, 1)]),
        ("bytes= 0-1 , ,4-5,", [Range(0, 2), Range(4, 2)]),
        ("bytes=0-1,50-60", [Range(0, 2)]),
        ("bytes=0-" + "9" * 5000, [Range(0, 10)]),
    ],
)
def test_well_formed_ranges(value, expected):
    assert parse_ranges(value, 10) == expected


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        "bytes",
        "bytes=",
        "bytes=,",
        "items=0-1",
        "bytes=a-b",
        "bytes=4-2",
        "bytes=-",
        "bytes=0-1-2",
        "bytes=٣-٤",
        "bytes=0-1,x",
        "bytes=+1-2",
    ],
)
def test_what_is_no_byte_range_is_ignored(value):
    assert parse_ranges(value, 10) is None


@pytest.mark.parametrize("value", ["bytes=10-", "bytes=10-20,30-", "bytes=-0", "bytes=99-"])
def test_ranges_outside_the_content_are_unsatisfiable(value):
    """AM-24: 416, and the size is known to whoever renders it."""
    with pytest.raises(RangeNotSatisfiable) as caught:
        parse_ranges(value, 10)
    assert caught.value.details["size"] == 10


def test_an_empty_content_has_no_ranges():
    assert parse_ranges("bytes=-1", 0) is None
    with pytest.raises(RangeNotSatisfiable):
        parse_ranges("bytes=0-", 0)


def test_abuse_gets_the_whole_content():
    many = ",".join(f"{i}-{i}" for i in range(MAX_RANGES + 1))
    assert parse_ranges(f"bytes={many}", 10_000) is None
    tiny = ",".join(f"{i * 10}-{i * 10}" for i in range(20))
    assert parse_ranges(f"bytes={tiny}", 10_000) is None
    assert parse_ranges("bytes=0-,0-", 10_000) is None
    assert parse_ranges("bytes=0-9,5-14,10-19,15-24", 10_000) is None
    assert len(parse_ranges("bytes=0-9,5-14,10-19", 10_000)) == 3


@given(st.text(max_size=60), st.integers(0, 1000))
def test_any_text_is_ranges_within_the_content_or_nothing(text, size):
    try:
        ranges = parse_ranges("bytes=" + text, size)
    except RangeNotSatisfiable:
        return
    for part in ranges or []:
        assert part.length > 0
        assert 0 <= part.offset < part.offset + part.length <= size


@given(st.integers(1, 10_000), st.data())
def test_a_range_selects_what_a_slice_selects(size, data):
    first = data.draw(st.integers(0, size - 1))
    last = data.draw(st.integers(first, size + 100))
    (part,) = parse_ranges(f"bytes={first}-{last}", size)
    assert range(size)[first : last + 1] == range(part.offset, part.offset + part.length)
    assert content_range(part, size) == f"bytes {first}-{min(last, size - 1)}/{size}"


def test_if_range_takes_a_strong_tag_or_the_exact_date():
    date = http_date(1_700_000_000_123)
    assert if_range_holds(None, '"a"', 0)
    assert if_range_holds('"a"', '"a"', 0)
    assert not if_range_holds('"b"', '"a"', 0)
    assert not if_range_holds('W/"a"', '"a"', 0)
    assert not if_range_holds('W/"a"', 'W/"a"', 0)
    assert if_range_holds(date, '"a"', 1_700_000_000_999)
    assert not if_range_holds(date, '"a"', 1_700_000_001_000)
    assert not if_range_holds("rubbish", '"a"', 0)


@given(st.integers(0, 4_000_000_000))
def test_dates_round_trip(seconds):
    assert parse_http_date(http_date(seconds * 1000)) == seconds


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("Sun, 06 Nov 1994 08:49:37 GMT", 784111777),
        ("Sunday, 06-Nov-94 08:49:37 GMT", 784111777),
        ("Sun Nov  6 08:49:37 1994", 784111777),
        ("Sun, 31 Feb 1994 08:49:37 GMT", None),
        ("Sun, 06 Nov 1994 25:49:37 GMT", None),
        ("Sun, 06 Nov 0000 08:49:37 GMT", None),
        ("1994-11-06", None),
        ("", None),
    ],
)
def test_the_three_forms_of_dates(text, seconds):
    assert parse_http_date(text) == seconds
