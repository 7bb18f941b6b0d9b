"""Names in headers (RFC 6266, RFC 8187) and safe downloads: AM-24, DX-19, DX-29, DY-13, DY-32."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consigne.http.dispositions import (
    OCTETS,
    parse_disposition,
    render_disposition,
    safe_headers,
    safe_media_type,
)

names = st.text(
    st.characters(exclude_categories=("Cc", "Cs"), exclude_characters="\x7f"), min_size=1
)


@given(names, st.sampled_from(["inline", "attachment"]))
def test_a_name_survives_the_round_trip(name, kind):
    header = render_disposition(kind, name)
    assert parse_disposition(header)[::2] == (kind, name)


@given(st.text())
def test_no_name_reaches_a_header_unclean(name):
    header = render_disposition("attachment", name)
    assert re.fullmatch(r"[\x20-\x7e]+", header)


@given(st.text(st.characters(max_codepoint=255)), st.booleans())
def test_parsing_never_fails(text, form):
    parse_disposition(text, form=form)


@pytest.mark.parametrize(
    ("header", "filename"),
    [
        ('attachment; filename="a.txt"', "a.txt"),
        ("attachment; filename=a.txt", "a.txt"),
        ('attachment; FileName = "a b;c.txt" ; x=1', "a b;c.txt"),
        (r'attachment; filename="say \"hi\" \\ o.txt"', r'say "hi" \ o.txt'),
        (r'attachment; filename="C:\temp\a.txt"', r"C:\temp\a.txt"),
        ("attachment; filename=\"a\"; filename*=UTF-8''%E2%82%AC.txt", "€.txt"),
        ("attachment; filename*=utf-8'fr'%C3%A9t%C3%A9.txt", "été.txt"),
        ("attachment; filename*=ISO-8859-1''%E9t%E9.txt", "été.txt"),
        ("attachment; filename=b; filename*=UTF-8''%E9", "b"),
        ("attachment; filename=b; filename*=klingon''a", "b"),
        ("attachment; filename=b; filename*=no-quotes", "b"),
        ('attachment; filename="été.txt"'.encode().decode("latin-1"), "été.txt"),
        ('attachment; filename="\xe9t\xe9.txt"', "été.txt"),
        ('attachment; filename="open', "open"),
        ('attachment; filename=""', ""),
        ("attachment", None),
        ("", None),
    ],
)
def test_incoming_file_names(header, filename):
    assert parse_disposition(header).filename == filename


def test_forms_escape_in_their_own_way():
    """AM-13, DY-11: what browsers do to quotes and line ends in a form."""
    header = 'form-data; name="a%22b"; filename="c%0D%0Ad%22.txt"'
    assert parse_disposition(header, form=True) == ("form-data", 'a"b', 'c\r\nd".txt')
    assert parse_disposition(header).filename == "c%0D%0Ad%22.txt"


@pytest.mark.parametrize("value", ["text/plain", "text/plain; charset=utf-8", "image/svg+xml"])
def test_media_types_pass(value):
    assert safe_media_type(value) == value


@pytest.mark.parametrize(
    "value", [None, "", "text", "text/html\r\nx: y", "text/html\x00", "té/xt", "a/b;\x0b"]
)
def test_what_is_no_media_type_becomes_octets(value):
    assert safe_media_type(value) == OCTETS


def as_dict(*args):
    return {k.decode(): v.decode() for k, v in safe_headers(*args)}


def test_a_passive_content_is_shown_when_asked_for():
    """AM-24: passive types inline."""
    headers = as_dict("image/png", "image/png", "a.png", True)
    assert headers["content-disposition"] == 'inline; filename="a.png"'
    assert headers["x-content-type-options"] == "nosniff"
    assert "content-security-policy" not in headers
    assert as_dict("image/png", "image/png", "a.png", False)["content-disposition"].startswith(
        "attachment"
    )


@pytest.mark.parametrize(
    ("declared", "detected"),
    [
        ("text/html", "text/html"),
        ("image/png", "text/html"),
        ("text/html", "image/png"),
        ("image/svg+xml", "image/svg+xml"),
        ("image/png", None),
        ("application/xhtml+xml", "text/plain"),
        (None, "image/png"),
    ],
)
def test_anything_else_is_a_sandboxed_attachment(declared, detected):
    """AM-24, DY-32: active content never runs on our origin, whatever the request asks for."""
    headers = as_dict(declared, detected, "a", True)
    assert headers["content-disposition"].startswith("attachment")
    assert headers["content-security-policy"] == "sandbox; default-src 'none'"
    assert headers["x-content-type-options"] == "nosniff"
