"""The verb ``picture`` over both catalogs: what it draws, what it costs, what it leaves behind."""

import asyncio
from typing import Any

import msgspec
import pytest
from picture_support import BLUE, HEIC, RED, flag, near, opened
from PIL import Image, ImageCms
from PIL.PngImagePlugin import PngInfo
from tests.parts.papers import INVOICE, encoded, paper, scan_pdf, text_pdf
from tests.parts.sites import Site, chunks
from tests.parts.working import worker_of

from consigne.catalog import contents, jobs, previews
from consigne.core.derived import Derivative
from consigne.core.proof import Proof
from consigne.core.proof.report import Options
from consigne.errors import (
    Busy,
    EngineMissing,
    FileNotFound,
    Infected,
    VersionNotFound,
    WrongState,
)
from consigne.jobs.worker import Run
from consigne.model.entities import Access, ContentState, File, JobState
from consigne.model.pictures import Fit, Format, Shape
from consigne.model.rights import Role

SMALL = Shape(60, 60)


async def bytes_of(picture: Derivative) -> bytes:
    return b"".join([piece async for piece in picture.stream(0, picture.size)])


async def picture(site: Site, file: File, shape: Shape = SMALL, **more: Any) -> Image.Image:
    """Return the picture of a file as an image, after checking what its reading says."""
    made = await site.depot.previews.picture(site.manager, file.id, shape, **more)
    data = await bytes_of(made)
    assert made.media_type == made.detected_type == shape.format.media_type
    assert made.size == len(data)
    return opened(data)


async def job_count(site: Site, **where: Any) -> int:
    return await site.depot.catalog.read(lambda tx: jobs.count(tx, kind="preview", **where))


async def gone(site: Site, file: File) -> None:
    """Remove a file for good, with everything that hangs on it."""
    await site.depot.vault.release(site.writer, file.id)
    await site.depot.vault.purge(site.manager, file.id)
    await site.sweep(purge_guard=-1)
    await site.sweep(purge_guard=-1)


IMAGES = {
    "png": encoded(flag()),
    "grey.png": encoded(flag(mode="L")),
    "palette.png": encoded(flag(mode="P")),
    "jpeg": encoded(flag(), "JPEG", quality=95),
    "cmyk.jpeg": encoded(flag(mode="CMYK"), "JPEG", quality=95),
    "gif": encoded(flag(), "GIF", save_all=True, append_images=[Image.new("RGB", (600, 336))]),
    "webp": encoded(flag(), "WEBP", lossless=True),
    "tiff": encoded(flag(), "TIFF", compression="tiff_lzw"),
    "bmp": encoded(flag(), "BMP"),
    "avif": encoded(flag(), "AVIF"),
    "jp2": encoded(flag(), "JPEG2000"),
    "pdf": scan_pdf([flag(), Image.new("RGB", (600, 336))]),
}


async def test_every_type(site: Site) -> None:
    """DY-77: each kind of image, and a PDF's first page, becomes the same small picture."""
    async with worker_of(site):
        for name, data in IMAGES.items():
            file = await site.put(data, f"flag.{name}")
            made = await picture(site, file)
            assert made.size == (60, 34), name
            if name != "grey.png":
                assert near(made.convert("RGB").getpixel((10, 17)), RED), name
                assert near(made.convert("RGB").getpixel((50, 17)), BLUE), name


async def test_heic(site: Site) -> None:
    """DY-77: what telephones send is drawn where its decoder is installed."""
    async with worker_of(site):
        made = await picture(site, await site.put(HEIC, "flag.heic"))
    assert made.size == (60, 30)
    assert near(made.getpixel((10, 15)), RED)


@pytest.mark.parametrize("kind", Format)
async def test_every_format(site: Site, kind: Format) -> None:
    """DY-77: whatever goes in, the picture is of the format that was asked for."""
    async with worker_of(site):
        made = await picture(site, await site.put(IMAGES["png"]), Shape(60, 60, format=kind))
        assert made.format == kind.upper()
        clear = Image.new("RGBA", (100, 100), (0, 0, 0, 0))
        over = await picture(site, await site.put(encoded(clear)), Shape(60, 60, format=kind))
    pixel = over.convert("RGBA").getpixel((30, 30))
    assert isinstance(pixel, tuple)
    # Transparent stays transparent; where the format knows none it lies on white paper.
    assert pixel == (255, 255, 255, 255) if kind is Format.JPEG else pixel[3] == 0


@pytest.mark.parametrize("fit", Fit)
async def test_fits(site: Site, fit: Fit) -> None:
    """DY-77: inside, filling with the middle, stretched."""
    bars = flag(600, 300)
    bars.paste((0, 160, 0), (250, 0, 350, 300))
    async with worker_of(site):
        for data in (encoded(bars), scan_pdf([bars])):
            made = await picture(site, await site.put(data), Shape(100, 100, fit))
            assert made.size == ((100, 50) if fit is Fit.FIT else (100, 100))
            left = made.getpixel((20, made.height // 2))
            # A square cut out of the middle begins at x = 150 of 600: still red, and green wider.
            assert near(left, RED)
            green = sum(near(made.getpixel((x, 25)), (0, 160, 0)) for x in range(100))
            assert abs(green - (33 if fit is Fit.COVER else 16)) <= 2


@pytest.mark.parametrize("turn", range(1, 9))
async def test_orientation(site: Site, turn: int) -> None:
    """DY-77: upright as the camera was held, for all eight values of Exif."""
    exif = Image.Exif()
    exif[0x0112] = turn
    upright = flag()
    back = {
        1: None, 2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM, 5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90, 7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }[turn]  # fmt: skip
    held = upright if back is None else upright.transpose(back)
    async with worker_of(site):
        file = await site.put(encoded(held, "JPEG", exif=exif, quality=95), f"{turn}.jpg")
        made = await picture(site, file, Shape(100, format=Format.JPEG))
    assert made.size == (100, 56)
    assert near(made.getpixel((10, 28)), RED)
    assert not made.getexif()


async def test_no_metadata(site: Site) -> None:
    """DY-77: place, author and comments of a photograph do not get into its picture; colours do."""
    exif = Image.Exif()
    exif[0x010E] = "a secret description"
    text = PngInfo()
    text.add_text("Author", "a secret author")
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    photo = encoded(flag(), "JPEG", exif=exif, icc_profile=srgb, comment=b"a secret comment")
    drawing = encoded(flag(), "PNG", pnginfo=text, exif=exif, icc_profile=srgb)
    async with worker_of(site):
        for data in (photo, drawing, encoded(flag(), "WEBP", exif=exif, icc_profile=srgb)):
            for kind in Format:
                file = await site.put(data)
                made = await site.depot.previews.picture(
                    site.manager, file.id, Shape(500, format=kind)
                )
                drawn = await bytes_of(made)
                assert b"secret" not in drawn
                assert not {"exif", "icc_profile", "comment", "Author"} & set(opened(drawn).info)
                if kind is not Format.GIF:
                    assert near(opened(drawn).convert("RGB").getpixel((10, 10)), RED)


async def test_first_page(site: Site) -> None:
    """DY-77: letters of a page are drawn; a page that lies is shown as it lies."""
    async with worker_of(site):
        page = await picture(site, await site.put(text_pdf([INVOICE])), Shape(300))
        lying = await picture(
            site, await site.put(scan_pdf([paper(INVOICE).rotate(90, expand=True)]))
        )
    assert page.size == (300, 425)
    assert page.convert("L").getextrema()[0] < 128
    assert lying.width > lying.height


async def test_cached_by_content(site: Site) -> None:
    """DY-77: drawn once for all files with the same bytes in a space, and for each space anew."""
    data = IMAGES["png"]
    async with worker_of(site):
        first = await site.put(data, "a.png")
        made = await site.depot.previews.picture(site.writer, first.id, SMALL)
        assert made.name == "a.png"
        assert await job_count(site) == 1
        copy = await site.depot.vault.copy(site.writer, first.id, name="b.png")
        again = await site.put(data, "c.png")
        for file in (first, copy, again):
            same = await site.depot.previews.picture(site.writer, file.id, SMALL)
            assert same.content.id == made.content.id
        assert await job_count(site) == 1
        other = await site.other_space()
        foreign = await site.put(data, "d.png", seat=other)
        drawn = await site.depot.previews.picture(other, foreign.id, SMALL)
        assert drawn.content.id != made.content.id
        assert await bytes_of(drawn) == await bytes_of(made)
        # Another shape is another picture; the same in other words is not.
        await picture(site, first, Shape(60))
        await picture(site, first, Shape(60, None, Fit.COVER))
    assert await job_count(site) == 3
    # Without any worker what was drawn is still there.
    assert (await picture(site, first)).size == (60, 34)


async def test_at_once(site: Site) -> None:
    """DY-77: twenty requests for the same picture are one job."""
    file = await site.put(IMAGES["jpeg"])
    async with worker_of(site):
        wanted = [site.depot.previews.picture(site.writer, file.id, SMALL) for _ in range(20)]
        made = await asyncio.gather(*wanted)
    assert len({each.content.id for each in made}) == 1
    assert await job_count(site) == 1


async def test_charged_to_nobody(site: Site) -> None:
    """C-24: pictures are not charged, and a full space still shows its files."""
    file = await site.put(IMAGES["bmp"])
    await site.set_quota(file.size)
    before = await site.books()
    async with worker_of(site):
        await picture(site, file, Shape(500))
    assert await site.books() == before


async def test_never_shared(site: Site) -> None:
    """C-20: bytes of a picture that somebody uploads are his own, and no picture keeps a file."""
    file = await site.put(IMAGES["png"])
    async with worker_of(site):
        made = await site.depot.previews.picture(site.writer, file.id, SMALL)
        drawn = await site.put(await bytes_of(made), "mine.png")
        assert drawn.content_id != made.content.id
        same = await site.depot.previews.picture(site.writer, drawn.id, SMALL)
        assert same.content.sha256 == drawn.sha256
        assert same.content.id != drawn.content_id
    await gone(site, file)
    await gone(site, drawn)
    assert await site.rows("preview") == 0
    assert await site.rows("content") == 0


async def test_room(site: Site) -> None:
    """C-24: a space has room for so many bytes; what was not asked for for longest gives way."""
    room = msgspec.structs.replace(site.settings, preview_room=4 * (previews.OVERHEAD + 1000))
    site.depot.derived._settings = room
    files = [await site.put(encoded(flag(600 + n)), f"{n}.png") for n in range(7)]
    async with worker_of(site):
        for file in files:
            await picture(site, file)
        assert 3 <= await site.rows("preview") <= 5
        drawn = await job_count(site)
        await picture(site, files[-1])
        assert await job_count(site) == drawn
        await picture(site, files[0])
        assert await job_count(site) == drawn + 1
        # One that alone is larger than the room is still given.
        site.depot.derived._settings = msgspec.structs.replace(room, preview_room=1)
        await picture(site, files[1], Shape(500))
    assert await site.rows("preview") == 1
    await site.sweep(purge_guard=-1)
    assert len([key async for key in site.depot.bucket.keys()]) == 8  # noqa: SIM118


async def test_goes_with_its_content(site: Site) -> None:
    """C-20: no row and no byte of a picture outlives the last file with the content."""
    file = await site.put(IMAGES["png"])
    twin = await site.put(IMAGES["png"], "twin.png")
    async with worker_of(site):
        for side in (10, 20, 30):
            await picture(site, file, Shape(side))
        await gone(site, file)
        assert await site.rows("preview") == 3
        assert (await picture(site, twin, Shape(10))).width == 10
    await gone(site, twin)
    assert await site.rows("preview") == 0
    assert not [key async for key in site.depot.bucket.keys()]  # noqa: SIM118


async def test_versions(site: Site) -> None:
    """DY-77: a new version has a new picture; that of a replaced one can be asked for."""
    file = await site.put(IMAGES["png"])
    async with worker_of(site):
        await picture(site, file)
        await site.depot.intake.replace(site.writer, file.id, chunks(encoded(flag(100, 200))))
        assert (await picture(site, file)).size == (30, 60)
        assert (await picture(site, file, version=1)).size == (60, 34)
        with pytest.raises(VersionNotFound):
            await picture(site, file, version=9)


async def test_who_may(site: Site) -> None:
    """C-03, C-04: a picture is as visible as its file, also when it is there already."""
    mine = await site.put(IMAGES["png"], access=Access.PRIVATE)
    other = await site.newcomer("other", Role.WRITER)
    async with worker_of(site):
        await site.depot.previews.picture(site.writer, mine.id, SMALL)
        with pytest.raises(FileNotFound):
            await site.depot.previews.picture(other, mine.id, SMALL)
        with pytest.raises(FileNotFound):
            await site.depot.previews.picture(await site.other_space(), mine.id, SMALL)
        reader = await site.newcomer("reader2", Role.READER)
        shown = await site.put(IMAGES["jpeg"])
        assert await site.depot.previews.picture(reader, shown.id, SMALL)
        number = shown.content_id
        assert number is not None
        await site.run(lambda tx: contents.mark(tx, number, ContentState.QUARANTINED))
        with pytest.raises(Infected):
            await site.depot.previews.picture(reader, shown.id, SMALL)
        await site.run(lambda tx: contents.mark(tx, number, ContentState.LIVE))
        await site.depot.vault.release(site.writer, shown.id)
        with pytest.raises(FileNotFound):
            await site.depot.previews.picture(reader, shown.id, SMALL)


async def test_waiting(site: Site) -> None:
    """DY-77: without a worker it is said at once; with a busy one after the time, to ask again."""
    file = await site.put(IMAGES["png"])
    with pytest.raises(EngineMissing) as missing:
        await picture(site, file)
    assert missing.value.retry_after
    assert await job_count(site) == 0
    stuck = asyncio.Event()

    async def never(run: Run) -> None:
        stuck.set()
        await asyncio.Event().wait()

    async with worker_of(site, {"preview": never}):
        with pytest.raises(Busy) as busy:
            await picture(site, file, wait=0)
        assert busy.value.retry_after
        await stuck.wait()
    async with worker_of(site):
        assert (await picture(site, file)).size == (60, 34)
    assert await job_count(site) == 1


async def test_queue_is_bounded(site: Site) -> None:
    """C-24: nobody can queue pictures without end."""
    site.depot.previews._settings = msgspec.structs.replace(site.settings, preview_queue=3)
    file = await site.put(IMAGES["png"])

    async def never(run: Run) -> None:
        await asyncio.Event().wait()

    async with worker_of(site, {"preview": never}):
        for side in range(1, 10):
            with pytest.raises(Busy):
                await picture(site, file, Shape(side), wait=0)
    assert await job_count(site) <= 4


async def test_cancelled_while_drawing(site: Site) -> None:
    """C-54: what a worker has drawn for a job that was cancelled is not stored."""
    file = await site.put(IMAGES["png"])
    derived = site.depot.derived
    store = derived.store

    async def cancelled(job: Any, *rest: Any) -> None:
        await site.depot.jobs.cancel(site.manager, job.id)
        with pytest.raises(WrongState):
            await store(job, *rest)

    derived.store = cancelled  # type: ignore[method-assign]
    async with worker_of(site):
        with pytest.raises(WrongState):
            await picture(site, file)
        await asyncio.sleep(0.2)
    assert await site.rows("preview") == 0
    derived.store = store  # type: ignore[method-assign]
    async with worker_of(site):
        assert (await picture(site, file)).size == (60, 34)


async def test_content_gone_while_drawing(site: Site) -> None:
    """C-20: a picture of a content that is being removed is not stored."""
    file = await site.put(IMAGES["png"])
    derived = site.depot.derived
    store = derived.store

    async def late(*all: Any) -> None:
        await gone(site, file)
        await store(*all)

    derived.store = late  # type: ignore[method-assign]
    async with worker_of(site):
        with pytest.raises(FileNotFound):
            await picture(site, file)
    assert await site.rows("content") == 0
    assert await job_count(site, state=JobState.FAILED.value) == 1


async def test_forgotten_jobs(site: Site) -> None:
    """C-54: rows of past jobs go with time, and the pictures stay."""
    file = await site.put(IMAGES["png"])
    async with worker_of(site):
        await picture(site, file)
    await site.sweep(job_history=-1)
    assert await job_count(site) == 0
    assert (await picture(site, file)).size == (60, 34)


async def proven(site: Site, **options: Any) -> dict[str, int]:
    report = await Proof(site.depot.catalog, site.depot.bucket, 0).check(Options(age=0, **options))
    return {kind.value: tally.found for kind, tally in report.tallies.items()}


async def test_proof(site: Site) -> None:
    """C-20, C-25: fsck knows pictures: their references, their bytes, and what they are made of."""
    file = await site.put(IMAGES["png"])
    async with worker_of(site):
        made = await site.depot.previews.picture(site.writer, file.id, SMALL)
        assert await proven(site, rehash=True) == {}
        # Lost bytes: the picture is forgotten and drawn again.
        await site.depot.bucket.delete(made.content.key)
        assert await proven(site) == {"missing_bytes": 1}
        assert await proven(site, repair=True) == {"missing_bytes": 1}
        assert await site.rows("preview") == 0
        await site.sweep(purge_guard=-1)
        assert await proven(site) == {}
        await picture(site, file)
        # A row that names no content, and one whose source is gone.
        await site.run(lambda tx: tx.execute("UPDATE preview SET content_id = content_id + 1", {}))
        assert await proven(site, repair=True) == {"broken_preview": 1}
        await site.sweep(purge_guard=-1)
        assert await proven(site) == {}
        await picture(site, file)
        await site.run(
            lambda tx: tx.execute(
                "UPDATE content SET \"references\" = 7 WHERE state = 'derived'", {}
            )
        )
        assert await proven(site, repair=True) == {"wrong_references": 1}
        assert await proven(site) == {}


async def test_damaged_picture(site: Site) -> None:
    """C-25: a picture whose bytes have changed is not served; it is drawn again."""
    file = await site.put(encoded(paper(INVOICE)), "page.png")
    async with worker_of(site):
        made = await site.depot.previews.picture(site.writer, file.id, Shape(400))
        whole = await bytes_of(made)
        number = made.content.id
        await site.run(lambda tx: contents.mark(tx, number, ContentState.CORRUPT))
        again = await site.depot.previews.picture(site.writer, file.id, Shape(400))
        assert again.content.id != number
        assert await bytes_of(again) == whole
    await site.sweep(purge_guard=-1)
    assert await site.rows("content") == 2


async def test_touched(site: Site) -> None:
    """C-24: what is asked for is younger than what is not, to the day."""
    file = await site.put(IMAGES["png"])
    async with worker_of(site):
        await picture(site, file)
    await site.run(lambda tx: tx.execute("UPDATE preview SET used_at = 5", {}))
    await picture(site, file)
    rows = await site.run(lambda tx: previews.oldest(tx, site.space.id, 5))
    assert rows[0].used_at > 5
