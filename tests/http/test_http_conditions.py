"""Conditional requests (RFC 9110 §13.2.2), used by AM-24, DX-29, DY-32."""

import pytest

from consigne.errors import PreconditionFailed
from consigne.http.conditions import Outcome, entity_tags, evaluate
from consigne.http.dates import http_date

NOW = 1_700_000_000_500
EARLIER, SAME, LATER = http_date(NOW - 5000), http_date(NOW), http_date(NOW + 5000)


def outcome(fields, safe=True, etag='"a"', modified_at=NOW):
    try:
        return evaluate(fields, safe=safe, etag=etag, modified_at=modified_at).name
    except PreconditionFailed:
        return "FAILED"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, "PROCEED"),
        ({"if-match": '"a"'}, "PROCEED"),
        ({"if-match": '"x", "a"'}, "PROCEED"),
        ({"if-match": "a"}, "PROCEED"),
        ({"if-match": "*"}, "PROCEED"),
        ({"if-match": '"b"'}, "FAILED"),
        ({"if-match": 'W/"a"'}, "FAILED"),
        ({"if-match": ""}, "FAILED"),
        ({"if-none-match": '"a"'}, "NOT_MODIFIED"),
        ({"if-none-match": 'W/"a"'}, "NOT_MODIFIED"),
        ({"if-none-match": '"b", W/"a"'}, "NOT_MODIFIED"),
        ({"if-none-match": "*"}, "NOT_MODIFIED"),
        ({"if-none-match": '"b"'}, "PROCEED"),
        ({"if-unmodified-since": EARLIER}, "FAILED"),
        ({"if-unmodified-since": SAME}, "PROCEED"),
        ({"if-unmodified-since": "rubbish"}, "PROCEED"),
        ({"if-modified-since": SAME}, "NOT_MODIFIED"),
        ({"if-modified-since": LATER}, "NOT_MODIFIED"),
        ({"if-modified-since": EARLIER}, "PROCEED"),
        ({"if-modified-since": "rubbish"}, "PROCEED"),
        # precedence
        ({"if-match": '"a"', "if-unmodified-since": EARLIER}, "PROCEED"),
        ({"if-none-match": '"b"', "if-modified-since": SAME}, "PROCEED"),
        ({"if-match": '"b"', "if-none-match": '"a"'}, "FAILED"),
        ({"if-match": '"a"', "if-none-match": '"a"'}, "NOT_MODIFIED"),
        ({"if-unmodified-since": EARLIER, "if-none-match": '"a"'}, "FAILED"),
    ],
)
def test_reading(fields, expected):
    assert outcome(fields) == expected


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"if-match": '"a"'}, "PROCEED"),
        ({"if-match": '"b"'}, "FAILED"),
        ({"if-none-match": "*"}, "FAILED"),
        ({"if-none-match": '"a"'}, "FAILED"),
        ({"if-none-match": '"b"'}, "PROCEED"),
        ({"if-modified-since": SAME}, "PROCEED"),
        ({"if-unmodified-since": EARLIER}, "FAILED"),
    ],
)
def test_writing(fields, expected):
    assert outcome(fields, safe=False) == expected


def test_nothing_there_yet():
    """``If-None-Match: *`` creates only what is not there; ``If-Match: *`` needs something."""
    assert outcome({"if-none-match": "*"}, safe=False, etag=None, modified_at=None) == "PROCEED"
    assert outcome({"if-match": "*"}, safe=False, etag=None, modified_at=None) == "FAILED"
    assert outcome({"if-unmodified-since": EARLIER}, etag=None, modified_at=None) == "PROCEED"


def test_a_weak_current_tag_never_matches_strongly():
    assert outcome({"if-match": 'W/"a"'}, etag='W/"a"') == "FAILED"
    assert evaluate({"if-none-match": '"a"'}, safe=True, etag='W/"a"', modified_at=None) is (
        Outcome.NOT_MODIFIED
    )


def test_tags_may_contain_commas():
    assert entity_tags('"a,b" , W/"c"') == ['"a,b"', 'W/"c"']
