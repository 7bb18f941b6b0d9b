"""Folders through the native API."""

from native_support import Space


def test_tree(space: Space) -> None:
    """C-32: names need not be unique; an ambiguous path fails; slashes in names are escaped."""
    api = space.admin
    got = api.call("POST", "/folders", json={"name": "A"})
    assert got.status_code == 201
    a = got.json()
    assert got.headers["location"] == f"/consigne/v1/folders/{a['id']}"
    b = api.ok("POST", "/folders", 201, json={"name": "x/y", "parent": a["id"]})
    assert api.ok("GET", f"/folders/{b['id']}")["path"] == "A/x%2Fy"
    assert api.ok("PUT", "/folders", params={"path": "A/x%2Fy"})["id"] == b["id"]
    deep = api.ok("PUT", "/folders", params={"path": "/A/new/deeper/"})
    assert deep["path"] == "A/new/deeper"
    assert api.ok("PUT", "/folders", params={"path": "A/new/deeper"})["id"] == deep["id"]
    api.ok("POST", "/folders", 201, json={"name": "A"})
    got = api.call("PUT", "/folders", params={"path": "A/other"})
    assert (got.status_code, got.json()["code"]) == (400, "folder_ambiguous")
    names = [f["name"] for f in api.ok("GET", "/folders")["folders"]]
    assert names == ["A", "A"]
    page = api.ok("GET", "/folders", params={"parent": a["id"], "limit": 1})
    rest = api.ok("GET", "/folders", params={"parent": a["id"], "cursor": page["next"]})
    assert [f["name"] for f in page["folders"] + rest["folders"]] == ["x/y", "new"]
    moved = api.ok("PATCH", f"/folders/{deep['id']}", json={"name": "D", "parent": None})
    assert (moved["path"], moved["parent"]) == ("D", None)
    cycle = api.call("PATCH", f"/folders/{a['id']}", json={"parent": b["id"]})
    assert (cycle.status_code, cycle.json()["code"]) == (400, "folder_cycle")


def test_delete(space: Space) -> None:
    """C-32: a folder goes with those below it; its files move to the root; or only if empty."""
    api = space.admin
    folder = api.ok("PUT", "/folders", params={"path": "A/B"})
    top = api.ok("GET", "/folders")["folders"][0]
    file = api.upload(params={"folder": "A/B"})
    url = f"/folders/{top['id']}"
    got = api.call("DELETE", url, params={"only_if_empty": "true"})
    assert (got.status_code, got.json()["code"]) == (409, "folder_not_empty")
    assert api.ok("DELETE", url) == {"folders": 2}
    assert api.ok("GET", f"/files/{file['id']}")["folder"] is None
    for each in (top["id"], folder["id"], "x"):
        got = api.call("GET", f"/folders/{each}")
        assert (got.status_code, got.json()["code"]) == (404, "folder_not_found")


def test_refusals_leave_nothing(space: Space) -> None:
    """C-31, C-32, C-41: bad names, unknown parents and too deep paths make no folder at all."""
    before = space.state()
    for method, options in (
        ("POST", {"json": {"name": ""}}),
        ("POST", {"json": {"name": "\u202e \0"}}),
        ("POST", {"json": {"name": "x" * 257}}),
        ("POST", {"json": {"name": "x", "parent": "no/where"}}),
        ("POST", {"json": {"name": "x", "parent": "11111111-1111-4111-8111-111111111111"}}),
        ("POST", {"json": {"name": 5}}),
        ("POST", {"json": {"name": "x", "colour": "red"}}),
        ("POST", {"content": b"[]"}),
        ("POST", {"content": b"\xff"}),
        ("PUT", {}),
        ("PUT", {"params": {"path": "/"}}),
        ("PUT", {"params": {"path": "a/\u202e/b"}}),
        ("PUT", {"params": {"path": "a/" + "x" * 257}}),
        ("PUT", {"params": {"path": "/".join("d" * 65)}}),
        ("GET", {"params": {"limit": "x"}}),
        ("GET", {"params": {"cursor": "x"}}),
        ("GET", {"params": {"parent": "no/where"}}),
    ):
        got = space.admin.call(method, "/folders", **options)
        assert got.status_code == 400, (method, options, got.text)
        assert got.json()["code"] != "internal"
    assert space.state() == before
