"""The search of a real server: its route, the command, and what a kill in the middle leaves."""

import json
import os
import secrets
import sqlite3
import subprocess
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from tests.parts.children import ocr_children, orphans, until
from tests.parts.papers import INVOICE, text_pdf
from tests.parts.process import bound_to_us
from tests.parts.server import COMMAND, KEY, RunningServer, ServerStarter

API = "/consigne/v1"


@pytest.fixture
def api(server: RunningServer) -> Iterator[httpx.Client]:
    """A client of the server."""
    with server.client() as client:
        yield client


def put(client: httpx.Client, data: bytes, name: str, **params: str) -> str:
    got = client.post(f"{API}/files", params={"name": name, **params}, content=data)
    assert got.status_code == 201, got.text
    number: str = got.json()["id"]
    return number


def search(client: httpx.Client, q: str, **params: Any) -> Any:
    got = client.get(f"{API}/search", params={"q": q, **params})
    assert got.status_code == 200, got.text
    return got.json()


def names(client: httpx.Client, q: str, **params: Any) -> list[str]:
    return [hit["file"]["name"] for hit in search(client, q, **params)["hits"]]


def until_found(client: httpx.Client, q: str, *expected: str, seconds: float = 60) -> None:
    assert until(lambda: names(client, q) == [*expected], seconds), names(client, q)


def test_route(api: httpx.Client) -> None:
    """C-03, C-30: hits with their files, scores and snippets; filters, folders and pages."""
    word = f"zeste{secrets.token_hex(4)}"
    folder = api.put(f"{API}/folders", params={"path": word}).json()["id"]
    put(api, text_pdf([INVOICE, f"Un {word} d'été"]), "a.pdf", folder=folder)
    put(api, f"Deux {word}s".encode(), "b.txt", **{"meta.note": word})
    until_found(api, f"{word} ", "b.txt", "a.pdf")
    found = search(api, f"{word} ete", fields="name,size")
    assert found["total"] == 1
    assert found["next"] is None
    (hit,) = found["hits"]
    assert set(hit["file"]) == {"id", "name", "size"}
    (snippet,) = hit["snippets"]
    assert (snippet["in"], snippet["key"], snippet["page"]) == ("text", None, 2)
    assert [snippet["text"][a:b] for a, b in snippet["marks"]] == [word, "été"]
    assert names(api, word, filter="type=application/pdf") == ["a.pdf"]
    assert names(api, word, folder=folder) == ["a.pdf"]
    assert names(api, word, folder="root") == ["b.txt"]
    first = api.get(f"{API}/search", params={"q": word, "limit": 1})
    assert first.json()["total"] == 2
    assert 'rel="next"' in first.headers["link"]
    second = search(api, word, limit=1, cursor=first.json()["next"])
    assert [hit["file"]["name"] for hit in second["hits"]] == ["a.pdf"]
    got = api.get(f"{API}/search", params={"q": "autre", "cursor": first.json()["next"]})
    assert (got.status_code, got.json()["code"]) == (400, "bad_cursor")


@pytest.mark.parametrize(
    ("params", "parameter"),
    [
        ({}, "q"),
        ({"q": ""}, "q"),
        ({"q": "?!"}, "q"),
        ({"q": "x" * 1001}, "q"),
        ({"q": "x" * 5000}, "q"),
        ({"q": "a\0b"}, "q"),
        ({"q": "a", "limit": "0"}, "limit"),
        ({"q": "a", "limit": "101"}, "limit"),
        ({"q": "a", "limit": "x"}, "limit"),
        ({"q": "a", "cursor": "x"}, "cursor"),
        ({"q": "a", "filter": "x"}, "filter"),
        ({"q": "a", "fields": "x"}, "fields"),
    ],
)
def test_bad_questions(api: httpx.Client, params: dict[str, str], parameter: str) -> None:
    """Parameters that mean nothing are refused by name."""
    got = api.get(f"{API}/search", params=params)
    assert got.status_code == 400
    assert got.json()["parameter"] == parameter


def run(server: RunningServer, *args: str, **env: str) -> str:
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("CONSIGNE_")}
    done = subprocess.run(
        bound_to_us([*COMMAND, *args]),
        env=inherited | {"CONSIGNE_URL": server.url, "CONSIGNE_KEY": KEY} | env,
        capture_output=True,
        timeout=100,
        check=True,
    )
    return done.stdout.decode()


def test_find(server: RunningServer, api: httpx.Client) -> None:
    """`consigne find` searches text and names, with filters, counts, snippets and JSON."""
    word = f"zibeline{secrets.token_hex(4)}"
    put(api, f"Une {word} bleue".encode(), "a.txt", tag="x")
    put(api, b"rien", f"{word}.txt")
    until_found(api, word, f"{word}.txt", "a.txt")
    lines = [line.split("\t") for line in run(server, "find", word, "size<1KB").splitlines()]
    assert [line[3:] for line in lines] == [[f"{word}.txt", ""], ["a.txt", f"Une {word} bleue"]]
    hit = json.loads(run(server, "find", word, "tag=x", "--json"))
    assert hit["name"] == "a.txt"
    assert hit["snippets"][0]["marks"] == [[4, 4 + len(word)]]
    assert run(server, "find", word, "--count") == "2\n"
    assert run(server, "find", f"{word} bleues", "--count") == "0\n"
    assert run(server, "find", f"{word} bleue", "--count") == "1\n"
    assert run(server, "find", f'"{word} bleue"', "--count") == "1\n"
    assert run(server, "find", word[2:], "--names").split("\t")[3] == f"{word}.txt\n"


@pytest.mark.timeout(180)
@pytest.mark.parametrize("phase", ["reading", "storing"])
def test_kill9(start_server: ServerStarter, phase: str) -> None:
    """C-54: killed while a text is read or stored, the server takes the job up again: every passage
    is there once, and what came in beside it too.
    """
    server = start_server(env={"CONSIGNE_JOB_LEASE": "2", "CONSIGNE_JOB_POLL": "0.05"})
    text = " ".join(f"mot{number} quelconque" for number in range(60_000)) + " terminus"
    database = sqlite3.connect(server.data / "catalog.db")

    def stored() -> int:
        return int(database.execute("SELECT count(*) FROM passage").fetchone()[0])

    with server.client() as client:
        put(client, text.encode(), "long.txt")
        put(client, b"court terminus", "court.txt")
        if phase == "reading":
            assert until(lambda: server.pid in ocr_children("text_child").values(), 20)
        else:
            assert until(lambda: stored() > 40, 60)
    server.kill9()
    assert until(lambda: not orphans("text_child"), 5), "a child outlived the server"
    server.start()
    with server.client() as client:
        until_found(client, "terminus", "court.txt", "long.txt", seconds=90)
        assert names(client, '"mot59999 quelconque terminus"') == ["long.txt"]
        assert client.get(f"{API}/jobs").json()["jobs"] == []
    question = "SELECT count(*), count(DISTINCT body) FROM passage"
    assert database.execute(question).fetchone() == (stored(), stored())
    assert database.execute("SELECT count(*) FROM passage_terms").fetchone() == (stored(),)
    database.close()


def test_without_worker_then_reindex(start_server: ServerStarter) -> None:
    """`consigne reindex` reads what waits, and what came in while CONSIGNE_TEXT_INDEX was off."""
    env = {"CONSIGNE_WORKER": "0", "CONSIGNE_TEXT_INDEX": "0"}
    server = start_server(env=env)
    with server.client() as client:
        put(client, b"Le chaudron", "a.txt")
        assert names(client, "chaudron") == []
        assert names(client, "a.txt") == ["a.txt"]
        said = json.loads(run(server, "reindex", "--data", str(server.data), "--json"))
        assert said == {"files": 1, "texts": 1, "strays": 0}
        assert names(client, "chaudrons") == ["a.txt"]
        assert "0 texts read" in run(server, "reindex", "--data", str(server.data))
        assert "1 text read" in run(server, "reindex", "--data", str(server.data), "--all")
        assert names(client, "chaudrons") == ["a.txt"]


@pytest.mark.timeout(180)
def test_workers_apart(start_server: ServerStarter, migrated_url: str) -> None:
    """C-54: on PostgreSQL workers beside the server read the texts, each once."""
    env = {"CONSIGNE_WORKER": "0", "CONSIGNE_CATALOG": migrated_url, "CONSIGNE_JOB_POLL": "0.05"}
    server = start_server(env=env)
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("CONSIGNE_")}
    command = bound_to_us([*COMMAND, "worker", "--data", str(server.data)])
    workers = [
        subprocess.Popen(command, env=inherited | env, stdout=subprocess.DEVNULL) for _ in range(2)
    ]
    try:
        with server.client() as client:
            for number in range(8):
                put(client, f"Le chaudron numéro {number}".encode(), f"{number}.txt")
            until_found(client, "chaudrons", *[f"{number}.txt" for number in reversed(range(8))])
            assert search(client, "chaudron")["total"] == 8
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()
