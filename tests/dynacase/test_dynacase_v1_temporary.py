"""Level 2 of the Dynacase dialect: temporary files."""

import re

import httpx
import pytest
from dynacase_desk import contract
from dynacase_support import PDF, Person, Space, client, found_space, multipart_body
from dynacase_v1_support import (
    FORM,
    V1,
    flag,
    number_of,
    opened,
    picture,
    refused,
    saved,
    sent,
    told,
)
from tests.parts.server import RunningServer

from consigne.dialects.dynacase.v1.icons import NAMES, icon_for

PLACE = f"{V1}/temporaryFiles/"


class TestUpload:
    def test_nine_keys(self, ana: Person) -> None:
        """DY-71, DY-72, acceptance a: nine keys in order, size a string, relative addresses."""
        file = sent(ana.http, PDF, "contrat.PDF")
        number = file["id"]
        assert number.isdigit()
        assert file["mime"] == "application/pdf"
        assert file["size"] == str(len(PDF))
        assert file["thumbnailUrl"] == ""
        assert file["reference"] == f"application/pdf|{number}|contrat.PDF"
        assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", file["cdate"])
        assert file["downloadUrl"] == f"api/v1/files/recorded/temporary/{number}.PDF"
        assert file["iconUrl"] == "api/v1/images/assets/sizes/20/mime-pdf.png"
        assert file["fileName"] == "contrat.PDF"

    def test_image_and_no_extension(self, ana: Person) -> None:
        """DY-72: images have a thumbnail that is there; without extension no dot."""
        image = sent(ana.http, flag(), "drapeau")
        number = image["id"]
        assert image["thumbnailUrl"] == f"api/v1/images/recorded/sizes/48/{number}.png"
        assert image["downloadUrl"] == f"api/v1/files/recorded/temporary/{number}"
        assert opened(picture(ana.http, image["thumbnailUrl"].removeprefix("api/v1/"))).width == 48
        assert ana.http.get(f"/{image['downloadUrl']}").content == flag()
        icon = ana.http.get(f"/{image['iconUrl']}")
        assert opened(icon).size == (20, 20)
        odd = sent(ana.http, b"x", "a.t_t")
        assert odd["downloadUrl"].endswith(odd["id"])

    def test_json_suffix_and_html(self, ana: Person) -> None:
        """DY-70: ``.json`` is no suffix; ``?alt=html`` as at level 1."""
        body = multipart_body(("f", "a.txt", b"x"))
        assert ana.http.post(f"{PLACE}.json", content=body, headers=FORM).status_code == 201
        got = ana.http.post(f"{PLACE}?alt=html", content=body, headers=FORM)
        assert got.headers["content-type"] == "text/html; charset=utf-8"
        assert "<textarea>{&quot;success&quot;:true" in got.text

    def test_only_the_first_file(self, ana: Person) -> None:
        """DY-71, DY-72: further files are dropped with a warning that has no empty keys."""
        body = multipart_body(("x", None, b"v"), ("f", "a?.txt", b"1"), ("g", "b.txt", b"2"))
        got = ana.http.post(PLACE, content=body, headers=FORM)
        assert got.json()["data"]["file"]["fileName"] == "a-.txt"
        assert [list(each) for each in got.json()["messages"]] == [["type", "contentText"]] * 2

    @pytest.mark.parametrize(
        ("body", "kind", "code"),
        [
            (b"raw bytes", "application/pdf", "CRUD0302"),
            (b"a=b", "application/x-www-form-urlencoded", "CRUD0302"),
            (b"", FORM["Content-Type"], "CRUD0302"),
            (multipart_body(("a", None, b"text")), FORM["Content-Type"], "CRUD0302"),
            (multipart_body(("f", "a.txt", b"x"))[:-9], FORM["Content-Type"], "CRUD0303"),
            (b"no form", "multipart/form-data", "CRUD0303"),
        ],
    )
    def test_bad_bodies(self, space: Space, body: bytes, kind: str, code: str) -> None:
        """DY-72, DY-83: what carries no file, or not all of it, is 400 and leaves nothing."""
        got = space.http.post(PLACE, content=body, headers={"Content-Type": kind})
        refused(got, 400, code)
        assert space.files() == []
        assert space.usage == (0, 0)

    @pytest.mark.parametrize(
        ("method", "path", "status", "code"),
        [
            ("GET", "temporaryFiles/", 405, "CRUD0103"),
            ("PUT", "temporaryFiles/", 405, "CRUD0103"),
            ("DELETE", "temporaryFiles/", 501, "CRUD0103"),
            ("PATCH", "temporaryFiles/", 400, "API0007"),
            ("POST", "temporaryFiles", 404, "API0004"),
            ("GET", "temporaryFiles/12", 404, "API0004"),
            ("DELETE", "temporaryFiles/12", 404, "API0004"),
        ],
    )
    def test_methods(self, space: Space, method: str, path: str, status: int, code: str) -> None:
        """DY-70, DY-72: nothing but POST; the collection has a final slash."""
        refused(space.http.request(method, f"{V1}/{path}"), status, code)

    def test_no_space(self, server: RunningServer) -> None:
        """DY-83, acceptance h: no space is 400 CRUD0300 here and 507 at level 1."""
        full = found_space(server, quota=10)
        body = multipart_body(("f", "a.txt", b"x" * 50))
        refused(full.http.post(PLACE, content=body, headers=FORM), 400, "CRUD0300")
        assert full.http.post("/api/file", content=b"x" * 50).status_code == 507
        assert full.usage == (0, 0)


class TestDownload:
    def test_bytes(self, ana: Person) -> None:
        """DY-73, acceptance a: the bytes, to be kept for a day by nobody else."""
        file = sent(ana.http, b"hello", 'say "hi".txt')
        got = ana.http.get(f"/{file['downloadUrl']}")
        assert (got.status_code, got.content) == (200, b"hello")
        assert got.headers["cache-control"] == "private, max-age=86400"
        assert got.headers["content-disposition"] == 'attachment; filename="say -hi-.txt"'
        place = f"{V1}/files/recorded/temporary/{file['id']}"
        for suffix in ("", ".mp4", ".json", ".X"):
            assert ana.http.get(place + suffix).content == b"hello"
        shown = ana.http.get(f"{place}?inline=yes").headers["content-disposition"]
        assert shown.startswith("inline")
        part = ana.http.get(place, headers={"Range": "bytes=1-2"})
        assert (part.status_code, part.content) == (206, b"el")
        tag = got.headers["etag"]
        assert ana.http.get(place, headers={"If-None-Match": tag}).status_code == 304
        assert ana.http.head(place).headers["content-length"] == "5"

    def test_unknown_and_foreign(
        self, space: Space, stranger: Space, ana: Person, ben: Person
    ) -> None:
        """DY-71, DY-73, acceptance a: another user, another space, no such id: 404 CRUD0617."""
        file = sent(ana.http)
        place = f"{V1}/files/recorded/temporary/{file['id']}"
        for http in (ben.http, space.http, stranger.http):
            text = f'Temporary file "{file["id"]}" not found'
            refused(http.get(place), 404, "CRUD0617", text)
            told(http.get(f"{place}.txt"), 404, f"error (CRUD0617): {text}")
        for number in ("1", "x", "9" * 30, "aaaaaaaaaaaaaa"):
            refused(ana.http.get(f"{V1}/files/recorded/temporary/{number}"), 404, "CRUD0617")
        told(ana.http.get(f"{place}.t-t"), 404, "error (API0004): Route not found")

    def test_saved(self, space: Space, ana: Person) -> None:
        """DY-73, DY-81, acceptance b: a document keeps it: no temporary file, 400 CRUD0616."""
        space.office.family("CONTRACT", *contract())
        file = sent(ana.http, PDF, "a.pdf")
        number = number_of(saved(ana.http))
        body = {"document": {"attributes": {"ct_scan": {"value": file["reference"]}}}}
        got = ana.http.put(f"{V1}/documents/{number}", json=body)
        assert got.json()["data"]["document"]["attributes"]["ct_scan"]["value"] == file["reference"]
        told(ana.http.get(f"/{file['downloadUrl']}"), 400,
             f'error (CRUD0616): Temporary file "{file["id"]}" is saved')  # fmt: skip
        refused(ana.http.get(f"{V1}/files/recorded/temporary/{file['id']}"), 400, "CRUD0616")
        assert [each["state"] for each in space.files()] == ["kept"]


class TestImages:
    def test_original_and_sizes(self, ana: Person) -> None:
        """DY-78: one's own temporary image, as it is and in other sizes."""
        file = sent(ana.http, flag(), "drapeau.png")
        number, place = file["id"], f"{V1}/images/recorded"
        for name in (number, f"{number}.png"):
            assert ana.http.get(f"{place}/original/{name}").content == flag()
        refused_by = ana.http.get(f"{place}/original/{number}.jpg")
        told(refused_by, 400, f'error (CRUD0604): Image "{number}" is not of the format "jpg"')
        got = picture(ana.http, f"images/recorded/sizes/200x100c/{number}.jpg")
        assert (opened(got).format, opened(got).size) == ("JPEG", (200, 100))
        assert got.headers["content-disposition"] == 'inline; filename="200x100c-drapeau.jpg"'
        assert opened(picture(ana.http, f"images/recorded/sizes/x10/{number}.gif")).format == "GIF"
        for name in (number, f"{number}.webp", f"{number}.json"):
            got = ana.http.get(f"{place}/sizes/48/{name}")
            assert (got.status_code, "CRUD0604" in got.text) == (400, True)

    def test_whose(self, space: Space, stranger: Space, ana: Person, ben: Person) -> None:
        """DY-78: another's, another space's, no image, no credentials."""
        image, note = sent(ana.http, flag(), "a.png")["id"], sent(ana.http)["id"]
        places = (f"{V1}/images/recorded/original/{{}}", f"{V1}/images/recorded/sizes/48/{{}}.png")
        for place in places:
            for http, number in (
                (ben.http, image), (space.http, image), (stranger.http, image),
                (ana.http, note), (ana.http, "12"), (ana.http, "x"),
            ):  # fmt: skip
                got = http.get(place.format(number))
                assert (got.status_code, "CRUD0600" in got.text) == (400, True), got.text
            assert client(space.url, None).get(place.format(image)).status_code == 403

    def test_saved_image(self, space: Space, ana: Person) -> None:
        """DY-78: what a document has is no recorded image any more."""
        space.office.family("CONTRACT", *contract())
        file = sent(ana.http, flag(), "a.png")
        saved(ana.http, ct_photo=file["reference"])
        refused(ana.http.get(f"{V1}/images/recorded/original/{file['id']}"), 400, "CRUD0600")


class TestIcons:
    def test_without_login(self, space: Space) -> None:
        """DY-78: icons are for everybody, in their size and smaller, and can be kept."""
        http = client(space.url, None)
        for name in sorted(NAMES):
            got = http.get(f"{V1}/images/assets/original/{name}.png")
            assert opened(got).size == (128, 128)
            assert opened(http.get(f"{V1}/images/assets/sizes/20/{name}.png")).size == (20, 20)
        assert got.headers["cache-control"] == "public, max-age=86400"
        tag = {"If-None-Match": got.headers["etag"]}
        assert http.get(f"{V1}/images/assets/original/{name}.png", headers=tag).status_code == 304
        place = f"{V1}/images/assets/sizes"
        assert opened(http.get(f"{place}/9000/document.gif")).size == (128, 128)
        assert opened(http.get(f"{place}/20x10s/document.jpg")).size == (20, 10)
        assert http.head(f"{place}/20/document.png").content == b""

    @pytest.mark.parametrize(
        ("path", "status", "code"),
        [
            ("original/none.png", 400, "CRUD0600"),
            ("original/..%2f..%2fetc.png", 404, "API0004"),
            ("original/document", 400, "CRUD0604"),
            ("original/document.svg", 400, "CRUD0604"),
            ("sizes/0/document.png", 400, "CRUD0603"),
            ("sizes/q/document.png", 404, "API0004"),
            ("original/a/document.png", 404, "API0004"),
        ],
    )
    def test_bad_names(self, space: Space, path: str, status: int, code: str) -> None:
        """DY-78: one segment, a known name, a known format."""
        got = client(space.url, None).get(f"{V1}/images/assets/{path}")
        assert (got.status_code, code in got.text) == (status, True), got.text

    def test_login_elsewhere(self, space: Space) -> None:
        """DY-78: only reading icons is open."""
        http = client(space.url, None)
        refused(http.post(f"{V1}/images/assets/original/document"), 403, "")

    def test_every_type_has_one(self) -> None:
        """DY-72: an icon by type."""
        types = {
            "image/png": "mime-image", "application/zip": "mime-archive", "text/csv": "mime-text",
            "video/mp4": "mime-video", "application/msword": "mime-office", "x/y": "mime-file",
        }  # fmt: skip
        assert {mime: icon_for(mime) for mime in types} == types


def test_open_tokens(space: Space, ana: Person) -> None:
    """DY-71: open tokens in header and query; none or a bad one is 403 without a code."""
    place, text = f"{V1}/documents/1", "User must be authenticated"
    anyone = httpx.Client(base_url=space.url)
    for given in (f"DcpOpen {ana.token}", f"dcpopen {ana.token}", f"Bearer {ana.token}"):
        refused(anyone.get(place, headers={"Authorization": given}), 404, "CRUD0200")
    for name in ("dcpopen-authorization", "access_token"):
        refused(anyone.get(place, params={name: ana.token}), 404, "CRUD0200")
        refused(anyone.get(place, params={name: "no key"}), 403, "", text)
    refused(anyone.get(place), 403, "", text)
    refused(anyone.get(place, headers={"Authorization": "DcpOpen x"}), 403, "", text)
    refused(anyone.get(place, headers={"Authorization": "Basic !"}), 403, "", text)
    told(anyone.get(f"{place}/files/a/b.pdf"), 403, f"error: {text}")
    assert ana.token not in space.server.log
