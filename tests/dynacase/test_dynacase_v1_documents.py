"""Level 2 of the Dynacase dialect: documents, families, lists and the trash."""

from typing import Any

import httpx
import pytest
from dynacase_desk import contract, file, text
from dynacase_support import PDF, Person, Space, client, file_of, multipart_body
from dynacase_v1_support import (
    FORM,
    V1,
    VALUE_KEYS,
    flag,
    good,
    number_of,
    refused,
    saved,
    sent,
    told,
)

from consigne.model.records import Field, FieldKind


@pytest.fixture
def office(space: Space) -> Space:
    """The space with the family of these tests."""
    space.office.family("CONTRACT", *contract())
    return space


def attributes(**values: Any) -> dict[str, Any]:
    return {"document": {"attributes": {name: {"value": v} for name, v in values.items()}}}


def of(got: httpx.Response, status: int = 200) -> Any:
    """Return ``data.document`` of an answer."""
    return good(got, status)["document"]


class TestLook:
    def test_document(self, office: Space, ana: Person) -> None:
        """DY-79: properties, attributes and address, in the words of level 2."""
        made = saved(ana.http, ct_title="Bail", ct_at="2031-03-02 08:15:00", ct_tags=["a", "b"])
        number = number_of(made)
        got = ana.http.get(f"{V1}/documents/{number}")
        shown = of(got)
        assert shown == of(ana.http.get(f"{V1}/documents/{number}.json"))
        assert list(shown) == ["properties", "attributes", "uri"]
        assert shown["properties"] == {
            "id": number,
            "title": "Bail",
            "icon": "api/v1/images/assets/sizes/20/document.png",
            "initid": number,
            "name": None,
            "revision": 0,
        }
        assert shown["uri"] == f"{office.server.url}{V1}/documents/{number}.json"
        values = shown["attributes"]
        moment = "2031-03-02 08:15:00"
        assert values["ct_at"] == {"value": moment, "displayValue": moment}
        assert [each["value"] for each in values["ct_tags"]] == ["a", "b"]
        assert values["ct_scan"] == {"value": None, "displayValue": None}
        assert (values["ct_pages"], values["ct_piece"]) == ([], [])
        assert "ct_secret" not in values
        assert "ct_inside" not in values

    def test_etag(self, office: Space, ana: Person) -> None:
        """DY-79: 304 until the document, a file in it or its family changes."""
        number = number_of(saved(ana.http, ct_scan=sent(ana.http)["reference"]))
        place = f"{V1}/documents/{number}"

        def is_new(tag: str) -> bool:
            got = ana.http.get(place, headers={"If-None-Match": tag})
            assert got.status_code in (200, 304)
            assert got.status_code == 200 or (got.content, got.headers["etag"]) == (b"", tag)
            return got.status_code == 200

        tag = ana.http.get(place).headers["etag"]
        assert not is_new(tag)
        ana.http.put(f"/api/documents/{number}/file/ct_scan", content=b"another")
        assert is_new(tag)
        tag = ana.http.get(place).headers["etag"]
        changed = ana.http.put(place, json=attributes(ct_title="x"), headers={"If-Match": tag})
        assert changed.headers["etag"] != tag
        refused(
            ana.http.put(place, json=attributes(ct_title="y"), headers={"If-Match": tag}),
            412, "CSG0412",
        )  # fmt: skip
        tag = changed.headers["etag"]
        assert not is_new(tag)
        office.office.family("CONTRACT", *contract(), text("ct_more"))
        assert is_new(tag)

    def test_fields(self, office: Space, ana: Person) -> None:
        """DY-79: ``fields`` chooses; unknown ones are named."""
        place = f"{V1}/documents/{number_of(saved(ana.http, ct_title='Bail'))}"

        def shown(fields: str) -> Any:
            return of(ana.http.get(place, params={"fields": fields}))

        assert list(shown("document.properties")) == ["properties", "uri"]
        some = shown("document.properties.title,document.properties.fromname")
        assert some["properties"] == {"title": "Bail", "fromname": "CONTRACT"}
        every = shown("document.properties.all")["properties"]
        assert {"id", "owner", "locked", "fromid", "cdate", "mdate"} <= every.keys()
        one = shown("document.attributes.CT_title")
        assert one["attributes"] == {"ct_title": {"value": "Bail", "displayValue": "Bail"}}
        for fields, code in (
            ("document.properties.none", "CRUD0202"), ("document.attributes.none", "CRUD0218"),
            ("document.attributes.ct_secret", "CRUD0218"), ("properties", "CRUD0214"),
            ("document.", "CRUD0214"), ("document.properties,", "CRUD0214"),
            ("document.none", "CRUD0214"),
        ):  # fmt: skip
            text_of = f'Unknown field "{fields.rpartition(",")[2]}"'
            refused(ana.http.get(place, params={"fields": fields}), 400, code, text_of)

    def test_structure(self, office: Space, ana: Person) -> None:
        """DY-79: tab, frame, attribute; an array is one deeper."""
        number = number_of(saved(ana.http))
        got = ana.http.get(f"{V1}/documents/{number}", params={"fields": "family.structure"})
        data = good(got)
        assert list(data["document"]) == ["uri"]
        structure = data["family"]["structure"]
        title = structure["ct_tab"]["content"]["ct_frame"]["content"]["ct_title"]
        assert list(title) == [
            "id", "visibility", "label", "type", "logicalOrder", "multiple", "options", "needed",
        ]  # fmt: skip
        assert structure["ct_rows"]["content"]["ct_piece"]["multiple"] is True
        assert "ct_secret" not in structure

    def test_frozen(self, office: Space, ana: Person) -> None:
        """DY-79: the number of a revision leads to its document."""
        number = number_of(saved(ana.http, ct_title="a"))
        frozen = office.office.freeze(number)
        got = ana.http.get(f"{V1}/documents/{frozen}")
        refused(got, 307, "CRUD0222")
        assert got.headers["location"] == f"{office.server.url}{V1}/documents/{number}.json"
        assert of(ana.http.get(got.headers["location"]))["properties"]["revision"] == 1

    @pytest.mark.parametrize(
        ("method", "path", "status", "code"),
        [
            ("GET", "documents/999999999", 404, "CRUD0200"),
            ("GET", "documents/%20", 404, "CRUD0200"),
            ("PUT", "documents/999999999", 404, "CRUD0200"),
            ("DELETE", "documents/999999999", 404, "CRUD0200"),
            ("GET", "documents/1/", 404, "API0004"),
            ("GET", "documents/", 404, "API0004"),
            ("GET", "documents", 404, "API0004"),
            ("POST", "documents/1", 405, "CRUD0103"),
            ("GET", "families/CONTRACT/", 404, "API0004"),
            ("POST", "families/CONTRACT/documents", 404, "API0004"),
            ("PUT", "families/CONTRACT", 405, "CRUD0103"),
            ("GET", "trash/1", 405, "CRUD0103"),
            ("PUT", "trash/999999999", 404, "CRUD0200"),
            ("GET", "families/NONE", 404, "CRUD0203"),
            ("GET", "families/NONE/documents/", 404, "CRUD0203"),
            ("POST", "families/NONE/documents/", 404, "CRUD0200"),
            ("GET", "", 404, "API0004"),
        ],
    )
    def test_routes(
        self, office: Space, ana: Person, method: str, path: str, status: int, code: str
    ) -> None:
        """DY-70, DY-83: collections have a final slash, single resources none."""
        refused(ana.http.request(method, f"{V1}/{path}", json=attributes()), status, code)

    def test_suffixes_and_root(self, ana: Person) -> None:
        """DY-70: another suffix is refused where there is an answer in JSON."""
        told(ana.http.get(f"{V1}/documents/1.xml"), 400, "error (API0005): Unknown format")
        told(ana.http.get(f"{V1}/none/1.xml"), 404, "error (API0004): Route not found")
        refused(ana.http.get(V1), 404, "API0004")
        first = ana.http.get("/api/v11/x").json()["messages"][0]
        assert (first["code"], first["contentHtml"]) == ("API0004", "")


class TestFileValues:
    def test_file(self, office: Space, ana: Person) -> None:
        """DY-80: what is said of a file, whose address leads to it."""
        file_sent = sent(ana.http, PDF, "a é.pdf")
        shown = saved(ana.http, ct_scan=file_sent["reference"])
        value = shown["attributes"]["ct_scan"]
        assert list(value) == VALUE_KEYS
        number = number_of(shown)
        assert value == {
            "size": str(len(PDF)),
            "creationDate": file_sent["cdate"],
            "fileName": "a é.pdf",
            "url": f"api/v1/documents/{number}/files/ct_scan/-1/a%20%C3%A9.pdf",
            "mime": "application/pdf",
            "icon": "api/v1/images/assets/sizes/20/mime-pdf.png",
            "value": file_sent["reference"],
            "displayValue": "a é.pdf",
        }
        assert ana.http.get(f"/{value['url']}").content == PDF
        kept = file_of(ana.http.get(f"/api/documents/{number}/file/ct_scan"))
        assert kept["reference"] == value["value"]

    def test_image_and_rows(self, office: Space, ana: Person) -> None:
        """DY-80: an image begins with its thumbnail; an empty row has all keys."""
        photo = sent(ana.http, flag(), "a.png")["reference"]
        shown = saved(ana.http, ct_photo=photo)
        number = number_of(shown)
        value = shown["attributes"]["ct_photo"]
        assert list(value) == ["thumbnail", *VALUE_KEYS]
        thumbnail = f"api/v1/documents/{number}/images/ct_photo/-1/sizes/48.png"
        assert value["thumbnail"] == thumbnail
        ana.http.post(f"/api/documents/{number}/file/ct_pages/1", content=b"x")
        pages = of(ana.http.get(f"{V1}/documents/{number}"))["attributes"]["ct_pages"]
        assert list(pages[0]) == VALUE_KEYS
        assert (pages[0]["size"], pages[0]["url"], pages[0]["value"]) == (0, "", None)
        assert pages[1]["url"] == f"api/v1/documents/{number}/files/ct_pages/1/ct_pages.txt"
        office.office.family("ALBUM", Field("al_photos", FieldKind.IMAGE, multiple=True))
        album = number_of(saved(ana.http, "ALBUM"))
        ana.http.post(f"/api/documents/{album}/file/al_photos/1", content=flag())
        rows = of(ana.http.get(f"{V1}/documents/{album}"))["attributes"]["al_photos"]
        assert [list(row) for row in rows] == [["thumbnail", *VALUE_KEYS]] * 2
        assert rows[1]["thumbnail"].endswith("/images/al_photos/1/sizes/48.png")


class TestSaves:
    def test_create_and_change(self, office: Space, ana: Person) -> None:
        """DY-81: POST 201 with an address, PUT 200; null removes."""
        got = ana.http.post(f"{V1}/families/contract/documents/", json=attributes(ct_title="a"))
        made = of(got, 201)
        assert got.headers["location"] == made["uri"]
        place = f"{V1}/documents/{number_of(made)}"
        reference = sent(ana.http, PDF, "a.pdf")["reference"]
        body = attributes(ct_title="b", ct_scan=reference)
        assert of(ana.http.put(place, json=body))["properties"]["title"] == "b"
        cleared = of(ana.http.put(f"{place}.json", json=attributes(ct_scan=None)))["attributes"]
        assert cleared["ct_scan"]["value"] is None
        assert cleared["ct_title"]["value"] == "b"
        override = {"X-HTTP-Method-Override": "PUT"}
        again = ana.http.post(place, json=attributes(ct_title="c"), headers=override)
        assert of(again)["properties"]["title"] == "c"

    def test_forms(self, office: Space, ana: Person) -> None:
        """DY-81: forms as at level 1, with files in them."""
        form = multipart_body(("ct_title", None, b"a"), ("ct_scan", "a.pdf", PDF))
        place = f"{V1}/families/CONTRACT/documents/"
        made = of(ana.http.post(place, content=form, headers=FORM), 201)
        assert made["attributes"]["ct_scan"]["fileName"] == "a.pdf"
        put = ana.http.put(f"{V1}/documents/{number_of(made)}", data={"ct_title": "b"})
        assert of(put)["properties"]["title"] == "b"

    def test_attributes_refused(self, office: Space, ana: Person) -> None:
        """DY-83: unknown and protected attributes: 500 CRUD0211, on create CRUD0205; with data."""
        place = f"{V1}/documents/{number_of(saved(ana.http))}"
        create = f"{V1}/families/CONTRACT/documents/"
        for name, text_of in (
            ("none", 'Attribute "none" not found'),
            ("ct_secret", 'Attribute "ct_secret" may not be modified'),
        ):
            for method, path, code in (("PUT", place, "CRUD0211"), ("POST", create, "CRUD0205")):
                got = ana.http.request(method, path, json=attributes(**{name: "x"}))
                message = refused(got, 500, code, text_of)
                assert message["data"] == {"id": name, "index": -1, "err": text_of}

    def test_constraints(self, office: Space, ana: Person) -> None:
        """DY-83: constraints: 500 CRUD0212, on create 400 CRUD0206, each failure by its place."""
        office.office.family(
            "STRICT",
            text("st_name", label="Nom", required=True),
            file("st_pages", multiple=True, accept=["application/pdf"]),
        )
        wrong = sent(ana.http)["reference"]
        body = {
            "document": {"attributes": {"st_name": {"value": "a"}, "st_pages": [{"value": wrong}]}}
        }
        place = f"{V1}/families/STRICT/documents/"
        message = refused(ana.http.post(place, json=body), 400, "CRUD0206")
        (found,) = message["data"].items()
        assert found[0] == "st_pages0"
        assert list(found[1]) == ["id", "label", "sug", "err", "index"]
        assert (found[1]["id"], found[1]["index"]) == ("st_pages", 0)
        number = number_of(saved(ana.http, "STRICT", st_name="a"))
        cleared = ana.http.put(f"{V1}/documents/{number}", json=attributes(st_name=None))
        message = refused(cleared, 500, "CRUD0212", "Needed attribute empty: st_name")
        assert message["data"]["st_name"]["label"] == "Nom"
        unknown = attributes(st_pages="text/plain|12|a.txt")
        refused(ana.http.put(f"{V1}/documents/{number}", json=unknown), 500, "CRUD0212")

    def test_bad_bodies(self, office: Space, ana: Person) -> None:
        """DY-81, DY-83: no JSON, no attributes, no value, wrong type, too much; nothing is made."""
        place = f"{V1}/families/CONTRACT/documents/"
        for content, code in (
            (b"{", "CRUD0208"), (b"[]", "CRUD0209"), (b'{"document":{}}', "CRUD0209"),
            (b'{"document":{"attributes":{"ct_title":"bare"}}}', "CRUD0210"),
            (b" " * (2 << 20), "CRUD0302"),
        ):  # fmt: skip
            kind = {"Content-Type": "application/json"}
            refused(ana.http.post(place, content=content, headers=kind), 400, code)
        kind = {"Content-Type": "text/csv"}
        refused(ana.http.post(place, content=b"a", headers=kind), 415, "CSG0415")
        assert good(ana.http.get(place))["documents"] == []

    def test_a_refused_form_leaves_nothing(self, office: Space, ana: Person) -> None:
        """DY-81: what a form brought goes with the refusal of the save."""
        form = multipart_body(("ct_scan", "a.pdf", PDF), ("ct_count", None, b"no number"))
        got = ana.http.post(f"{V1}/families/CONTRACT/documents/", content=form, headers=FORM)
        refused(got, 400, "CRUD0206")
        assert office.files() == []
        assert office.usage == (0, 0)

    def test_rights(self, office: Space, ana: Person) -> None:
        """DY-83: view and edit CRUD0201, delete CRUD0216, create API0204, lock."""
        office.office.family("CLOSED", text("cl_a"), create=["role:admin"])
        number = number_of(saved(ana.http, ct_title="a"))
        place = f"{V1}/documents/{number}"
        reader = office.member("reader").http
        refused(reader.put(place, json=attributes()), 403, "CRUD0201")
        refused(reader.delete(place), 403, "CRUD0216")
        closed = f"{V1}/families/CLOSED/documents/"
        refused(ana.http.post(closed, json=attributes()), 403, "API0204", 'Need acl "create"')
        office.office.lock(number, office.member("writer").token)
        refused(ana.http.put(place, json=attributes(ct_title="b")), 403, "CRUD0201",
                f'Document "{number}" is locked')  # fmt: skip


class TestTrash:
    def test_and_back(self, office: Space, ana: Person) -> None:
        """DY-82: into the trash, where it is not read, and out of it with its files."""
        reference = sent(ana.http, PDF, "a.pdf")["reference"]
        number = number_of(saved(ana.http, ct_scan=reference, ct_title="a"))
        place, trash = f"{V1}/documents/{number}", f"{V1}/trash/{number}"
        alive = {"document": {"properties": {"status": "alive"}}}
        refused(ana.http.put(trash, json=alive), 404, "CRUD0220")
        gone = of(ana.http.delete(place))
        assert gone["uri"] == f"{office.server.url}{trash}.json"
        assert gone["properties"]["id"] == number
        refused(ana.http.get(place), 404, "CRUD0219", f'Document "{number}" is deleted')
        refused(ana.http.put(place, json=attributes()), 404, "CRUD0219")
        refused(ana.http.delete(place), 404, "CRUD0219")
        for body in ({}, [], {"document": {"properties": {"status": "dead"}}}):
            refused(ana.http.put(trash, json=body), 400, "CRUD0208")
        refused(office.member("reader").http.put(trash, json=alive), 403, "CRUD0216")
        back = of(ana.http.put(f"{trash}.json", json=alive))
        assert back["uri"].endswith(f"/documents/{number}.json")
        assert ana.http.get(f"{place}/files/ct_scan").content == PDF


class TestFamilies:
    def test_family(self, office: Space, ana: Person) -> None:
        """DY-81: properties and address; the number leads to the name."""
        number = office.office.family("LETTER", text("le_a"))
        family = good(ana.http.get(f"{V1}/families/letter"))["family"]
        assert list(family) == ["properties", "uri"]
        assert family["properties"] == {
            "id": number,
            "title": "Letter",
            "icon": "api/v1/images/assets/sizes/20/family.png",
            "initid": number,
            "name": "LETTER",
            "revision": 1,
        }
        got = ana.http.get(f"{V1}/families/{number}")
        refused(got, 307, "CRUD0222")
        assert got.headers["location"] == family["uri"]
        assert family["uri"] == f"{office.server.url}{V1}/families/LETTER.json"

    def test_list(self, office: Space, ana: Person) -> None:
        """DY-81: ten at a time, by title; slice, offset, order, fields."""
        for index in (3, 1, 2, *range(4, 13)):
            saved(ana.http, ct_title=f"t{index:02d}")
        place = f"{V1}/families/CONTRACT/documents/"

        def listed(**asked: str) -> tuple[list[str], Any]:
            data = good(ana.http.get(place, params=asked))
            return [each["properties"]["title"] for each in data["documents"]], data

        titles, data = listed()
        assert titles == [f"t{index:02d}" for index in range(1, 11)]
        assert list(data) == ["requestParameters", "uri", "properties", "documents"]
        assert data["requestParameters"] == {
            "slice": 10, "offset": 0, "length": 10, "orderBy": "title:asc",
        }  # fmt: skip
        assert data["uri"] == f"{office.server.url}{place}"
        assert data["properties"] == {"title": "Contract"}
        assert list(data["documents"][0]) == ["properties", "uri"]
        assert len(listed(slice="all")[0]) == 12
        assert listed(offset="10", orderBy="title:desc")[0] == ["t02", "t01"]
        assert listed(slice="1", orderBy="id")[0] == ["t03"]
        assert listed(slice="0")[0] == []
        full = good(ana.http.get(place, params={"slice": "1", "fields": "document.attributes"}))
        assert full["documents"][0]["attributes"]["ct_title"]["value"] == "t01"

    def test_list_refusals(self, office: Space, ana: Person) -> None:
        """DY-81, DY-83: parameters that are none of these."""
        place = f"{V1}/families/CONTRACT/documents/"
        for asked in ({"slice": "-1"}, {"slice": "x"}, {"offset": "1e3"}, {"offset": "9" * 99},
                      {"orderBy": "size:asc"}, {"orderBy": "title:up"}):  # fmt: skip
            refused(ana.http.get(place, params=asked), 400, "CSG0400")
        refused(ana.http.get(place, params={"fields": "x"}), 400, "CRUD0214")

    def test_list_shows_what_one_may_view(self, office: Space, ana: Person, ben: Person) -> None:
        """DY-81, DY-56: a document that one may not view is not in the list."""
        number = number_of(saved(ana.http, ct_title="mine"))
        office.office.set_acl(number, view=[f"user:{ana.email}"])
        place = f"{V1}/families/CONTRACT/documents/"
        assert len(good(ana.http.get(place))["documents"]) == 1
        assert good(ben.http.get(place))["documents"] == []
        office.office.family("CLOSED", text("cl_a"), view=[f"user:{ana.email}"])
        for rest in ("", "/documents/"):
            refused(ben.http.get(f"{V1}/families/CLOSED{rest}"), 403, "CRUD0201")

    def test_document_of_a_family(self, office: Space, ana: Person) -> None:
        """DY-81: a document has one address; of another family it is unknown."""
        office.office.family("LETTER", text("le_a"))
        number = number_of(saved(ana.http))
        got = ana.http.get(f"{V1}/families/CONTRACT/documents/{number}")
        refused(got, 307, "CRUD0222")
        assert got.headers["location"] == f"{office.server.url}{V1}/documents/{number}.json"
        refused(ana.http.get(f"{V1}/families/LETTER/documents/{number}"), 404, "CRUD0200")
        refused(ana.http.get(f"{V1}/families/CONTRACT/documents/99999999"), 404, "CRUD0200")


def test_other_spaces(office: Space, stranger: Space, ana: Person) -> None:
    """C-01, DY-05: another space's key gets 404 on every route, and nobody 403."""
    number = number_of(saved(ana.http, ct_title="a"))
    alive = {"document": {"properties": {"status": "alive"}}}
    walks = [
        ("GET", f"documents/{number}", "CRUD0200"),
        ("PUT", f"documents/{number}", "CRUD0200"),
        ("DELETE", f"documents/{number}", "CRUD0200"),
        ("PUT", f"trash/{number}", "CRUD0200"),
        ("GET", "families/CONTRACT", "CRUD0203"),
        ("GET", "families/CONTRACT/documents/", "CRUD0203"),
        ("POST", "families/CONTRACT/documents/", "CRUD0200"),
        ("GET", f"families/CONTRACT/documents/{number}", "CRUD0200"),
    ]
    anyone = client(office.url, None)
    for method, path, code in walks:
        refused(stranger.http.request(method, f"{V1}/{path}", json=alive), 404, code)
        elsewhere = {"X-Consigne-Space": stranger.short}
        if "families" in path:
            got = ana.http.request(method, f"{V1}/{path}", json=alive, headers=elsewhere)
            refused(got, 404, "CSG0404")
        refused(anyone.request(method, f"{V1}/{path}", json=alive), 403, "")
    assert of(ana.http.get(f"{V1}/documents/{number}"))["properties"]["title"] == "a"


def test_method_of_a_key(office: Space, ana: Person) -> None:
    """DY-71, DY-06: a key that may only read."""
    made = client(office.url, ana.token).post(
        "/consigne/v1/keys", json={"name": "k", "space": office.short, "methods": ["GET"]}
    )
    assert made.status_code == 201, made.text
    limited = client(office.url, made.json()["key"])
    number = number_of(saved(ana.http))
    assert limited.get(f"{V1}/documents/{number}").status_code == 200
    refused(limited.delete(f"{V1}/documents/{number}"), 403, "CRUD0105")
