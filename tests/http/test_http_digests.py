"""Digest fields (RFC 9530, 1864, 3230): C-43, AM-13, DX-20."""

import base64
import contextlib
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consigne.errors import BadHeader
from consigne.http.digests import (
    LENGTHS,
    body_digests,
    content_digests,
    render_digests,
    representation_digests,
    wanted_digests,
)

SHA = hashlib.sha256(b"x").digest()
MD5 = hashlib.md5(b"x").digest()


def b64(data):
    return base64.b64encode(data).decode()


@given(
    st.dictionaries(
        st.sampled_from(sorted(LENGTHS)), st.binary(min_size=64, max_size=64), min_size=1
    )
)
def test_digests_round_trip(raw):
    digests = {name: value[: LENGTHS[name]] for name, value in raw.items()}
    assert content_digests({"content-digest": render_digests(digests)}) == digests
    assert representation_digests({"repr-digest": render_digests(digests)}) == digests


@given(st.text(st.characters(max_codepoint=255), max_size=80))
def test_any_text_is_digests_or_a_bad_header(text):
    for name in ("content-digest", "repr-digest", "content-md5", "digest"):
        with contextlib.suppress(BadHeader):
            body_digests({name: text})


def test_unknown_algorithms_and_parameters_are_ignored():
    value = f'crc32c=:AAAA:, x="a, b";p=1, y=(1 2), z, sha-256=:{b64(SHA)}:;n=?1'
    assert content_digests({"content-digest": value}) == {"sha-256": SHA}


@pytest.mark.parametrize(
    "value",
    ["", "sha-256", "sha-256=abc", "sha-256=:AAAA:", "sha-256=:!!!:", "SHA-256=:AAAA:", "=:AAAA:"],
)
def test_malformed_dictionaries(value):
    with pytest.raises(BadHeader):
        content_digests({"content-digest": value})


def test_content_md5_and_the_old_digest():
    assert content_digests({"content-md5": b64(MD5)}) == {"md5": MD5}
    value = f"SHA-256={b64(SHA)},md5={b64(MD5)}, unixsum=30637"
    assert representation_digests({"digest": value}) == {"sha-256": SHA, "md5": MD5}
    for bad in ("x", "", "AAAA"):
        with pytest.raises(BadHeader):
            content_digests({"content-md5": bad})


def test_fields_agree_or_are_refused():
    same = {"content-md5": b64(MD5), "content-digest": render_digests({"md5": MD5})}
    assert body_digests(same) == {"md5": MD5}
    with pytest.raises(BadHeader):
        body_digests({**same, "digest": f"md5={b64(bytes(16))}"})
    with pytest.raises(BadHeader):
        content_digests({"content-digest": f"md5=:{b64(MD5)}:, md5=:{b64(bytes(16))}:"})


def test_wanted_digests():
    assert wanted_digests(None) == []
    assert wanted_digests("sha-256=1, md5=10, crc32c=9") == ["md5", "sha-256"]
    assert wanted_digests("sha-256=0") == []
    assert wanted_digests("sha-256=11") == []
    assert wanted_digests("sha-256") == []
