"""Level 2 of the Dynacase dialect: the bytes of files in documents, and zips of them."""

import io
import zipfile

import pytest
from dynacase_desk import contract
from dynacase_support import PDF, Person, Space, client, file_of
from dynacase_v1_support import V1, holding, number_of, refused, saved, sent, told

SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'


@pytest.fixture
def office(space: Space) -> Space:
    """The space with the family of these tests."""
    space.office.family("CONTRACT", *contract())
    return space


def files(number: int, rest: str) -> str:
    return f"{V1}/documents/{number}/files/{rest}"


def archive(data: bytes) -> dict[str, bytes]:
    """Return the entries of a zip by name; their checksums are compared."""
    with zipfile.ZipFile(io.BytesIO(data)) as found:
        assert found.testzip() is None
        return {name: found.read(name) for name in found.namelist()}


class TestDownload:
    def test_single(self, office: Space, ana: Person) -> None:
        """DY-74, DY-76: with and without index and name; conditions and ranges as DY-32."""
        number = holding(ana.http, "ct_scan", (PDF, 'a "b" é.pdf'))
        for rest in ("ct_scan", "CT_SCAN/-1", "ct_scan/-1/any.pdf", "ct_scan/name.pdf",
                     "ct_scan.pdf", "ct_scan.json"):  # fmt: skip
            got = ana.http.get(files(number, rest))
            assert (got.status_code, got.content) == (200, PDF), rest
        assert got.headers["content-type"] == "application/pdf"
        assert got.headers["cache-control"] == "private, no-cache"
        assert got.headers["content-disposition"] == (
            "attachment; filename=\"a -b- e.pdf\"; filename*=UTF-8''a%20-b-%20%C3%A9.pdf"
        )
        place = files(number, "ct_scan/-1")
        tag = got.headers["etag"]
        assert ana.http.get(place, headers={"If-None-Match": tag}).status_code == 304
        part = ana.http.get(place, headers={"Range": "bytes=1-3"})
        assert (part.status_code, part.content) == (206, b"PDF")
        refused(ana.http.get(place, headers={"Range": "bytes=900-"}), 416, "CSG0416")
        assert ana.http.head(place).headers["content-length"] == str(len(PDF))

    def test_inline(self, office: Space, ana: Person) -> None:
        """DY-76: inline where asked for, never what a browser would run."""
        number = holding(ana.http, "ct_scan", (PDF, "a.pdf"))
        for word, kind in (("yes", "inline"), ("true", "inline"), ("1", "inline"),
                           ("no", "attachment"), ("", "attachment")):  # fmt: skip
            got = ana.http.get(files(number, "ct_scan"), params={"inline": word})
            assert got.headers["content-disposition"].startswith(kind), word
        for data, name in ((SVG, "a.svg"), (b"<!DOCTYPE html><html></html>", "a.html")):
            active = holding(ana.http, "ct_scan", (data, name))
            got = ana.http.get(files(active, "ct_scan?inline=yes"))
            assert got.headers["content-disposition"].startswith("attachment")
            assert "sandbox" in got.headers["content-security-policy"]
            assert got.headers["x-content-type-options"] == "nosniff"

    def test_rows_and_indexes(self, office: Space, ana: Person) -> None:
        """DY-74: rows from 0; what an index may be depends on the attribute."""
        number = holding(ana.http, "ct_pages", (b"one", "1.txt"), (b"two", "2.txt"), many=True)
        assert ana.http.get(files(number, "ct_pages/0")).content == b"one"
        assert ana.http.get(files(number, "ct_pages/1/2.txt")).content == b"two"
        refused(ana.http.get(files(number, "ct_pages/2")), 404, "CRUD0607")
        refused(ana.http.get(files(number, "ct_pages/-1")), 400, "CRUD0610")
        refused(ana.http.get(files(number, "ct_pages/1000")), 400, "CRUD0612")
        refused(ana.http.get(files(number, "ct_pages/-5")), 400, "CRUD0612")
        refused(ana.http.get(files(number, "ct_pages/x/y")), 400, "CRUD0612")
        refused(ana.http.get(files(number, "ct_scan/0")), 400, "CRUD0611")
        refused(ana.http.get(files(number, "ct_scan")), 404, "CRUD0607")

    def test_order_of_checks(self, office: Space, ana: Person, ben: Person) -> None:
        """DY-74, DY-83, acceptance f: document, revision, view, trash, attribute, I, type."""
        number = holding(ana.http, "ct_scan", (PDF, "a.pdf"))
        refused(ana.http.get(files(999_999_999, "none/5")), 404, "CRUD0200")
        place = f"{V1}/documents/{number}"
        refused(ana.http.get(f"{place}/revisions/7/files/none/5"), 404, "CRUD0221")
        refused(ana.http.get(f"{place}/revisions/{'9' * 99}/files/none/5"), 404, "CRUD0221")
        refused(ana.http.get(f"{place}/revisions/x/files/none/5"), 404, "API0004")
        refused(ana.http.get(f"{place}/files/none/5"), 400, "CRUD0605")
        refused(ana.http.get(f"{place}/files/ct_tab/5"), 400, "CRUD0605")
        for hidden in ("ct_secret", "ct_inside"):
            refused(ana.http.get(f"{place}/files/{hidden}/5"), 403, "CRUD0606")
        refused(ana.http.get(f"{place}/files/ct_title/5"), 400, "CRUD0614")
        office.office.set_acl(number, view=[f"user:{ben.email}"])
        refused(ana.http.get(f"{place}/files/none/5"), 403, "CRUD0201")
        assert ben.http.get(f"{place}/files/ct_scan").content == PDF
        ben.http.delete(place)
        refused(ana.http.get(f"{place}/files/none/5"), 403, "CRUD0201")
        refused(ben.http.get(f"{place}/files/none/5"), 404, "CRUD0219")

    def test_plain_text(self, office: Space, ana: Person) -> None:
        """DY-71, acceptance g: on the path of a file an error is a line of text."""
        got = ana.http.get(files(999_999_999, "ct_scan/-1/a.pdf"))
        told(got, 404, 'error (CRUD0200): Document "999999999" not found')
        refused(ana.http.get(files(999_999_999, "ct_scan/-1/a.json")), 404, "CRUD0200")
        told(ana.http.get(f"{V1}/documents/1.xml"), 400, "error (API0005): Unknown format")
        told(ana.http.get(f"{V1}/nothing.xml"), 404, "error (API0004): Route not found")

    @pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
    def test_writes(self, office: Space, ana: Person, method: str) -> None:
        """DY-74: files are read here; DY-09: an override is another method."""
        number = holding(ana.http, "ct_scan", (PDF, "a.pdf"))
        for rest in ("ct_scan", "ct_scan/-1"):
            got = ana.http.request(method, files(number, rest))
            refused(got, 405, "CRUD0103")
            assert got.headers["allow"] == "GET, HEAD"
        headers = {"X-HTTP-Method-Override": "PATCH"}
        refused(ana.http.post(files(number, "ct_scan"), headers=headers), 400, "API0008")

    def test_revisions(self, office: Space, ana: Person) -> None:
        """DY-74: a frozen revision keeps its bytes; the present one has a number, too."""
        number = holding(ana.http, "ct_scan", (b"old", "a.txt"))
        office.office.freeze(number)
        assert ana.http.put(f"/api/documents/{number}/file/ct_scan", content=b"new").is_success
        place = f"{V1}/documents/{number}/revisions"
        assert ana.http.get(f"{place}/0/files/ct_scan/-1").content == b"old"
        assert ana.http.get(f"{place}/1/files/ct_scan/-1.txt").content == b"new"
        assert ana.http.get(files(number, "ct_scan")).content == b"new"
        told(ana.http.get(f"{place}/2/files/ct_scan/-1.txt"), 404,
             "error (CRUD0221): Revision 2 not found")  # fmt: skip
        ana.http.delete(f"{V1}/documents/{number}")
        refused(ana.http.get(f"{place}/0/files/ct_scan/-1"), 404, "CRUD0219")

    def test_rows_of_revisions(self, office: Space, ana: Person) -> None:
        """DY-74: a revision has no zip."""
        number = holding(ana.http, "ct_pages", (b"one", "1.txt"), many=True)
        office.office.freeze(number)
        place = f"{V1}/documents/{number}/revisions/0/files/ct_pages"
        assert ana.http.get(f"{place}/0").content == b"one"
        refused(ana.http.get(f"{place}/-1"), 400, "CRUD0610")
        refused(ana.http.get(place), 404, "API0004")


class TestZip:
    def test_two_rows(self, office: Space, ana: Person) -> None:
        """DY-75, acceptance c: entries in their order, numbered; the label names the zip."""
        number = holding(
            ana.http, "ct_pages", (b"one", "été.txt"), (b"", "b.txt"), (PDF * 9000, "b.txt"),
            many=True,
        )  # fmt: skip
        got = ana.http.get(files(number, "ct_pages"), headers={"Range": "bytes=0-3"})
        assert got.status_code == 200
        assert got.headers["content-type"] == "application/x-zip"
        assert got.headers["content-disposition"] == 'attachment; filename="Pages.zip"'
        assert (got.headers["accept-ranges"], got.headers["cache-control"]) == (
            "none", "private, no-cache",
        )  # fmt: skip
        found = archive(got.content)
        assert list(found.items()) == [
            ("1-été.txt", b"one"), ("2-b.txt", b""), ("3-b.txt", PDF * 9000),
        ]  # fmt: skip
        for rest in ("ct_pages/all.zip", "ct_pages.zip", "ct_pages/?"):
            again = ana.http.get(files(number, rest.removesuffix("/?")))
            assert again.content == got.content

    def test_ten_rows_and_conditions(self, office: Space, ana: Person) -> None:
        """DY-75, DY-76, acceptance c: zeros in front; the tag changes with a file."""
        pages = [(b"%d" % row, f"{row}.txt") for row in range(10)]
        number = holding(ana.http, "ct_pages", *pages, many=True)
        got = ana.http.get(files(number, "ct_pages"))
        names = list(archive(got.content))
        assert (names[0], names[9]) == ("01-0.txt", "10-9.txt")
        tag = {"If-None-Match": got.headers["etag"]}
        assert ana.http.get(files(number, "ct_pages"), headers=tag).status_code == 304
        ana.http.put(f"/api/documents/{number}/file/ct_pages/3", content=b"other")
        changed = ana.http.get(files(number, "ct_pages"), headers=tag)
        assert archive(changed.content)["04-3.txt"] == b"other"
        head = ana.http.head(files(number, "ct_pages"))
        assert (head.status_code, head.content) == (200, b"")

    def test_of_an_array(self, office: Space, ana: Person) -> None:
        """DY-75: an array's column; a zip of what has no label is called after its id."""
        reference = sent(ana.http, b"x", "a.txt")["reference"]
        number = number_of(saved(ana.http, ct_piece=[reference], ct_note=["n"]))
        got = ana.http.get(files(number, "ct_piece"))
        assert got.headers["content-disposition"] == 'attachment; filename="ct_piece.zip"'
        assert archive(got.content) == {"1-a.txt": b"x"}

    def test_empty_rows(self, office: Space, ana: Person) -> None:
        """DY-74, DY-75: no row is 404 CRUD0607, an empty row 400 CRUD0609."""
        number = number_of(saved(ana.http))
        refused(ana.http.get(files(number, "ct_pages")), 404, "CRUD0607")
        ana.http.post(f"/api/documents/{number}/file/ct_pages/1", content=b"x")
        refused(ana.http.get(files(number, "ct_pages")), 400, "CRUD0609")
        refused(ana.http.get(files(number, "ct_pages/0")), 404, "CRUD0607")

    def test_stream_readers(self, office: Space, ana: Person) -> None:
        """DY-75: entries say that sizes follow, and are deflated, as readers of streams want."""
        number = holding(ana.http, "ct_pages", (b"one", "a.txt"), many=True)
        data = ana.http.get(files(number, "ct_pages")).content
        (info,) = zipfile.ZipFile(io.BytesIO(data)).infolist()
        assert (info.compress_type, info.flag_bits & 8) == (zipfile.ZIP_DEFLATED, 8)
        assert info.date_time[0] >= 2024


def test_other_people(office: Space, stranger: Space, ana: Person) -> None:
    """C-01, DY-05: another space's key gets what an unknown document gets, anyone else 403."""
    number = holding(ana.http, "ct_pages", (b"one", "a.txt"), many=True)
    for rest in ("", "/files/ct_pages", "/files/ct_pages/0", "/files/ct_pages/0/a",
                 "/revisions/0/files/ct_pages/0", "/images/ct_pages/0/sizes/48",
                 "/revisions/0/images/ct_pages/0/sizes/48"):  # fmt: skip
        place = f"{V1}/documents/{number}{rest}"
        refused(stranger.http.get(place), 404, "CRUD0200", f'Document "{number}" not found')
        refused(client(office.url, None).get(place), 403, "")
    reader = office.member("reader")
    assert reader.http.get(files(number, "ct_pages/0")).content == b"one"
    by_number = client(office.url, ana.token)
    assert by_number.get(files(number, "ct_pages/0")).content == b"one"


def test_bytes_of_level_1(office: Space, ana: Person) -> None:
    """DY-70: the same files; what level 1 inserts is read here."""
    number = number_of(saved(ana.http))
    made = file_of(ana.http.post(f"/api/documents/{number}/file/ct_scan", content=PDF), 201)
    assert made["mime"] == "application/pdf"
    assert ana.http.get(files(number, "ct_scan")).content == PDF
