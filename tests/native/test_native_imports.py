"""Imports over the native API: started, followed, what was refused corrected and sent again."""

import socket
import time
from typing import Any

import pytest
from native_support import Client, Login, Row, Space, make_space, sha256_field
from tests.parts.server import KEY, RunningServer

TYPE = {
    "name": "CONTRACT",
    "fields": [
        {"id": "title", "type": "text", "needed": True, "in_title": True},
        {"id": "amount", "type": "double"},
    ],
}
SEND = {"Content-Type": "text/csv"}


@pytest.fixture
def typed(api: Client) -> Any:
    return api.ok("POST", "/types", 201, json=TYPE)


def email(api: Client) -> str:
    found: str = api.ok("GET", "/me")["user"]["email"]
    return found


def run(api: Client, data: str, **params: str) -> Any:
    """Import a CSV; return the import when it is over."""
    asked = {"type": "contract", **params}
    got = api.call("POST", "/imports", params=asked, content=data.encode(), headers=SEND)
    assert got.status_code == 202, got.text
    told = got.json()
    assert got.headers["location"].endswith(f"/imports/{told['id']}")
    deadline = time.monotonic() + 60
    while told["job"]["ended_at"] is None:
        assert time.monotonic() < deadline, told
        time.sleep(0.05)
        told = api.ok("GET", f"/imports/{told['id']}")
    return told


def test_refused_rows_are_corrected_and_sent_again(space: Space, typed: Any) -> None:
    """C-52: good rows are in, the error file has the others and comes in when it is corrected."""
    api = space.admin
    me = email(api)
    told = run(api, f"userEmail;title;amount\n{me};one;1.5\n{me};two;much\n{me};;3\n")
    assert (told["succeeded"], told["failed"], told["has_errors"]) == (1, 2, True)
    assert (told["type"], told["mode"], told["job"]["state"]) == ("CONTRACT", "upsert", "done")
    assert told["job"]["progress"] == {"done": 3, "total": 3}
    assert told["job"]["id"] == told["id"]
    file = api.call("GET", f"/jobs/{told['id']}/errors")
    assert file.headers["content-type"].startswith("text/csv")
    assert file.text.splitlines()[0] == "userEmail;title;amount;#line;#field;#error"
    again = file.text.replace("much", "2").replace(";;3", ";three;3")
    told = run(api, again, mode="add")
    assert (told["succeeded"], told["failed"], told["has_errors"]) == (2, 0, False)
    assert api.call("GET", f"/jobs/{told['id']}/errors").status_code == 404
    made = api.ok("GET", "/records", params={"type": "contract"})["records"]
    assert [each["title"] for each in made] == ["one", "two", "three"]
    number = made[0]["number_in_type"]
    told = run(api, f"userEmail,submissionNumber,amount\n{me},{number},9\n", mode="update")
    assert told["succeeded"] == 1
    assert api.ok("GET", f"/records/{made[0]['id']}")["values"] == {"title": "one", "amount": 9}
    kinds = api.ok("GET", "/jobs", params={"kind": "import"})["jobs"]
    assert len(kinds) == 3


def test_a_start_that_is_repeated_is_one_import(space: Space, typed: Any) -> None:
    api = space.admin
    data = f"userEmail,title\n{email(api)},one\n".encode()
    headers = {**SEND, "Idempotency-Key": "k1", "Content-Digest": sha256_field(data)}
    params = {"type": str(typed["number"])}
    first = api.ok("POST", "/imports", 202, params=params, content=data, headers=headers)
    second = api.ok("POST", "/imports", 202, params=params, content=data, headers=headers)
    assert first["id"] == second["id"]
    headers["Content-Digest"] = sha256_field(b"other")
    got = api.call("POST", "/imports", params=params, content=b"other", headers=headers)
    assert (got.status_code, got.json()["code"]) == (409, "idempotency_conflict")


BAD = [
    Row("no type", "POST", "/imports", 400, code="bad_parameter", parameter="type"),
    Row("an unknown type", "POST", "/imports", 404, params={"type": "none"}, code="type_not_found"),
    Row(
        "a bad mode", "POST", "/imports", 400, params={"type": "contract", "mode": "all"},
        code="bad_parameter", parameter="mode",
    ),
    Row(
        "an unknown parameter", "POST", "/imports", 400, params={"type": "contract", "kind": "a"},
        code="bad_parameter", parameter="kind",
    ),
    Row(
        "a type that is too long", "POST", "/imports", 400, params={"type": "a" * 257},
        code="bad_parameter", parameter="type",
    ),
    Row(
        "another digest", "POST", "/imports", 400, params={"type": "contract"}, content=b"a",
        send={"Content-Digest": sha256_field(b"b")}, code="digest_mismatch",
    ),
    Row(
        "a coding", "POST", "/imports", 415, params={"type": "contract"}, content=b"a",
        send={"Content-Encoding": "gzip"},
    ),
    Row(
        "a range", "POST", "/imports", 400, params={"type": "contract"}, content=b"a",
        send={"Content-Range": "bytes 0-0/2"}, code="bad_header",
    ),
    Row("no import", "GET", "/imports/11111111-1111-4111-8111-111111111111", 404),
    Row("no id", "GET", "/imports/x", 404, code="job_not_found"),
]  # fmt: skip


def test_bad_starts_leave_nothing_behind(
    server: RunningServer, space: Space, typed: Any, logins: list[Login]
) -> None:
    """Half a body, another space's key, a writer: no row, no job, no byte (C-02, C-30)."""
    api = space.admin
    before = (space.state(), api.ok("GET", "/jobs"))
    for row in BAD:
        row.run(api)
    writer = space.member(logins[0], "writer")
    got = writer.call("POST", "/imports", params={"type": "contract"}, content=b"userEmail\n")
    assert (got.status_code, got.json()["code"]) == (403, "right_missing")
    stranger = make_space(server.url, KEY).admin
    got = stranger.call("POST", "/imports", params={"type": "contract"}, content=b"userEmail\n")
    assert (got.status_code, got.json()["code"]) == (404, "type_not_found")
    with socket.create_connection(("127.0.0.1", server.port), timeout=30) as half:
        head = (
            "POST /consigne/v1/imports?type=contract HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            f"Authorization: Bearer {api.token}\r\nContent-Length: 100\r\n\r\nuserEmail"
        )
        half.sendall(head.encode())
    assert (space.state(), api.ok("GET", "/jobs")) == before


def test_a_file_that_is_no_table_fails_as_a_whole(space: Space, typed: Any) -> None:
    """Its import ends with an error file that says why; other spaces do not see it."""
    api = space.admin
    told = run(api, "wrong,title\na,b\n")
    assert (told["job"]["state"], told["succeeded"], told["has_errors"]) == ("failed", 0, True)
    text = api.call("GET", f"/jobs/{told['id']}/errors").text
    assert "UNKNOWN_COLUMN" in text
    assert "MISSING_COLUMN" in text
    stranger = make_space(space.url, KEY).admin
    assert stranger.call("GET", f"/imports/{told['id']}").status_code == 404
