"""What the Python client makes of answers: retries, refusals, damage, lists; issue 6."""

import hashlib
import io
from collections.abc import Callable
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest
from client_support import scripted
from tests.appmixer.support import Person, Space
from tests.parts.process import free_port

from consigne.client import (
    Client,
    Conflict,
    Corrupt,
    Denied,
    Missing,
    NotConsigne,
    Refused,
    Unavailable,
    Unreachable,
)
from consigne.client.errors import retry_after

Connect = Callable[..., Any]
BUSY = (503, {"Retry-After": "7"}, b'{"code": "busy", "detail": "Busy.", "hint": "Wait."}')
COUNT = (200, {}, b'{"count": 3}')


def test_a_busy_server_says_when_to_come_back() -> None:
    """Retry-After decides over the client's own pauses, which grow (RFC 9110 §10.2.3)."""
    pauses: list[float] = []
    again = (429, {}, b"{}")
    answers = (BUSY, again, again, (502, {}, b"<html>"), COUNT)
    with scripted(*answers) as (url, heard), Client(url, sleep=pauses.append) as client:
        assert client.count() == 3
    assert len(heard) == 5
    assert pauses[0] == 7
    assert 0 < pauses[1] < pauses[3] < 7


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (BUSY, 503),
        ((400, {}, b'{"code": "bad_filter"}'), 400),
        ((500, {}, b"oops"), 500),
        ((302, {"Location": "/elsewhere"}, b""), 302),
    ],
)
def test_what_is_not_worth_repeating(connect: Connect, answer: Any, status: int) -> None:
    """A pause that is too long, and refusals that stay, are told at once."""
    with scripted(answer) as (url, heard):
        client = connect(url, longest_pause=5)
        with pytest.raises(Refused) as refused:
            client.count()
    assert (refused.value.status, len(heard)) == (status, 1)
    assert refused.value.retry_after == (7 if status == 503 else None)


def test_what_may_not_be_sent_twice(connect: Connect) -> None:
    """A POST is, only with a key that makes it the same request (pains 3)."""
    with scripted((503, {}, b"{}"), (201, {}, b"{}")) as (url, heard):
        client = connect(url, longest_pause=0.01)
        with pytest.raises(Unavailable):
            client.json("POST", "/keys", body={})
        assert len(heard) == 1
    stored = {"id": "i", "name": "a", "size": 1, "sha256": hashlib.sha256(b"a").hexdigest()}
    body = str(stored).replace("'", '"').encode()
    with scripted((503, {}, b"{}"), (201, {}, body)) as (url, heard):
        assert connect(url, longest_pause=0.01).upload(b"a").id == "i"
    keys = [each.headers["idempotency-key"] for each in heard]
    assert keys[0] == keys[1]
    assert heard[0].headers["repr-digest"] == (
        "sha-256=:ypeBEsobvcr6wjGzmiPcTaeG7/gUfE5yuYB3ha/uSLs=:"
    )


def test_dates_of_retry_after() -> None:
    assert retry_after({"retry-after": formatdate(0, usegmt=True)}) == 0
    assert retry_after({"retry-after": "soon"}) is None
    assert retry_after({}) is None


def test_refusals_carry_the_problem(client: Any, connect: Connect, ines: Person) -> None:
    """RFC 9457: status, code, what was refused and what to do, and the facts."""
    with pytest.raises(Missing) as missing:
        client.file("3c9f41d2-7b0e-4a68-9d15-e2a6c07f83b4")
    error = missing.value
    assert (error.status, error.code) == (404, "file_not_found")
    assert error.problem["type"].endswith("#file_not_found")
    assert str(error) == error.message == error.problem["detail"]
    with pytest.raises(Refused) as bad:
        list(client.files("size>many"))
    assert (bad.value.status, bad.value.code) == (400, "bad_filter")
    with pytest.raises(Denied) as denied:
        connect(ines.space.server.url, "wrong").count()
    assert denied.value.status == 401
    with pytest.raises(Denied):
        client.json("POST", "/spaces", body={"short": "mine"})
    file = client.upload(b"x")
    ines.space.admin.put(
        f"/consigne/v1/files/{file.id}/hold", json={"reason": "audit"},
        headers={"X-Consigne-Space": ines.space.short},
    )  # fmt: skip
    with pytest.raises(Conflict) as protected:
        client.delete(file)
    assert protected.value.code == "file_protected"


def test_no_answer_and_other_answers(connect: Connect) -> None:
    """A server that is not there is not waited for; one that is no Consigne is told apart."""
    with pytest.raises(Unreachable) as absent:
        connect(f"http://127.0.0.1:{free_port()}").count()
    assert absent.value.hint
    with pytest.raises(Unreachable):
        connect("ftp://127.0.0.1").count()
    for body in (b"<html>Welcome</html>", b'{"id": 7}', b"[]"):
        with scripted((200, {}, body)) as (url, _):
            with pytest.raises(NotConsigne):
                connect(url).file("i")
            with pytest.raises(NotConsigne):
                list(connect(url).files())


def test_bytes_that_are_not_the_stored_ones(connect: Connect, tmp_path: Path) -> None:
    """They get no name; a damaged start is thrown away, so that the next attempt is clean."""
    right = hashlib.sha256(b"right").hexdigest()
    document = (200, {}, f'{{"id": "i", "name": "a", "size": 5, "sha256": "{right}"}}'.encode())
    wrong = (200, {"ETag": f'"{right}"'}, b"wrong")
    with scripted(document, wrong) as (url, _):
        client = connect(url)
        file = client.file("i")
        with pytest.raises(Corrupt):
            client.download(file, tmp_path / "out")
        with pytest.raises(Corrupt):
            client.download(file, io.BytesIO())
        with pytest.raises(Corrupt):
            list(client.stream(file))
    assert list(tmp_path.iterdir()) == []
    with scripted(document, (201, {}, document[2])) as (url, _), pytest.raises(Corrupt):
        connect(url).upload(b"wrong", name="a")


def test_an_answer_that_is_too_short(connect: Connect, tmp_path: Path) -> None:
    """A download that breaks off without end is given up, its start kept for the next attempt."""
    right = hashlib.sha256(b"right").hexdigest()
    document = (200, {}, f'{{"id": "i", "name": "a", "size": 5, "sha256": "{right}"}}'.encode())
    tag = {"ETag": f'"{right}"'}
    first = (200, {**tag, "Content-Length": "5"}, b"ri")
    nothing = (206, {**tag, "Content-Length": "3"}, b"")
    with scripted(document, first, nothing) as (url, heard):
        with pytest.raises(Unreachable):
            connect(url, tries=3, longest_pause=0.01).download("i", tmp_path / "out")
        assert [each.headers.get("range") for each in heard] == [None, None, *["bytes=2-"] * 3]
    assert (tmp_path / "out.part").read_bytes() == b"ri"
    with scripted(document, (206, tag, b"ght")) as (url, _):
        connect(url).download("i", tmp_path / "out", resume=True)
    assert (tmp_path / "out").read_bytes() == b"right"


def test_lists_are_iterators_over_pages(client: Any, ines: Person) -> None:
    """Five files by pages of two, filtered, sorted, counted; what is left out has a default."""
    folder = client.ensure_folder("a/b")
    for size in range(5):
        client.upload(bytes(size), name=f"{size}.txt", folder="a/b" if size % 2 else None)
    assert [file.size for file in client.files(sort="-size")] == [4, 3, 2, 1, 0]
    assert [file.size for file in client.files("size>1", folder=folder.id, sort="size")] == [3]
    assert {file.name for file in client.files(folder="root", mine=True)} == {
        "0.txt", "2.txt", "4.txt",
    }  # fmt: skip
    assert (client.count(), client.count("size>1", folder="a/b")) == (5, 1)
    (top,) = client.folders()
    assert [each.name for each in client.folders(top)] == ["b"]
    assert [each["name"] for each in client.pages("/folders", "folders", [("parent", "a")])] == [
        "b"
    ]
    assert next(iter(client.files())).created_at.tzinfo is not None


def test_the_life_of_a_file(connect: Connect, space: Space) -> None:
    """Changed, copied, kept, deleted, restored, purged."""
    client = connect(space.server.url, space.person("manager").token)
    file = client.upload(b"x", name="a.txt", hold=True)
    assert client.keep(file).state == "kept"
    changed = client.change(file, name="b.txt", tags=["t"], meta={"k": "v"})
    assert (changed.name, changed.tags, changed.meta) == ("b.txt", ["t"], {"k": "v"})
    twin = client.copy(file, name="c.txt")
    assert (twin.id != file.id, twin.sha256) == (True, file.sha256)
    client.delete(twin)
    assert [each.id for each in client.files(state="released")] == [twin.id]
    assert client.restore(twin).state == "kept"
    client.delete(twin, purge=True)
    with pytest.raises(Missing):
        client.file(twin)
    (hit,) = client.search("b.txt")
    assert (hit.file.id, hit.snippets[0].place) == (file.id, "name")
