"""Files handed on: signed URLs for others, archives; what is known of a text; years."""

import io
import time
import zipfile

import httpx
from native_support import Client, Login, Space
from tests.parts.papers import text_pdf
from tests.parts.server import KEY, RunningServer, others_forget


def test_a_shared_url_downloads_without_an_account_and_is_told(api: Client) -> None:
    file = api.upload(b"for you", params={"name": "été <b>.txt"})
    shared = api.ok("POST", f"/files/{file['id']}/share", 201, json={"expires_in": 60})
    got = httpx.get(shared["url"])
    assert (got.status_code, got.content) == (200, b"for you")
    assert "%C3%A9t%C3%A9" in got.headers["content-disposition"]
    other = "1" if shared["url"].endswith("0") else "0"
    assert httpx.get(shared["url"][:-1] + other).status_code == 403
    events = api.ok("GET", f"/files/{file['id']}/history")["events"]
    assert events[-1]["action"] == "file.shared"
    assert shared["url"] not in str(events)


def test_what_is_shared_ends_with_the_version_and_the_trash(api: Client) -> None:
    file = api.upload(b"one")
    url = api.ok("POST", f"/files/{file['id']}/share", 201)["url"]
    api.ok("PUT", f"/files/{file['id']}/content", content=b"two")
    assert httpx.get(url).content == b"one", "the version that was shared, while it is kept as undo"
    api.ok("DELETE", f"/files/{file['id']}", 204)
    assert httpx.get(url).status_code == 404


def test_a_signer_who_lost_the_right_loses_the_url(
    server: RunningServer, space: Space, logins: list[Login]
) -> None:
    """C-42, with a key that is revoked and a member who is dropped."""
    member = space.member(logins[0], "writer")
    file = member.upload(b"x")
    of_member = member.ok("POST", f"/files/{file['id']}/share", 201)["url"]
    key = space.admin.ok("POST", "/keys", 201, json={"space": space.short})
    holder = Client(server.url, key["key"])
    of_key = holder.ok("POST", f"/files/{file['id']}/share", 201)["url"]
    assert httpx.get(of_member).status_code == httpx.get(of_key).status_code == 200
    space.operator.ok("DELETE", f"/spaces/{space.short}/members/{logins[0].email}", 204)
    space.operator.ok("DELETE", f"/keys/{key['id']}", 204)
    others_forget()
    assert httpx.get(of_member).status_code == 403
    assert httpx.get(of_key).status_code == 403


def test_sharing_is_refused_for_what_it_cannot_be(api: Client, space: Space) -> None:
    file = api.upload(b"x")
    for bad in ({"expires_in": 0}, {"expires_in": 604_801}, {"expires_in": "1"}, {"for": "ever"}):
        assert api.call("POST", f"/files/{file['id']}/share", json=bad).status_code == 400, bad
    assert api.call("POST", f"/files/{file['id'][:-1]}x/share").status_code == 404
    foreign = space.operator.upload(b"y", headers={"Authorization": f"Bearer {KEY}"})
    assert api.call("POST", f"/files/{foreign['id']}/share").status_code == 404
    events = api.ok("GET", f"/files/{file['id']}/history")["events"]
    assert [event["action"] for event in events] == ["file.kept"]


def test_an_archive_has_every_file_under_a_name_of_its_own(api: Client) -> None:
    bodies = {"a.txt": b"1", "A.TXT": b"2", "日本.txt": b"3" * 300_000, "noext": b""}
    ids = [api.upload(body, params={"name": name})["id"] for name, body in bodies.items()]
    again = api.upload(b"4", params={"name": "a.txt"})["id"]
    got = api.call("GET", "/files/archive", params={"id": [*ids, again, ids[0]]})
    assert got.status_code == 200
    archive = zipfile.ZipFile(io.BytesIO(got.content))
    assert {name: archive.read(name) for name in archive.namelist()} == {
        "a.txt": b"1", "A (2).TXT": b"2", "日本.txt": b"3" * 300_000, "noext": b"",
        "a (3).txt": b"4",
    }  # fmt: skip


def test_an_archive_of_nothing_too_much_or_what_is_not_there(api: Client, space: Space) -> None:
    file = api.upload(b"x")["id"]
    foreign = space.operator.upload(b"y")["id"]
    for ids, status in (([], 400), ([file] * 201, 200), ([file, foreign], 404), (["x"], 404)):
        got = api.call("GET", "/files/archive", params={"id": ids})
        assert got.status_code == status, ids
    many = [f"{file[:-3]}{n:03x}" for n in range(201)]
    got = api.call("GET", "/files/archive", params=[("id", each) for each in many])
    assert got.status_code in (400, 404)


def test_the_state_of_a_text_is_told(api: Client) -> None:
    paper = api.upload(text_pdf(["Quittance de loyer"]))
    plain = api.upload(bytes(range(256)))
    deadline = time.monotonic() + 60
    while api.ok("GET", f"/files/{paper['id']}/text")["state"] == "waiting":
        assert time.monotonic() < deadline, "nobody reads texts"
        time.sleep(0.1)
    known = api.ok("GET", f"/files/{paper['id']}/text")
    assert known["origin"] == "layer"
    assert known["pages"] == 1
    assert known["length"] >= len("Quittance de loyer")
    assert known["recognisable"] is True
    none = api.ok("GET", f"/files/{plain['id']}/text")
    assert (none["state"], none["length"], none["recognisable"]) == ("none", 0, False)
    assert api.call("GET", "/files/x/text").status_code == 404


def test_years_are_listed_and_looked_into(server: RunningServer, space: Space) -> None:
    admin = space.admin
    dates = {"startingAt": "2026-01-01T00:00:00Z", "endingAt": "2026-12-31T00:00:00Z"}
    made = admin.post("/organizations/me/years", json=dates | {"label": "2026"})
    assert made.status_code in (200, 201), made.text
    (year,) = admin.ok("GET", "/years")["years"]
    assert (year["label"], year["is_closed"]) == ("2026", False)
    inside = {"year": year["id"]}
    assert admin.ok("GET", "/folders", params=inside)["folders"] == []
    admin.upload(b"outside")
    assert admin.ok("GET", "/files/count", params=inside) == {"count": 0}
    assert admin.ok("GET", "/files", params=inside)["files"] == []
    for path in ("/files", "/folders", "/files/count"):
        assert admin.call("GET", path, params={"year": "x"}).status_code == 404, path
    other = Client(server.url, KEY)
    assert other.ok("GET", "/years", params={"space": "default"})["years"] == []


def test_the_records_that_link_a_file_are_told_to_who_may_see_them(
    space: Space, logins: list[Login]
) -> None:
    admin, member = space.admin, space.member(logins[0], "writer")
    fields = [{"id": "scan", "type": "file"}, {"id": "word", "type": "text", "needed": True}]
    for name, acl in (("OPEN", None), ("SHUT", {"view": ["role:admin"]})):
        wish = {"name": name, "fields": fields} | ({"acl": acl} if acl else {})
        admin.ok("POST", "/types", 201, json=wish)
    files = {}
    for name in ("OPEN", "SHUT"):
        files[name] = admin.upload(name.encode())["id"]
        wish = {"type": name, "values": {"word": "w"}, "files": {"scan": files[name]}}
        admin.ok("POST", "/records", 201, json=wish)
        (link,) = admin.ok("GET", f"/files/{files[name]}/links")["links"]
        assert (link["type"], link["field"], link["live"]) == (name, "scan", None)
        made = admin.ok("POST", f"/records/{link['record']}/freeze", 201)
        _, frozen = admin.ok("GET", f"/files/{files[name]}/links")["links"]
        assert (frozen["live"], frozen["revision"]) == (link["number"], made["revision"])
        assert admin.ok("GET", f"/records/{link['record']}")["type"] == name
    assert len(member.ok("GET", f"/files/{files['OPEN']}/links")["links"]) == 2
    assert member.call("GET", f"/files/{files['SHUT']}/links").status_code == 404
    assert admin.ok("GET", f"/files/{admin.upload(b'free')['id']}/links") == {"links": []}
    assert admin.call("GET", "/files/x/links").status_code == 404
