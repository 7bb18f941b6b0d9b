"""Files in attributes of documents: inserted, replaced, shown, removed (DY-24..28, DY-03)."""

import hashlib
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from dynacase_desk import contract
from dynacase_support import (
    PDF,
    PNG,
    Person,
    Space,
    file_of,
    good,
    refused,
    token_of,
)

ERROR = {
    "success": False,
    "messages": [
        {
            "type": "error",
            "contentText": 'Need acl "edit" to insert file',
            "contentHtml": "",
            "code": "API0106",
            "uri": "http://api.dynacase.org/code/API0106.html",
            "data": None,
        }
    ],
    "data": None,
    "exceptionMessage": 'Need acl "edit" to insert file',
}


@pytest.fixture
def family(space: Space) -> int:
    """The family CONTRACT of the space."""
    return space.office.family("CONTRACT", *contract())


@pytest.fixture
def number(space: Space, family: int) -> int:
    """An empty document of that family."""
    return space.number()


def values(space: Space, number: int, attribute: str) -> list[str | None]:
    """Return the references of a list attribute."""
    got = good(space.http.get(f"/api/documents/{number}?fields=attribute.{attribute}"))
    return [row["value"] for row in got["document"]["attributes"][attribute]]


def file_events(space: Space) -> list[str]:
    """Return what the audit trail tells of files, oldest first."""
    found = space.native("GET", "/events", params={"limit": 100})["events"]
    return [event["action"] for event in found if event["action"].startswith("file.")]


def fetched(space: Space, url: str) -> bytes:
    got = space.http.get(url)
    assert got.status_code == 200, got.text
    return got.content


class TestInsert:
    """POST: DY-24, acceptance 6 and 7."""

    def test_single(self, space: Space, number: int) -> None:
        """DY-24, DY-40..42: 201; uri and downloadUrl resolve; kept in one step."""
        path = f"/api/documents/{number}/file/ct_scan"
        got = space.http.post(f"{path}?filename=contrat%20n°1.pdf", content=PDF)
        file = file_of(got, 201)
        vault_id = file["reference"].split("|")[1]
        assert file["reference"] == f"application/pdf|{vault_id}|contrat n°1.pdf"
        assert file["uri"] == f"{space.url}/api/documents/{number}/files/{vault_id}"
        assert got.headers["location"] == file["uri"]
        assert got.headers["etag"] == f'"{vault_id}-1"'
        assert file["downloadUrl"] == (
            f"{space.url}/file/{number}/{vault_id}/-1/ct_scan/contrat%20n%C2%B01.pdf"
        )
        assert file_of(space.http.get(file["uri"])) == file
        assert file_of(space.http.get(path)) == file
        assert fetched(space, file["downloadUrl"]) == PDF
        (kept,) = space.files("kept")
        assert kept["guards"] == ["linked"]
        assert space.usage == (len(PDF), 0)

    def test_second_replaces_and_releases(self, space: Space, number: int) -> None:
        """DY-24, DY-51: a second POST makes a new id; the first is released, its URL is 404."""
        path = f"/api/documents/{number}/file/ct_scan"
        first = file_of(space.http.post(path, content=b"one"), 201)
        second = file_of(space.http.post(path, content=b"two!"), 201)
        assert second["reference"] != first["reference"]
        refused(space.http.get(first["downloadUrl"]), 404, "CRUD0608", "File not found")
        refused(space.http.get(first["uri"]), 404, "CRUD0608")
        assert fetched(space, second["downloadUrl"]) == b"two!"
        assert len(space.files("released")) == 1
        assert space.usage == (4, 0)

    def test_list(self, space: Space, number: int) -> None:
        """DY-03, DY-24, acceptance 7: `?index=2` on an empty list, `/1`, none, a conflict."""
        path = f"/api/documents/{number}/file/ct_pages"
        third = file_of(space.http.post(f"{path}?index=2", content=b"c"), 201)
        assert third["downloadUrl"].split("/")[6:8] == ["2", "ct_pages"]
        assert values(space, number, "ct_pages") == [None, None, third["reference"]]
        second = file_of(space.http.post(f"{path}/1", content=b"b"), 201)
        fourth = file_of(space.http.post(path, content=b"d"), 201)
        fifth = file_of(space.http.post(f"{path}?index=-1", content=b"e"), 201)
        assert values(space, number, "ct_pages") == [
            None, second["reference"], third["reference"], fourth["reference"],
            fifth["reference"],
        ]  # fmt: skip
        refused(space.http.post(f"{path}/1?index=2", content=b"x"), 400, "CRUD0612", "Bad index")
        same = file_of(space.http.post(f"{path}/1?index=1", content=b"bb"), 201)
        assert values(space, number, "ct_pages")[1] == same["reference"]

    def test_column_of_an_array(self, space: Space, number: int) -> None:
        """DY-60: a child of an array has rows; an append goes behind the rows beside it."""
        note = {"attributes": {"ct_note": [{"value": "one"}, {"value": "two"}]}}
        good(space.http.put(f"/api/documents/{number}", json=note))
        path = f"/api/documents/{number}/file/ct_piece"
        file = file_of(space.http.post(path, content=b"x"), 201)
        assert file["downloadUrl"].split("/")[6] == "2"

    def test_name_and_name_of_the_attribute(self, space: Space, number: int) -> None:
        """DY-13: without a name the file is called after its attribute."""
        path = f"/api/documents/{number}/file/CT_Photo"
        assert file_of(space.http.post(path, content=PNG), 201)["fileName"] == "ct_photo.png"

    def test_form(self, space: Space, number: int) -> None:
        """DY-11, DY-24: a form, its field's name is free."""
        path = f"/api/documents/{number}/files/ct_scan"
        file = file_of(space.http.post(path, files={"fi_file": ("d.pdf", PDF)}), 201)
        assert file["fileName"] == "d.pdf"

    @pytest.mark.parametrize(
        ("tail", "code"),
        [
            ("ct_scan/0", "CRUD0611"),
            ("ct_scan?index=3", "CRUD0611"),
            ("ct_pages/x", "CRUD0612"),
            ("ct_pages/-2", "CRUD0612"),
            ("ct_pages/1000", "CRUD0612"),
            ("ct_pages?index=", "CRUD0612"),
            ("ct_title", "CRUD0614"),
            ("ct_frame", "CRUD0605"),
            ("ct_nothing", "CRUD0605"),
        ],
    )
    def test_bad_places(self, space: Space, number: int, tail: str, code: str) -> None:
        """DY-03, DY-62: told before the body is read; nothing is kept."""
        refused(space.http.post(f"/api/documents/{number}/file/{tail}", content=b"x"), 400, code)
        assert space.files() == []

    def test_minus_one_passes_on_single(self, space: Space, number: int) -> None:
        """DY-03, DY-24: index -1 is none."""
        path = f"/api/documents/{number}/file/ct_scan"
        file_of(space.http.post(f"{path}/-1", content=b"x"), 201)
        file_of(space.http.put(f"{path}?index=-1", content=b"y"))

    def test_refused_bytes_are_gone(self, space: Space, number: int) -> None:
        """DY-58, DY-61: of what a constraint refuses nothing stays, not even in the trash."""
        got = space.http.post(f"/api/documents/{number}/file/ct_photo", content=PDF)
        message = refused(got, 400, "API0104", "Constraint error on attribut ct_photo")
        (told,) = message["data"]
        assert list(told) == ["attribute", "label", "error"]
        assert space.files("held", "kept", "released") == []
        assert space.usage == (0, 0)

    def test_in_one_transaction(self, space: Space, number: int) -> None:
        """DY-24, DY-51: a file comes in and is linked at once, or was never there at all."""
        path = f"/api/documents/{number}/file/ct_photo"
        refused(space.http.post(path, content=PDF), 400, "API0104")
        file_of(space.http.post(path, content=PNG), 201)
        deadline = time.monotonic() + 10
        while len(told := file_events(space)) < 2 and time.monotonic() < deadline:
            time.sleep(0.1)
        assert told == ["file.held", "file.linked"]


class TestReplace:
    """PUT: DY-25, acceptance 8, 9 and 10."""

    @pytest.mark.parametrize(
        "base",
        ["documents/{n}", "families/contract/{n}", "families/{f}/documents/{n}"],
    )
    def test_reference_stays(self, space: Space, family: int, number: int, base: str) -> None:
        """DY-25, DY-55, acceptance 8, 10: identical reference, new bytes, whatever the upload."""
        path = f"/api/{base.format(n=number, f=family)}/file/ct_scan"
        first = file_of(space.http.post(f"{path}?filename=a.pdf", content=PDF), 201)
        time.sleep(1.1)  # dates count seconds
        got = space.http.put(f"{path}?filename=other.png", content=PNG)
        second = file_of(got)
        for same in ("reference", "uri", "cdate", "fileName", "downloadUrl"):
            assert second[same] == first[same], same
        assert (second["mime"], second["size"]) == ("image/png", len(PNG))
        assert second["mdate"] > first["mdate"]
        assert fetched(space, first["downloadUrl"]) == PNG
        assert got.headers["etag"].endswith('-2"')
        assert space.usage == (len(PNG), 0)

    def test_empty_attribute(self, space: Space, number: int) -> None:
        """DY-25: nothing stored there: 404 CRUD0607."""
        path = f"/api/documents/{number}/file/ct_scan"
        text = 'No file in attribute "ct_scan"'
        refused(space.http.put(path, content=b"x"), 404, "CRUD0607", text)
        refused(space.http.put(f"/api/documents/{number}/file/ct_pages/3", content=b"x"), 404,
                "CRUD0607")  # fmt: skip
        assert space.files() == []

    def test_list(self, space: Space, number: int) -> None:
        """DY-25, acceptance 9: an index is needed; only that row changes."""
        path = f"/api/documents/{number}/file/ct_pages"
        rows = [file_of(space.http.post(path, content=bytes([65 + n])), 201) for n in range(3)]
        refused(space.http.put(path, content=b"x"), 400, "CRUD0610", "Index needed")
        changed = file_of(space.http.put(f"{path}/1", content=b"new"))
        assert changed["reference"] == rows[1]["reference"]
        found = [fetched(space, row["downloadUrl"]) for row in rows]
        assert found == [b"A", b"new", b"C"]
        assert values(space, number, "ct_pages") == [row["reference"] for row in rows]

    def test_by_vault_id(self, space: Space, number: int) -> None:
        """DY-28: GET, PUT and DELETE by the number of the file; not POST."""
        path = f"/api/documents/{number}/file/ct_pages"
        row = file_of(space.http.post(f"{path}/4", content=b"x"), 201)
        assert file_of(space.http.get(row["uri"])) == row
        assert file_of(space.http.put(row["uri"], content=b"yy"))["size"] == 2
        refused(space.http.post(row["uri"], content=b"z"), 404, "CRUD0608")
        assert good(space.http.delete(row["uri"])) is None
        refused(space.http.get(row["uri"]), 404, "CRUD0608")
        refused(space.http.get(f"/api/documents/{number}/file/{'9' * 19}"), 404, "CRUD0608")

    def test_if_match(self, space: Space, number: int) -> None:
        """DY-25, DY-43: If-Match guards a PUT and a DELETE: 412, and nothing changes."""
        path = f"/api/documents/{number}/file/ct_scan"
        tag = space.http.post(path, content=b"1").headers["etag"]
        file_of(space.http.put(path, content=b"22", headers={"If-Match": tag}))
        got = space.http.put(path, content=b"333", headers={"If-Match": tag})
        refused(got, 412, "CSG0412", "File was changed")
        refused(space.http.delete(path, headers={"If-Match": tag}), 412, "CSG0412")
        assert file_of(space.http.get(path))["size"] == 2

    def test_constraints_of_the_new_content(self, space: Space, number: int) -> None:
        """DY-25, DY-60: the attribute's rules hold for a new content as well."""
        path = f"/api/documents/{number}/file/ct_photo"
        file = file_of(space.http.post(path, content=PNG), 201)
        refused(space.http.put(path, content=PDF), 400, "API0104")
        assert fetched(space, file["downloadUrl"]) == PNG
        assert space.usage == (len(PNG), 0)


class TestLookAndRemove:
    """GET and DELETE: DY-26 and DY-27."""

    def test_list_needs_an_index(self, space: Space, number: int) -> None:
        """DY-26, DY-27: GET and DELETE of a list without index: CRUD0610."""
        path = f"/api/documents/{number}/file/ct_pages"
        for method in ("GET", "DELETE"):
            refused(space.http.request(method, path), 400, "CRUD0610")

    def test_delete_keeps_the_place(self, space: Space, number: int) -> None:
        """DY-27: the row becomes empty; trailing empty rows are cut."""
        path = f"/api/documents/{number}/file/ct_pages"
        rows = [file_of(space.http.post(path, content=bytes([65 + n])), 201) for n in range(3)]
        assert good(space.http.delete(f"{path}/1")) is None
        references = [row["reference"] for row in rows]
        assert values(space, number, "ct_pages") == [references[0], None, references[2]]
        refused(space.http.get(f"{path}/1"), 404, "CRUD0607")
        good(space.http.delete(f"{path}/2"))
        assert values(space, number, "ct_pages") == [references[0]]
        assert space.usage == (1, 0)
        assert len(space.files("released")) == 2

    def test_single(self, space: Space, number: int) -> None:
        """DY-27: file and reference go; the URL is 404."""
        path = f"/api/documents/{number}/file/ct_scan"
        file = file_of(space.http.post(path, content=b"x"), 201)
        assert good(space.http.delete(path)) is None
        refused(space.http.delete(path), 404, "CRUD0607")
        refused(space.http.get(file["downloadUrl"]), 404, "CRUD0608")

    def test_of_another_document(self, space: Space, number: int) -> None:
        """DY-28, DY-32: a file is found under the document that holds it alone."""
        file = file_of(space.http.post(f"/api/documents/{number}/file/ct_scan", content=b"x"), 201)
        other = space.number()
        vault_id = file["reference"].split("|")[1]
        refused(space.http.get(f"/api/documents/{other}/file/{vault_id}"), 404, "CRUD0608")
        url = file["downloadUrl"].replace(f"/file/{number}/", f"/file/{other}/")
        refused(space.http.get(url), 404, "CRUD0608")


class TestVisibility:
    """DY-57, acceptance 12."""

    @pytest.mark.parametrize("name", ["ct_secret", "ct_inside"])
    def test_i_protects(self, space: Space, number: int, name: str) -> None:
        """DY-26, DY-57: writes 403 API0101, own I or inherited; GET as an invented attribute."""
        path = f"/api/documents/{number}/file/{name}"
        text = f'Attribute "{name}" may not be modified'
        for method in ("POST", "PUT"):
            refused(space.http.request(method, path, content=b"x"), 403, "API0101", text)
        refused(space.http.delete(path), 403, "API0101")
        hidden = refused(space.http.get(path), 400, "CRUD0605")
        invented = refused(space.http.get(f"/api/documents/{number}/file/ct_x"), 400, "CRUD0605")
        assert hidden["contentText"].replace(name, "ct_x") == invented["contentText"]
        save = {"attributes": {name: {"value": ""}}}
        refused(space.http.put(f"/api/documents/{number}", json=save), 403, "API0101")
        assert space.files() == []

    @pytest.mark.parametrize("letter", "hrosu")
    def test_others_are_presentation(self, space: Space, number: int, letter: str) -> None:
        """DY-57: H, R, O, S and U are writable by request."""
        path = f"/api/documents/{number}/file/ct_{letter}"
        file_of(space.http.post(path, content=b"x"), 201)
        file_of(space.http.put(path, content=b"y"))


class TestRights:
    """DY-56, acceptance 11 and 24."""

    def test_no_edit(self, space: Space, ana: Person, number: int) -> None:
        """DY-07, DY-56, acceptance 11: 403 API0106 in the words of the seed, exactly."""
        path = f"/api/documents/{number}/file/ct_scan"
        file = file_of(space.http.post(path, content=b"x"), 201)
        space.office.set_acl(number, edit=["user:nobody@example.org"])
        for method in ("POST", "PUT"):
            got = ana.http.request(method, path, content=b"y")
            assert got.status_code == 403
            assert got.json() == ERROR
        text = 'Need acl "edit" to access to the document'
        refused(ana.http.delete(path), 403, "API0011", text)
        save = {"attributes": {"ct_title": {"value": "x"}}}
        text = 'Need acl "edit" to modify the document'
        refused(ana.http.put(f"/api/documents/{number}", json=save), 403, "API0106", text)
        assert file_of(ana.http.get(path)) == file
        assert space.usage == (1, 0)

    def test_no_view(self, space: Space, ana: Person, number: int) -> None:
        """DY-56, acceptance 11: 403 API0010 for every look; a write lacks its own right."""
        path = f"/api/documents/{number}/file/ct_scan"
        file = file_of(space.http.post(path, content=b"x"), 201)
        space.office.set_acl(number, view=["group:legal"], edit=["group:legal"])
        text = 'Need acl "view" to access to the document'
        for place in (path, f"/api/documents/{number}", file["uri"], file["downloadUrl"]):
            refused(ana.http.get(place), 403, "API0010", text)
        refused(ana.http.put(path, content=b"y"), 403, "API0106")
        space.office.set_group("legal", ana.email)
        deadline = time.monotonic() + 10
        while ana.http.get(path).status_code != 200:
            assert time.monotonic() < deadline
            time.sleep(0.2)
        file_of(ana.http.put(path, content=b"yy"))

    def test_roles(self, space: Space, number: int) -> None:
        """DY-56: a reader only views; an admin may whatever the ACL says."""
        path = f"/api/documents/{number}/file/ct_scan"
        reader = space.member("reader")
        refused(reader.http.post(path, content=b"x"), 403, "API0106")
        space.office.set_acl(number, edit=[], view=[])
        file_of(space.http.post(path, content=b"x"), 201)

    def test_delete_right(self, space: Space, ana: Person, number: int) -> None:
        """DY-56: no `delete`: 403 API0011."""
        space.office.set_acl(number, delete=["role:manager"])
        text = 'Need acl "DELETE" to access to the document'
        refused(ana.http.delete(f"/api/documents/{number}"), 403, "API0011", text)

    def test_another_space(self, space: Space, stranger: Space, number: int) -> None:
        """DY-05, acceptance 23: document and downloadUrl are as unknown as any other."""
        file = file_of(space.http.post(f"/api/documents/{number}/file/ct_scan", content=b"x"), 201)
        unknown = refused(stranger.http.get("/api/documents/999999999"), 404, "API0010")
        for place in (f"/api/documents/{number}", file["uri"], file["downloadUrl"]):
            found = refused(stranger.http.get(place), 404, "API0010")
            assert found["contentText"].replace(str(number), "999999999") == unknown["contentText"]
        refused(stranger.http.put(file["uri"], content=b"y"), 404, "API0010")

    def test_a_user_acts_in_the_space_of_the_document(
        self, space: Space, stranger: Space, ana: Person, number: int
    ) -> None:
        """DY-05: whatever space the request names, the document's counts."""
        stranger.native(
            "PUT", f"/spaces/{stranger.short}/members/{ana.email}", json={"role": "writer"}
        )
        headers = {"X-Consigne-Space": stranger.short}
        path = f"/api/documents/{number}/file/ct_scan"
        file_of(ana.http.post(path, content=b"x", headers=headers), 201)
        assert space.usage == (1, 0)
        assert stranger.usage == (0, 0)

    def test_trash_and_lock(self, space: Space, ana: Person, ben: Person, number: int) -> None:
        """DY-56, acceptance 24: in the trash reads are 404, writes 403; a foreign lock 403."""
        path = f"/api/documents/{number}/file/ct_scan"
        file = file_of(ana.http.post(path, content=b"x"), 201)
        space.office.lock(number, ben.token)
        text = f'Document "{number}" is locked'
        refused(ana.http.put(path, content=b"y"), 403, "API0109", text)
        refused(ana.http.post(path, content=b"y"), 403, "API0109")
        refused(ana.http.delete(f"/api/documents/{number}"), 403, "API0109")
        file_of(ana.http.get(path))
        file_of(ben.http.put(path, content=b"yy"))
        good(ben.http.delete(f"/api/documents/{number}"))
        text = f'Document "{number}" is deleted'
        refused(ana.http.get(path), 404, "API0108", text)
        refused(ana.http.get(file["downloadUrl"]), 404, "API0108")
        refused(ana.http.get(f"/api/documents/{number}"), 404, "API0108")
        refused(ana.http.put(path, content=b"z"), 403, "API0108", text)
        refused(ana.http.delete(f"/api/documents/{number}"), 403, "API0108")
        assert space.usage == (2, 0), "the trash keeps files and quota"


class TestFrozen:
    """DY-55, acceptance 17."""

    def test_revision_keeps_its_bytes(self, space: Space, number: int) -> None:
        """DY-51, DY-55, acceptance 17: its downloadUrl old bytes, the live one's new ones."""
        path = f"/api/documents/{number}/file/ct_scan"
        first = file_of(space.http.post(f"{path}?filename=a.txt", content=b"old"), 201)
        revision = space.office.freeze(number)
        second = file_of(space.http.put(path, content=b"newer"))
        frozen = file_of(space.http.get(f"/api/documents/{revision}/file/ct_scan"))
        assert frozen["reference"] == second["reference"] == first["reference"]
        assert (frozen["size"], frozen["mdate"]) == (3, first["mdate"])
        assert f"/file/{revision}/" in frozen["downloadUrl"]
        assert fetched(space, frozen["downloadUrl"]) == b"old"
        assert fetched(space, second["downloadUrl"]) == b"newer"
        assert space.usage == (8, 0), "the pinned version counts"
        shown = good(space.http.get(f"/api/documents/{revision}"))["document"]["properties"]
        assert (shown["locked"], shown["initid"], shown["id"]) == (-1, number, revision)

    def test_writing_goes_to_the_live_document(self, space: Space, number: int) -> None:
        """DY-55: a write under the number of a revision changes the live document."""
        path = f"/api/documents/{number}/file/ct_scan"
        file_of(space.http.post(path, content=b"old"), 201)
        revision = space.office.freeze(number)
        got = space.http.put(f"/api/documents/{revision}/file/ct_scan", content=b"newer")
        assert f"/documents/{number}/" in file_of(got)["uri"]
        assert file_of(space.http.get(path))["size"] == 5
        good(space.http.delete(path))
        frozen = file_of(space.http.get(f"/api/documents/{revision}/file/ct_scan"))
        assert fetched(space, frozen["downloadUrl"]) == b"old"


class TestRaces:
    """Acceptance 19 and 20."""

    def test_twenty_appends(self, space: Space, number: int) -> None:
        """DY-24, DY-54, acceptance 19: 20 at once make 20 rows."""
        path = f"{space.url}/api/documents/{number}/file/ct_pages"
        headers = {"Authorization": f"Bearer {space.key}"}

        def append(row: int) -> str:
            got = httpx.post(path, content=b"%d" % row, headers=headers, timeout=60)
            return str(file_of(got, 201)["reference"])

        with ThreadPoolExecutor(20) as pool:
            made = list(pool.map(append, range(20)))
        assert sorted(values(space, number, "ct_pages")) == sorted(made)  # type: ignore[type-var]
        assert space.usage == (sum(len(str(n)) for n in range(20)), 0)

    def test_two_puts(self, space: Space, number: int) -> None:
        """DY-25, acceptance 19: one content whole; of two with one If-Match one is 412."""
        path = f"/api/documents/{number}/file/ct_scan"
        tag = space.http.post(path, content=b"0").headers["etag"]
        bodies = [bytes([65 + n]) * 700_000 for n in range(4)]
        headers = {"Authorization": f"Bearer {space.key}"}

        def put(body: bytes, **more: str) -> int:
            url = f"{space.url}{path}"
            return httpx.put(url, content=body, headers=headers | more, timeout=60).status_code

        with ThreadPoolExecutor(4) as pool:
            assert set(pool.map(put, bodies)) == {200}
        file = file_of(space.http.get(path))
        assert fetched(space, file["downloadUrl"]) in bodies
        tag = space.http.get(path).headers["etag"]
        with ThreadPoolExecutor(4) as pool:
            found = sorted(pool.map(lambda body: put(body, **{"If-Match": tag}), bodies))
        assert found == [200, 412, 412, 412]
        assert space.usage == (700_000, 0)

    def test_save_against_put(self, space: Space, family: int) -> None:
        """DY-21, DY-52, acceptance 20: one whole version is saved; a later PUT is 404."""
        headers = {"Authorization": f"Bearer {space.key}"}
        for _ in range(8):
            token = token_of(file_of(space.http.post("/api/file", content=b"a" * 300_000), 201))
            number = space.number()
            save = {"attributes": {"ct_scan": {"value": f"file://tmp/{token}"}}}

            def put(token: str = token) -> int:
                url = f"{space.url}/api/file/{token}"
                return httpx.put(
                    url, content=b"b" * 300_000, headers=headers, timeout=60
                ).status_code

            def keep(number: int = number, save: dict = save) -> int:  # type: ignore[type-arg]
                url = f"{space.url}/api/documents/{number}"
                return httpx.put(url, json=save, headers=headers, timeout=60).status_code

            with ThreadPoolExecutor(2) as pool:
                sent, saved = pool.submit(put), pool.submit(keep)
            assert saved.result() == 200
            assert sent.result() in (200, 404)
            file = file_of(space.http.get(f"/api/documents/{number}/file/ct_scan"))
            digest = hashlib.sha256(fetched(space, file["downloadUrl"])).digest()
            letter = b"b" if sent.result() == 200 else b"a"
            assert digest == hashlib.sha256(letter * 300_000).digest()
            refused(space.http.put(f"/api/file/{token}", content=b"c"), 404, "CRUD0617")
