"""Documents: made, shown, changed, put into the trash (DY-29, DY-30), and what a save adopts."""

import hashlib
from typing import Any

import pytest
from dynacase_desk import Kind, contract, file, text
from dynacase_support import (
    PDF,
    PNG,
    Person,
    Space,
    client,
    file_of,
    good,
    multipart_body,
    refused,
    spelled,
    token_of,
    warnings,
)
from tests.parts.server import KEY, NUL

from consigne.core.records.change import Change
from consigne.model import identity
from consigne.model.records import Field, Option

EMPTY = {"value": None, "displayValue": None}
FORM = "multipart/form-data; boundary=frontiere"
URLENCODED = "application/x-www-form-urlencoded"


@pytest.fixture
def family(space: Space) -> int:
    """The family CONTRACT of the space."""
    return space.office.family("CONTRACT", *contract())


@pytest.fixture
def number(space: Space, family: int) -> int:
    """An empty document of that family."""
    return space.number()


def save(**values: Any) -> dict[str, Any]:
    return {"attributes": {name: spelled(value) for name, value in values.items()}}


def attributes(space: Space, number: int) -> dict[str, Any]:
    return good(space.http.get(f"/api/documents/{number}"))["document"]["attributes"]


class TestMaking:
    """POST /api/families/<fam>."""

    def test_answer(self, space: Space, ana: Person, family: int) -> None:
        """DY-29, DY-30: 201, uri, properties, attributes; Location."""
        got = ana.http.post("/api/families/contract", json=save(ct_title="Bail", ct_count="7"))
        data = good(got, 201)
        assert list(data) == ["document"]
        document = data["document"]
        assert list(document) == ["uri", "properties", "attributes"]
        properties = document["properties"]
        number = properties["id"]
        assert properties == {
            "id": number, "initid": number, "name": None, "title": "Bail", "revision": 0,
            "locked": 0, "owner": ana.number, "fromid": family, "fromname": "CONTRACT",
        }  # fmt: skip
        assert 0 < number < 1 << 53
        assert got.headers["location"] == document["uri"] == f"{space.url}/api/documents/{number}"
        shown = document["attributes"]
        assert shown["ct_title"] == {"value": "Bail", "displayValue": "Bail"}
        assert shown["ct_count"] == {"value": 7, "displayValue": "7"}
        assert shown["ct_scan"] == EMPTY
        assert shown["ct_pages"] == []
        assert not shown.keys() & {"ct_secret", "ct_inside", "ct_closed", "ct_frame", "ct_tab"}
        assert good(ana.http.get(document["uri"]))["document"] == document

    @pytest.mark.parametrize("wrap", [True, False])
    def test_inside_document(self, space: Space, family: int, wrap: bool) -> None:
        """DY-29: attributes at the top or inside `document`; other keys are ignored."""
        body: dict[str, Any] = {**save(ct_title="x"), "other": 1}
        body = {"document": body, "more": []} if wrap else body
        data = good(space.http.post(f"/api/families/{family}", json=body), 201)
        assert data["document"]["attributes"]["ct_title"]["value"] == "x"

    @pytest.mark.parametrize(
        ("values", "shown"),
        [
            ({"ct_amount": "12,5"}, (12.5, "12.5")),
            ({"ct_amount": 3}, (3, "3")),
            ({"ct_date": "28/02/2026"}, ("2026-02-28", "2026-02-28")),
            ({"ct_at": "2026-02-28 10:11:12"}, ("2026-02-28T10:11:12", "2026-02-28T10:11:12")),
            ({"ct_at": "2026-02-28T10:11:12+01:00"}, ("2026-02-28T09:11:12",) * 2),
            ({"ct_title": 5}, ("5", "5")),
            ({"ct_title": ""}, (None, None)),
            ({"ct_title": None}, (None, None)),
        ],
    )
    def test_values(
        self, space: Space, family: int, values: dict[str, Any], shown: tuple[Any, Any]
    ) -> None:
        """DY-29, DY-60: how values are read and shown; null and the empty text clear."""
        (name,) = values
        found = space.document(**values)["attributes"][name]
        assert (found["value"], found["displayValue"]) == shown

    def test_rows(self, space: Space, family: int) -> None:
        """DY-29: a list of values; empty rows keep their place, trailing ones are cut."""
        document = space.document(ct_tags=["a", None, "b", "", None])
        assert [row["value"] for row in document["attributes"]["ct_tags"]] == ["a", None, "b"]

    def test_options(self, space: Space) -> None:
        """DY-60: a native family may be used; a choice is shown by its name."""
        choices = [Option("o", "Ouvert"), Option("f", "Fermé")]
        state = Field("state", Kind.LIST, options=choices)
        space.office.family("NAT", state, dialect="native")
        shown = space.document("NAT", state="f")["attributes"]["state"]
        assert shown == {"value": "f", "displayValue": "Fermé"}

    @pytest.mark.parametrize(
        ("body", "kind", "status", "code"),
        [
            (b"{", "application/json", 400, "CRUD0208"),
            (b"", "application/json", 400, "CRUD0208"),
            (b"[]", "application/json", 400, "CRUD0209"),
            (b"{}", "application/json", 400, "CRUD0209"),
            (b'{"attributes":[]}', "application/json", 400, "CRUD0209"),
            (b'{"attributes":{"ct_title":"x"}}', "application/json", 400, "CRUD0210"),
            (b'{"attributes":{"ct_title":{}}}', "application/json", 400, "CRUD0210"),
            (b'{"attributes":{"ct_tags":["x"]}}', "application/json", 400, "CRUD0210"),
            (b'{"attributes":{"ct_x":{"value":1}}}', "application/json", 400, "CRUD0605"),
            (b'{"attributes":{"ct_frame":{"value":1}}}', "application/json", 400, "CRUD0605"),
            (b'{"attributes":{"ct_secret":{"value":1}}}', "application/json", 403, "API0101"),
            (b"ct_x=1", URLENCODED, 400, "CRUD0605"),
            (b"x", "text/plain", 415, "CSG0415"),
            (b"x" * 1_100_000, "application/json", 413, "CSG0413"),
            (b"x" * 1_100_000, URLENCODED, 413, "CSG0413"),
            (b"\xff\xfe", "application/json", 400, "CRUD0208"),
        ],
    )
    def test_bad_bodies(
        self, space: Space, family: int, body: bytes, kind: str, status: int, code: str
    ) -> None:
        """DY-29, DY-65: what is wrong with a body, in the codes of section 6; nothing is made."""
        headers = {"Content-Type": kind}
        got = space.http.post("/api/families/CONTRACT", content=body, headers=headers)
        refused(got, status, code)
        assert space.number(ct_title="next") > 0
        assert space.usage == (0, 0)

    def test_all_that_is_wrong_at_once(self, space: Space, family: int) -> None:
        """DY-59, acceptance 14: each failure an entry, with the row in lists."""
        values = save(ct_count="many", ct_date="31/02/2026", ct_tags=["a", {"b": 1}])
        got = space.http.post("/api/families/CONTRACT", json=values)
        message = refused(got, 400, "API0104")
        assert message["contentText"] == "Constraint error on attribut ct_count, ct_date, ct_tags"
        told = {entry["attribute"]: entry for entry in message["data"]}
        assert list(told["ct_count"]) == ["attribute", "label", "error"]
        assert told["ct_tags"]["index"] == 1

    def test_too_many_rows(self, space: Space, family: int) -> None:
        """DY-65: at most 1000 rows."""
        got = space.http.post("/api/families/CONTRACT", json=save(ct_tags=["x"] * 1001))
        refused(got, 413, "CSG0413")
        assert len(space.document(ct_tags=["x"] * 1000)["attributes"]["ct_tags"]) == 1000

    def test_families(self, space: Space, stranger: Space, family: int) -> None:
        """DY-02, DY-05, DY-56, acceptance 10: unknown family, other space, no `create`."""
        for http, name in (
            (space.http, "NOTHING"), (space.http, "999999"), (stranger.http, "CONTRACT"),
            (stranger.http, str(family)),
        ):  # fmt: skip
            text = f'Family "{name}" not found'
            refused(http.post(f"/api/families/{name}", json=save()), 404, "API0102", text)
        space.office.family("CLOSED", text_field(), create=["role:manager"])
        person = space.member("writer")
        got = person.http.post("/api/families/CLOSED", json=save())
        refused(got, 403, "API0100", 'Need acl "create"')
        reader = space.member("reader")
        refused(reader.http.post("/api/families/CONTRACT", json=save()), 403, "API0100")


def text_field() -> Field:
    return text("t")


class TestForms:
    """DY-29: urlencoded and multipart saves."""

    def test_urlencoded(self, space: Space, family: int) -> None:
        """DY-29: names in any case, `a[]` rows, an empty value clears."""
        body = b"CT_TITLE=Bail+%C3%A9t%C3%A9&ct_tags[]=a&ct_tags%5B%5D=b&ct_count=4&ct_amount="
        headers = {"Content-Type": URLENCODED}
        got = space.http.post("/api/families/CONTRACT", content=body, headers=headers)
        shown = good(got, 201)["document"]["attributes"]
        assert shown["ct_title"]["value"] == "Bail été"
        assert [row["value"] for row in shown["ct_tags"]] == ["a", "b"]
        assert shown["ct_count"]["value"] == 4
        assert shown["ct_amount"] == EMPTY

    def test_multipart_with_files(self, space: Space, family: int) -> None:
        """DY-29: a part with a file name is stored in the attribute of its name."""
        body = multipart_body(
            ("ct_title", None, b"Bail"),
            ("CT_Scan", "bail.pdf", PDF),
            ("ct_pages[]", "1.txt", b"one"),
            ("ct_pages[]", "2?.txt", b"two"),
            ("ct_photo", "", b""),
        )
        headers = {"Content-Type": FORM}
        got = space.http.post("/api/families/CONTRACT", content=body, headers=headers)
        document = good(got, 201)["document"]
        shown = document["attributes"]
        assert shown["ct_title"]["value"] == "Bail"
        assert shown["ct_scan"]["displayValue"] == "bail.pdf"
        assert shown["ct_scan"]["value"].startswith("application/pdf|")
        assert [row["displayValue"] for row in shown["ct_pages"]] == ["1.txt", "2-.txt"]
        assert shown["ct_photo"] == EMPTY
        assert len(warnings(got)) == 1
        scan = file_of(space.http.get(f"{document['uri']}/file/ct_scan"))
        assert space.http.get(scan["downloadUrl"]).content == PDF
        assert space.usage == (len(PDF) + 6, 0)
        assert space.files("held") == []

    def test_multipart_sent_as_urlencoded(self, space: Space, family: int) -> None:
        """DY-12, DY-29: a save that is such a form is read as one, too."""
        body = multipart_body(("ct_title", None, b"Bail"), ("ct_scan", "a.pdf", PDF), end="\n")
        headers = {"Content-Type": URLENCODED}
        got = space.http.post("/api/families/CONTRACT", content=body, headers=headers)
        shown = good(got, 201)["document"]["attributes"]
        assert shown["ct_title"]["value"] == "Bail"
        assert shown["ct_scan"]["displayValue"] == "a.pdf"

    def test_rows_in_both_spellings(self, space: Space, family: int) -> None:
        """DY-29: nothing of what a form says is lost between `a` and `a[]`."""
        body = b"ct_tags=a&ct_tags[]=b&ct_tags=c"
        headers = {"Content-Type": URLENCODED}
        got = space.http.post("/api/families/CONTRACT", content=body, headers=headers)
        rows = good(got, 201)["document"]["attributes"]["ct_tags"]
        assert [row["value"] for row in rows] == ["a", "b", "c"]

    @pytest.mark.parametrize(
        ("name", "status", "code"),
        [
            ("ct_x", 400, "CRUD0605"),
            ("ct_title", 400, "CRUD0614"),
            ("ct_secret", 403, "API0101"),
            ("ct_photo", 400, "API0104"),
        ],
    )
    def test_a_refused_file_takes_the_others_along(
        self, space: Space, family: int, name: str, status: int, code: str
    ) -> None:
        """DY-29, DY-61: all or nothing; of the files before the bad one nothing stays."""
        body = multipart_body(("ct_scan", "a.pdf", PDF), (name, "b.pdf", PDF))
        headers = {"Content-Type": FORM}
        got = space.http.post("/api/families/CONTRACT", content=body, headers=headers)
        refused(got, status, code)
        assert space.files("held", "kept", "released") == []
        assert space.usage == (0, 0)

    def test_a_cut_form_leaves_nothing(self, space: Space, family: int) -> None:
        """DY-29: the end is missing: neither document nor files."""
        body = multipart_body(("ct_scan", "a.pdf", PDF), ("ct_title", None, b"x"))[:-6]
        headers = {"Content-Type": FORM}
        got = space.http.post("/api/families/CONTRACT", content=body, headers=headers)
        refused(got, 400, "CRUD0303")
        assert space.files("held", "kept", "released") == []


class TestLooking:
    """GET /api/<doc> and `?fields=`."""

    @pytest.mark.parametrize(
        ("fields", "members", "code"),
        [
            ("properties", ["uri", "properties"], None),
            ("attributes", ["uri", "attributes"], None),
            ("property.title,property.id", ["uri", "properties"], None),
            ("attribute.CT_Title", ["uri", "attributes"], None),
            ("attributes.value", ["uri", "attributes"], None),
            ("property.nothing", [], "CRUD0202"),
            ("attribute.nothing", [], "CRUD0218"),
            ("attribute.ct_secret", [], "CRUD0218"),
            ("attribute.ct_frame", [], "CRUD0218"),
            ("nothing", [], "CRUD0214"),
            ("attributes.nothing", [], "CRUD0214"),
            ("", ["uri", "properties", "attributes"], None),
        ],
    )
    def test_fields(
        self, space: Space, number: int, fields: str, members: list[str], code: str | None
    ) -> None:
        """DY-30: what is asked for is shown, and nothing else; hidden is unknown."""
        got = space.http.get(f"/api/documents/{number}", params={"fields": fields})
        if code is not None:
            refused(got, 400, code)
            return
        document = good(got)["document"]
        assert list(document) == members
        if fields.startswith("property"):
            assert list(document["properties"]) == ["id", "title"]
        if fields == "attribute.CT_Title":
            assert list(document["attributes"]) == ["ct_title"]
        if fields == "attributes.value":
            assert document["attributes"]["ct_title"] == {"value": None}

    def test_structure(self, space: Space, number: int) -> None:
        """DY-30: the tree of the family; visibility I appears nowhere."""
        got = space.http.get(f"/api/documents/{number}?fields=family.structure")
        data = good(got)
        assert list(data["document"]) == ["uri"]
        structure = data["family"]["structure"]
        scan = structure["ct_tab"]["content"]["ct_frame"]["content"]["ct_scan"]
        assert scan == {
            "id": "ct_scan", "visibility": "W", "label": "Scan", "type": "file",
            "logicalOrder": 8, "multiple": False, "options": [], "needed": False,
        }  # fmt: skip
        assert structure["ct_rows"]["content"]["ct_piece"]["multiple"] is True
        assert "ct_secret" not in got.text
        assert "ct_inside" not in got.text

    def test_names(self, space: Space, stranger: Space, number: int) -> None:
        """DY-02: unknown, malformed, of another family: 404."""
        space.office.family("OTHER", text_field())
        for path in (
            "documents/999999", "documents/NAME", "documents/0", f"documents/{'9' * 30}",
            f"documents/{NUL}", f"families/OTHER/{number}", f"families/OTHER/documents/{number}",
        ):  # fmt: skip
            refused(space.http.get(f"/api/{path}"), 404, "API0010")
        refused(space.http.get(f"/api/families/NONE/{number}"), 404, "API0102")
        good(space.http.get(f"/api/families/contract/{number}.json"))

    def test_logical_name(self, space: Space, family: int) -> None:
        """DY-02, DY-60: a document is found by its logical name as well."""
        space.office.do(
            lambda depot, seat: depot.records.create(seat, family, Change(name="Bail-1"))
        )
        by_name = good(space.http.get("/api/documents/bail-1"))["document"]
        assert by_name["properties"]["name"] == "Bail-1"
        path = "/api/families/CONTRACT/Bail-1/file/ct_scan"
        file_of(space.http.post(path, content=b"x"), 201)

    def test_submissions_are_no_documents(self, space: Space) -> None:
        """DY-02: what another dialect alone uses is not there."""
        space.office.family("Sub", text("Name"), dialect="daxium")
        refused(space.http.post("/api/families/Sub", json=save()), 404, "API0102")


class TestChanging:
    """PUT and DELETE /api/<doc>."""

    def test_changes(self, space: Space, number: int) -> None:
        """DY-29: only what is named changes; before and after are told."""
        path = f"/api/documents/{number}"
        good(space.http.put(path, json=save(ct_title="One", ct_tags=["a"])))
        data = good(space.http.put(path, json=save(ct_title="Two", ct_tags=None, ct_count=1)))
        assert list(data) == ["document", "changes"]
        assert data["changes"] == {
            "ct_title": {"before": "One", "after": "Two"},
            "ct_tags": {"before": ["a"], "after": []},
            "ct_count": {"before": None, "after": 1},
        }
        assert good(space.http.put(path, json=save(ct_title="Two")))["changes"] == {}
        assert data["document"]["properties"]["title"] == "Two"

    def test_if_match(self, space: Space, number: int) -> None:
        """DY-62: a document has a tag that guards its changes."""
        path = f"/api/documents/{number}"
        headers = {"If-Match": space.http.get(path).headers["etag"]}
        good(space.http.put(path, json=save(ct_title="One"), headers=headers))
        good(space.http.put(path, json=save(ct_title="1"), headers={"If-Match": "*"}))
        refused(space.http.put(path, json=save(ct_title="2"), headers=headers), 412, "CSG0412")
        refused(space.http.delete(path, headers=headers), 412, "CSG0412")

    def test_trash(self, space: Space, number: int) -> None:
        """DY-29, DY-56: DELETE answers where the document is now; what was there comes back."""
        path = f"/api/documents/{number}"
        scan = file_of(space.http.post(f"{path}/file/ct_scan", content=b"x"), 201)
        data = good(space.http.delete(path))
        assert data == {"document": {"uri": f"{space.url}/api/trash/{number}"}}
        refused(space.http.get(f"/api/trash/{number}"), 501, "CRUD0103")
        space.office.restore(number)
        assert space.http.get(scan["downloadUrl"]).content == b"x"

    def test_needed(self, space: Space) -> None:
        """DY-59, DY-60, acceptance 14: API0105 for POST, PUT and DELETE of a needed file."""
        space.office.family("NEED", text("t"), file("f", required=True), file("g", required=True))
        got = space.http.post("/api/families/NEED", json=save(t="x"))
        message = refused(got, 400, "API0105", "Needed attribute empty: f, g")
        assert [entry["attribute"] for entry in message["data"]] == ["f", "g"]
        tokens = [
            token_of(file_of(space.http.post("/api/file", content=name), 201))
            for name in (b"one", b"two")
        ]
        values = save(f=f"file://tmp/{tokens[0]}", g=f"file://tmp/{tokens[1]}")
        document = good(space.http.post("/api/families/NEED", json=values), 201)["document"]
        number = document["properties"]["id"]
        refused(space.http.delete(f"/api/documents/{number}/file/f"), 400, "API0105")
        refused(space.http.put(f"/api/documents/{number}", json=save(f=None)), 400, "API0105")
        good(space.http.put(f"/api/documents/{number}", json=save(t="y")))

    def test_rules_of_a_file_attribute(self, space: Space) -> None:
        """DY-60, acceptance 14: accept, max_size, name_regex, max_count, an entry each."""
        space.office.family(
            "RULES",
            file("a", accept=["application/pdf", ".txt"]),
            file("b", max_size=5),
            file("c", name_regex=r"[a-z]+\.pdf"),
            file("d", multiple=True, max_count=1),
            Field("e", Kind.IMAGE, multiple=True),
        )
        number = space.number("RULES")
        base = f"/api/documents/{number}/file"
        for tail, content in (
            ("a?filename=x.png", PNG), ("b", b"123456"), ("c?filename=X1.pdf", PDF),
            ("e/3", PDF),
        ):  # fmt: skip
            message = refused(space.http.post(f"{base}/{tail}", content=content), 400, "API0104")
            (told,) = message["data"]
            assert told["attribute"] == tail[0]
            assert told.get("index") == (3 if tail == "e/3" else None)
        file_of(space.http.post(f"{base}/a?filename=x.txt", content=PNG), 201)
        file_of(space.http.post(f"{base}/b", content=b"12345"), 201)
        file_of(space.http.post(f"{base}/c?filename=bail.pdf", content=PDF), 201)
        file_of(space.http.post(f"{base}/d", content=b"1"), 201)
        refused(space.http.post(f"{base}/d", content=b"2"), 400, "API0104")
        assert space.files("held", "released") == []
        got = space.http.post("/api/file?filename=x.bin", content=b"123456")
        token = token_of(file_of(got, 201))
        values = save(a=f"file://tmp/{token}", b=f"file://tmp/{token}")
        message = refused(space.http.put(f"/api/documents/{number}", json=values), 400, "API0104")
        assert {entry["attribute"] for entry in message["data"]} == {"a", "b"}
        file_of(space.http.get(f"/api/file/{token}"))


class TestAdopting:
    """DY-51, DY-52, DY-54: references in a save."""

    def test_temporary_file(self, space: Space, ana: Person, family: int) -> None:
        """DY-20, DY-29, DY-41, DY-52, acceptance 4: kept, its token gone, naming it again 400."""
        temporary = ana.temporary(PDF, "bail.pdf")
        token, values = token_of(temporary), save(ct_scan=temporary["reference"])
        made = good(ana.http.post("/api/families/CONTRACT", json=values), 201)["document"]
        shown = made["attributes"]["ct_scan"]
        kind, _, name = shown["value"].split("|")
        assert (kind, name, shown["displayValue"]) == ("application/pdf", "bail.pdf", "bail.pdf")
        scan = file_of(ana.http.get(f"{made['uri']}/file/ct_scan"))
        assert scan["cdate"] == temporary["cdate"]
        assert scan["reference"] == shown["value"]
        (kept,) = space.files()
        assert kept["state"] == "kept"
        for method in ("GET", "PUT", "DELETE"):
            got = ana.http.request(method, f"/api/file/{token}", content=b"x")
            refused(got, 404, "CRUD0617")
        again = refused(ana.http.post("/api/families/CONTRACT", json=values), 400, "API0104")
        assert again["contentText"] == "Constraint error on attribut ct_scan"
        assert space.usage == (len(PDF), 0)

    def test_of_another(self, space: Space, ana: Person, ben: Person, family: int) -> None:
        """DY-52, acceptance 5: another's token in a save: 400 API0104, managers too."""
        reference = ana.temporary()["reference"]
        for other in (ben, space.member("manager")):
            got = other.http.post("/api/families/CONTRACT", json=save(ct_scan=reference))
            refused(got, 400, "API0104")
        file_of(ana.http.get(f"/api/file/{reference.rpartition('/')[2]}"))

    @pytest.mark.parametrize(
        "reference",
        ["file://tmp/none", "file://tmp/" + "a" * 14, "x", "a|b", "a|b|c", "a/b|12|c", 7, {"a": 1}],
    )
    def test_what_is_none(self, space: Space, family: int, reference: Any) -> None:
        """DY-52: whatever names no file that is there for the caller is 400 API0104."""
        got = space.http.post("/api/families/CONTRACT", json=save(ct_scan=reference))
        (told,) = refused(got, 400, "API0104")["data"]
        assert told["attribute"] == "ct_scan"
        rows = save(ct_pages=[None, reference])
        (told,) = refused(space.http.post("/api/families/CONTRACT", json=rows), 400, "API0104")[
            "data"
        ]
        assert told["index"] == 1

    def test_several_times_in_one_save(self, space: Space, ana: Person, family: int) -> None:
        """DY-52, DY-54: named twice it comes in twice, on the same bytes."""
        reference = ana.temporary(b"both")["reference"]
        values = save(ct_scan=reference, ct_pages=[reference, None, reference])
        shown = good(ana.http.post("/api/families/CONTRACT", json=values), 201)["document"]
        pages = [row["value"] for row in shown["attributes"]["ct_pages"]]
        found = {shown["attributes"]["ct_scan"]["value"], pages[0], pages[2]}
        assert len(found) == 3
        assert pages[1] is None
        assert len({file["sha256"] for file in space.files("kept")}) == 1

    def test_written_back_unchanged(self, space: Space, number: int) -> None:
        """DY-25, DY-54, DY-64: a reference that is sent back, with other words, changes nothing;
        reordered rows keep their ids."""
        path = f"/api/documents/{number}"
        for content in (b"a", b"b"):
            file_of(space.http.post(f"{path}/file/ct_pages", content=content), 201)
        file_of(space.http.post(f"{path}/file/ct_scan", content=b"c"), 201)
        shown = attributes(space, number)
        pages = [row["value"] for row in shown["ct_pages"]]
        scan = shown["ct_scan"]["value"]
        told = f"other/type|{scan.split('|')[1]}|other name"
        data = good(space.http.put(path, json=save(ct_scan=told, ct_pages=pages)))
        assert data["changes"] == {}
        data = good(space.http.put(path, json=save(ct_pages=[None, *reversed(pages)])))
        assert data["changes"]["ct_pages"]["after"] == [None, *reversed(pages)]
        assert space.usage == (3, 0)
        data = good(space.http.put(path, json=save(ct_pages=None, ct_scan="")))
        assert data["changes"]["ct_scan"] == {"before": scan, "after": None}
        assert space.usage == (0, 0)
        assert len(space.files("released")) == 3

    def test_of_another_document(self, space: Space, ana: Person, family: int) -> None:
        """DY-54, acceptance 18: A's file in B gets a new id; PUT in B leaves A; no view: 400."""
        first, second = space.number(), space.number()
        scan = file_of(
            space.http.post(f"/api/documents/{first}/file/ct_scan", content=b"first"), 201
        )
        values = save(ct_scan=scan["reference"])
        data = good(ana.http.put(f"/api/documents/{second}", json=values))
        twin = data["changes"]["ct_scan"]["after"]
        assert twin.split("|")[1] != scan["reference"].split("|")[1]
        file_of(ana.http.put(f"/api/documents/{second}/file/ct_scan", content=b"second!"))
        assert space.http.get(scan["downloadUrl"]).content == b"first"
        space.office.set_acl(first, view=["role:manager"])
        third = space.number()
        refused(ana.http.put(f"/api/documents/{third}", json=values), 400, "API0104")
        assert space.usage == (12, 0)

    def test_kept_by_another_door(self, space: Space, number: int) -> None:
        """DY-54, acceptance 28: same identity and bytes; unlinked it only loses the link."""
        made = space.native("POST", "/files?name=n.txt", 201, content=b"native")
        vault_id = identity.from_uuid(identity.Kind.FILE, made["id"])
        path = f"/api/documents/{number}"
        good(space.http.put(path, json=save(ct_scan=f"x/y|{vault_id}|z")))
        scan = file_of(space.http.get(f"{path}/file/ct_scan"))
        assert scan["reference"] == f"text/plain|{vault_id}|n.txt"
        assert space.http.get(scan["downloadUrl"]).content == b"native"
        got = space.http.delete(f"/consigne/v1/files/{made['id']}")
        assert got.status_code == 409, "a linked file is protected"
        good(space.http.delete(f"{path}/file/ct_scan"))
        (left,) = space.files("kept")
        assert (left["id"], left["guards"]) == (made["id"], [])
        digest = hashlib.sha256(b"native").hexdigest()
        assert left["sha256"] == digest

    def test_quota(self, space: Space, number: int) -> None:
        """DY-61, acceptance 15: POST in a full space 507 API0200; PUT of no larger content 200."""
        path = f"/api/documents/{number}/file/ct_scan"
        file_of(space.http.post(path, content=b"x" * 1000), 201)
        operator = client(space.url, KEY)
        got = operator.patch(f"/consigne/v1/spaces/{space.short}", json={"quota": 1500})
        assert got.status_code == 200, got.text
        pages = f"/api/documents/{number}/file/ct_pages"
        text = "No more space available"
        refused(space.http.post(pages, content=b"y" * 600), 507, "API0200", text)
        refused(space.http.put(path, content=b"y" * 1600), 507, "API0200", text)
        assert space.files("held") == []
        file_of(space.http.put(path, content=b"y" * 1000))
        file_of(space.http.put(path, content=b"y" * 1400))
        assert space.usage == (1400, 0)
