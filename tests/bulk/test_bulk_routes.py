"""Jobs over many files through the native API: dry run, progress, result, error file."""

import csv
import io
import json
import time
import zipfile
from typing import Any

from click.testing import CliRunner
from tests.native.native_support import Client, Space, make_space
from tests.parts.server import KEY, ServerStarter

from consigne.cli import main

NOBODY = "11111111-1111-4111-8111-111111111111"


def wait(api: Client, job: dict[str, Any]) -> dict[str, Any]:
    """Return a job when it is over."""
    deadline = time.monotonic() + 60
    while job["ended_at"] is None:
        assert time.monotonic() < deadline, job
        time.sleep(0.05)
        job = api.ok("GET", f"/jobs/{job['id']}")
    return job


def order(api: Client, params: dict[str, Any], **body: Any) -> dict[str, Any]:
    """Start a job and return it when it is over."""
    got = api.call("POST", "/bulk", params=params, json=body)
    assert got.status_code == 202, got.text
    job = got.json()
    assert got.headers["location"].endswith(f"/jobs/{job['id']}")
    assert job["kind"] == "bulk"
    return wait(api, job)


def errors(api: Client, job: dict[str, Any]) -> list[dict[str, str]]:
    got = api.call("GET", f"/jobs/{job['id']}/errors")
    assert got.status_code == 200, got.text
    assert got.headers["content-type"].startswith("text/csv")
    assert got.headers["content-disposition"].startswith("attachment")
    return list(csv.DictReader(io.StringIO(got.text, newline="")))


def test_a_tag_for_all_that_match(space: Space) -> None:
    """C-55, C-12: a dry run changes nothing; what is protected is told in the error file."""
    api = space.admin
    made = [api.upload(b"%d" % i, params={"name": f"in {i}.txt"}) for i in range(5)]
    api.upload(b"other", params={"name": "out.txt"})
    held = made[2]["id"]
    api.ok("PUT", f"/files/{held}/hold", json={"reason": "a case"})
    params = {"filter": "name~in "}
    wish = {"action": "tag", "add": ["seen"]}
    told = api.ok("POST", "/bulk", params=params, json={**wish, "dry_run": True})
    assert told == {"count": 4, "size": 5, "skipped": 1, "dry_run": True}
    assert api.ok("GET", "/files/count", params={"filter": "tag=seen"}) == {"count": 0}
    job = order(api, params, **wish)
    assert job["result"] == {"count": 4, "size": 4, "failed": 1, "file": None}
    assert job["progress"] == {"done": 5, "total": 5}
    assert api.ok("GET", "/files/count", params={"filter": "tag=seen"}) == {"count": 4}
    (row,) = errors(api, job)
    assert (row["id"], row["name"], row["code"]) == (held, "in 2.txt", "file_protected")
    job = order(api, {"filter": "tag=seen"}, action="tag", remove=["seen"])
    assert job["result"]["failed"] == 0
    assert api.call("GET", f"/jobs/{job['id']}/errors").status_code == 404
    assert api.ok("GET", "/files/count", params={"filter": "tag=seen"}) == {"count": 0}


def test_move_and_delete(space: Space) -> None:
    """C-55, C-02: into a folder and into the trash; without manage only one's own."""
    api = space.admin
    folder = api.ok("POST", "/folders", 201, json={"name": "there"})
    for i in range(3):
        api.upload(b"%d" % i, params={"name": f"{i}.txt"})
    job = order(api, {"all": "true"}, action="move", to="/there")
    assert job["result"]["count"] == 3
    assert api.ok("GET", "/files/count", params={"folder": folder["id"]}) == {"count": 3}
    job = order(api, {"folder": folder["id"], "filter": "name!=1.txt"}, action="move", to=None)
    assert job["result"]["count"] == 2
    job = order(api, {"all": "true"}, action="delete")
    assert job["result"] == {"count": 3, "size": 3, "failed": 0, "file": None}
    assert api.ok("GET", "/files/count") == {"count": 0}
    assert space.usage()["used"] == 0


def test_exports(space: Space) -> None:
    """C-55, C-56: a ZIP of the files, or a list; a file of the vault, of who asked for it."""
    api = space.admin
    bodies = {"a.txt": b"first", "é.txt": b"second", "b.bin": bytes(300_000)}
    for name, body in bodies.items():
        api.upload(body, params={"name": name})
    again = api.upload(b"third", params={"name": "A.txt"})
    job = order(api, {"all": "true"}, action="export", name="all.zip")
    assert job["result"] == {
        "count": 4,
        "size": 300_016,
        "failed": 0,
        "file": job["result"]["file"],
    }
    file = api.ok("GET", f"/files/{job['result']['file']}")
    assert (file["name"], file["type"], file["access"]) == ("all.zip", "application/zip", "private")
    with zipfile.ZipFile(io.BytesIO(api.content(file["id"]))) as archive:
        assert archive.testzip() is None
        found = {name: archive.read(name) for name in archive.namelist()}
    assert found == {**bodies, f"A ({again['id']}).txt": b"third"}
    job = order(api, {"filter": "name~.txt"}, action="export", format="csv")
    text = api.content(job["result"]["file"]).decode()
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert [row["name"] for row in rows] == ["a.txt", "é.txt", "A.txt"]
    assert rows[2]["id"] == again["id"]


def test_what_a_start_refuses(space: Space) -> None:
    """C-55: shape, filters, folders; nothing is started."""
    api = space.admin
    some = {"filter": "name~x"}
    for params, body, code in [
        (some, {"action": "burn"}, "bad_body"),
        (some, {}, "bad_body"),
        (some, {"action": "tag"}, "bad_parameter"),
        (some, {"action": "tag", "add": ["x" * 65]}, "bad_parameter"),
        (some, {"action": "tag", "add": "x"}, "bad_body"),
        (some, {"action": "move", "to": "/nowhere"}, "folder_unknown"),
        (some, {"action": "move", "to": NOBODY}, "folder_unknown"),
        (some, {"action": "export", "format": "tar"}, "bad_body"),
        (some, {"action": "delete", "more": 1}, "bad_body"),
        ({}, {"action": "delete"}, "bad_parameter"),
        ({"filter": "nope"}, {"action": "delete"}, "bad_filter"),
        ({"filtre": "name~x"}, {"action": "delete"}, "bad_parameter"),
        ({**some, "state": "released"}, {"action": "delete"}, "bad_parameter"),
    ]:
        got = api.call("POST", "/bulk", params=params, json=body)
        assert (got.status_code, got.json()["code"]) == (400, code), (body, got.text)
    assert api.ok("GET", "/jobs")["jobs"] == []
    got = api.call("POST", "/bulk", params=some, content=b'{"action":')
    assert got.json()["code"] == "bad_body"


def test_a_deletion_of_very_many(start_server: ServerStarter) -> None:
    """C-55: up to a size at once, beyond it a job; `consigne rm` waits for it."""
    server = start_server(env={"CONSIGNE_BULK_SYNC": "2"})
    api = make_space(server.url, KEY).admin
    for name in ("a 1", "a 2", "b 1", "b 2", "b 3", "c 1", "c 2", "c 3"):
        api.upload(name.encode(), params={"name": name})
    got = api.ok("DELETE", "/files", params={"filter": "name~a "})
    assert got == {"count": 2, "size": 6, "skipped": 0, "dry_run": False}
    job = api.ok("DELETE", "/files", 202, params={"filter": "name~b "})
    assert wait(api, job)["result"] == {"count": 3, "size": 9, "failed": 0, "file": None}
    env = {"CONSIGNE_URL": server.url, "CONSIGNE_KEY": api.token}
    args = ["rm", "--filter", "name~c ", "--yes", "--json"]
    done = CliRunner().invoke(main, args, env=env)
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["files"] == 3
    assert api.ok("GET", "/files/count") == {"count": 0}
    server.terminate()
