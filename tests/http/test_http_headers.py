"""Credentials, idempotency keys, safe headers and problem documents."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import Headers

from consigne.errors import BadHeader, Unauthenticated
from consigne.http.answers import json_response, problem
from consigne.http.auth import basic, bearer
from consigne.http.fields import encode_headers, split_outside_quotes
from consigne.http.idempotency import idempotency_key


def auth(value):
    return Headers({"authorization": value})


def test_bearer():
    assert bearer(Headers()) is None
    assert bearer(auth("Bearer abc.DEF-1_2~+/=")) == "abc.DEF-1_2~+/="
    assert bearer(auth("bEARER  abc")) == "abc"
    assert bearer(auth("Basic eA==")) is None
    for bad in ("Bearer", "Bearer ", "Bearer a b", "Bearer é"):
        with pytest.raises(Unauthenticated):
            bearer(auth(bad))


def test_basic():
    value = base64.b64encode("zoé:a:b".encode()).decode()
    assert basic(auth(f"BASIC {value}")) == ("zoé", "a:b")
    latin = base64.b64encode("zoé:x".encode("latin-1")).decode()
    assert basic(auth(f"Basic {latin}")) == ("zoé", "x")
    assert basic(auth("Bearer x")) is None
    for bad in ("Basic", "Basic !", "Basic YWJj", "Basic " + base64.b64encode(b"a:\n").decode()):
        with pytest.raises(Unauthenticated):
            basic(auth(bad))


def test_two_authorization_headers_are_refused():
    raw = [(b"authorization", b"Bearer a"), (b"authorization", b"Bearer b")]
    with pytest.raises(Unauthenticated):
        bearer(Headers(raw=raw))


def test_idempotency_keys():
    assert idempotency_key(None) is None
    assert idempotency_key("8e03978e-40d5-43dd") == "8e03978e-40d5-43dd"
    assert idempotency_key(r'"a\"b"') == 'a"b'
    assert idempotency_key("x" * 255) == "x" * 255
    for bad in ("", '""', "x" * 256, "a b", "é", '"a b"'):
        with pytest.raises(BadHeader):
            idempotency_key(bad)


@given(st.text(max_size=20), st.text(max_size=20))
def test_no_control_character_gets_into_a_header(name, value):
    try:
        ((raw_name, raw_value),) = encode_headers({name: value})
    except ValueError:  # UnicodeEncodeError is one
        return
    assert not any(c < 32 and c != 9 for c in raw_name + raw_value)


@given(st.lists(st.sampled_from(["a", '"x;y"', r'"q\";"', "b c"]), min_size=1))
def test_splitting_leaves_quoted_strings_whole(pieces):
    assert list(split_outside_quotes(" ; ".join(pieces), ";")) == pieces


def test_json_is_compact_and_problems_keep_their_members():
    assert json_response({"a": [1, 2]}).body == b'{"a":[1,2]}'
    answer = problem(409, "Conflict", detail="d", extensions={"code": "x", "status": 200})
    assert json.loads(answer.body) == {
        "type": "about:blank",
        "title": "Conflict",
        "status": 409,
        "detail": "d",
        "code": "x",
    }
