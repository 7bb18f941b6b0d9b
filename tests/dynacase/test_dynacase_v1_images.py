"""Level 2 of the Dynacase dialect: pictures of images in documents."""

import sys
from pathlib import Path

import pytest
from dynacase_desk import contract
from dynacase_support import PDF, Person, Space, file_of
from dynacase_v1_support import V1, flag, holding, opened, picture, refused, sent, told
from tests.parts.server import RunningServer, ServerStarter

from consigne.dialects.dynacase.v1.sizes import shape_of
from consigne.model.pictures import Format

sys.path.append(str(Path(__file__).parents[1] / "previews"))

from picture_support import png_of_size

GREEN = (30, 160, 60)


@pytest.fixture
def office(space: Space) -> Space:
    """The space with the family of these tests."""
    space.office.family("CONTRACT", *contract())
    return space


def place(number: int, size: str, rest: str = "ct_photo/-1") -> str:
    return f"documents/{number}/images/{rest}/sizes/{size}"


class TestSizes:
    def test_sizes(self, office: Space, ana: Person) -> None:
        """DY-77, acceptance d: sides, fits, crops, stretches, never larger than the original."""
        number = holding(ana.http, "ct_photo", (flag(), "drapeau.bmp.png"))
        for size, sides in {
            "200": (200, 112), "x200": (357, 200), "200x100": (179, 100), "200x100f": (179, 100),
            "200x100c": (200, 100), "200x100s": (200, 100), "900": (600, 336),
            "x900": (600, 336), "900x900": (600, 336), "300x900s": (300, 336), "1": (1, 1),
            "99999999999": (600, 336),
        }.items():  # fmt: skip
            got = picture(ana.http, place(number, size))
            assert opened(got).size == sides, size
        assert opened(got).format == "PNG"
        assert got.headers["content-type"] == "image/png"

    def test_headers(self, office: Space, ana: Person) -> None:
        """DY-77: the suffix says what it becomes; inline, a name, to be asked for again."""
        number = holding(ana.http, "ct_photo", (flag(), "drapeau.bmp"))
        for suffix, form in (("png", "PNG"), ("jpg", "JPEG"), ("gif", "GIF"), ("PNG", "PNG")):
            got = picture(ana.http, place(number, f"200x100.{suffix}"))
            assert opened(got).format == form
            shown = f'inline; filename="200x100-drapeau.{suffix.lower()}"'
            assert got.headers["content-disposition"] == shown
            assert got.headers["cache-control"] == "private, no-cache, must-revalidate"
        tag = got.headers["etag"]
        path = place(number, "200x100.png")
        assert picture(ana.http, path, **{"If-None-Match": tag}).status_code == 304
        part = picture(ana.http, path, Range="bytes=1-3")
        assert (part.status_code, part.content) == (206, b"PNG")
        assert ana.http.head(f"{V1}/{path}").headers["content-length"] == str(len(got.content))

    @pytest.mark.parametrize(
        ("size", "status", "code"),
        [
            ("100f", 400, "CRUD0603"), ("x100c", 400, "CRUD0603"), ("100x", 400, "CRUD0603"),
            ("x", 400, "CRUD0603"), ("0", 400, "CRUD0603"), ("0x10", 400, "CRUD0603"),
            ("10x00s", 400, "CRUD0603"), ("10q", 404, "API0004"), ("-5", 404, "API0004"),
            ("f", 404, "API0004"), ("10x10x10", 404, "API0004"), ("1\u0662", 404, "API0004"),
            ("", 404, "API0004"), ("10/", 404, "API0004"),
        ],
    )  # fmt: skip
    def test_wrong_sizes(
        self, office: Space, ana: Person, size: str, status: int, code: str
    ) -> None:
        """DY-77, acceptance d: what is a size but none of these, what is no size."""
        refused(ana.http.get(f"{V1}/{place(1, size)}"), status, code)

    def test_wrong_suffixes(self, office: Space, ana: Person) -> None:
        """DY-71, DY-77: three formats; other suffixes are refused in text."""
        for suffix in ("webp", "svg", "bmp", ""):
            got = ana.http.get(f"{V1}/{place(1, f'10.{suffix}')}")
            assert (got.status_code, "API0005" in got.text) == (400, True)
        told(ana.http.get(f"{V1}/{place(1, '10.webp')}"), 400, "error (API0005): Unknown format")
        told(ana.http.get(f"{V1}/{place(1, '10f.png')}"), 400, 'error (CRUD0603): Bad size "10f"')

    def test_same_shape(self) -> None:
        """DY-77: ``WxHf`` is ``WxH``: one picture is made for both."""
        assert shape_of("20x10f", Format.PNG) == shape_of("20x10", Format.PNG)


class TestSources:
    def test_no_images(self, office: Space, ana: Person) -> None:
        """DY-77: PDF, text and SVG are no images: 400 CRUD0601; what is damaged is CRUD0602."""
        svg = b'<svg xmlns="http://www.w3.org/2000/svg"></svg>'
        for data, name in ((PDF, "a.pdf"), (b"text", "a.png"), (svg, "a.svg")):
            number = holding(ana.http, "ct_scan", (data, name))
            refused(ana.http.get(f"{V1}/{place(number, '10', 'ct_scan/-1')}"), 400, "CRUD0601")
        number = holding(ana.http, "ct_photo", (flag()[:400], "cut.png"))
        refused(picture(ana.http, place(number, "10")), 400, "CRUD0602")

    def test_too_many_pixels(self, office: Space, ana: Person) -> None:
        """DY-77: a picture of 60,000 x 60,000 is never decoded."""
        number = holding(ana.http, "ct_photo", (png_of_size(60_000, 60_000), "bomb.png"))
        refused(picture(ana.http, place(number, "10")), 400, "CRUD0601")
        told(
            picture(ana.http, place(number, "10.png")),
            400,
            "error (CRUD0601): The image is too large to be converted",
        )

    def test_places(self, office: Space, ana: Person) -> None:
        """DY-74, DY-77: index and attribute are checked as for bytes."""
        number = holding(ana.http, "ct_pages", (flag(), "a.png"), many=True)
        assert opened(picture(ana.http, place(number, "50", "CT_pages/0"))).size == (50, 28)
        for rest, status, code in (
            ("ct_pages/-1", 400, "CRUD0610"), ("ct_pages/1", 404, "CRUD0607"),
            ("ct_pages/x", 400, "CRUD0612"), ("ct_photo/0", 400, "CRUD0611"),
            ("ct_photo/-1", 404, "CRUD0607"), ("ct_secret/-1", 403, "CRUD0606"),
            ("ct_title/-1", 400, "CRUD0614"), ("none/-1", 400, "CRUD0605"),
        ):  # fmt: skip
            refused(ana.http.get(f"{V1}/{place(number, '50', rest)}"), status, code)

    def test_level_1_changes_the_picture(self, office: Space, ana: Person) -> None:
        """DY-77, acceptance e: after a level-1 PUT the new picture is there at once; a frozen
        revision shows the old one."""
        number = holding(ana.http, "ct_photo", (flag(), "a.png"))
        first = picture(ana.http, place(number, "60x10s"))
        assert opened(first).getpixel((5, 5)) == (200, 30, 30)
        office.office.freeze(number)
        put = ana.http.put(f"/api/documents/{number}/file/ct_photo", content=flag(left=GREEN))
        assert file_of(put)["mime"] == "image/png"
        tag = {"If-None-Match": first.headers["etag"]}
        second = picture(ana.http, place(number, "60x10s"), **tag)
        assert opened(second).getpixel((5, 5)) == GREEN
        old = picture(ana.http, f"documents/{number}/revisions/0/images/ct_photo/-1/sizes/60x10s")
        assert old.content == first.content
        assert ana.http.get(f"/api/documents/{number}/file/ct_photo").json()["success"]

    def test_made_once(self, office: Space, ana: Person) -> None:
        """DY-77: the same bytes in another document, or temporary: the picture is there."""
        data = flag(301, 99)
        number = holding(ana.http, "ct_photo", (data, "a.png"))
        first = picture(ana.http, place(number, "77"))
        other = sent(ana.http, data, "b.png")["id"]
        second = ana.http.get(f"{V1}/images/recorded/sizes/77/{other}.png")
        assert (second.status_code, second.content) == (200, first.content)
        jobs = office.native("GET", "/jobs")["jobs"]
        assert [each["kind"] for each in jobs].count("preview") == 1


def test_without_worker(start_server: ServerStarter) -> None:
    """C-54, DY-77: nobody who draws: 503 and when to come back."""
    from dynacase_support import found_space

    server: RunningServer = start_server(args=["--no-worker"])
    space = found_space(server)
    number = sent(space.http, flag(), "a.png")["id"]
    got = space.http.get(f"{V1}/images/recorded/sizes/48/{number}.png")
    told(got, 503, "error (CSG0503): Maintenance")
    assert int(got.headers["retry-after"]) >= 1
