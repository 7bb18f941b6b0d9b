"""What no picture is made of, and that nothing is left of the attempt."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from picture_support import flag, png_of_size
from PIL import Image
from tests.parts.children import ocr_children, until
from tests.parts.papers import encoded, encrypted_pdf, picture_pdf, text_pdf, zeros
from tests.parts.sites import Site
from tests.parts.working import worker_of

from consigne.catalog import jobs
from consigne.core.entry import Entry
from consigne.errors import DocumentUnreadable, FileNotFound, TypeRefused
from consigne.jobs.picture_order import PictureOrder
from consigne.model.entities import JobState
from consigne.model.pictures import Shape

SHAPE = Shape(60, 60)
WHOLE = encoded(flag())
JPEG = encoded(flag(), "JPEG", quality=95)
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="9"><script>alert(1)</script></svg>'
HTML = b"<!DOCTYPE html><html><body><script>alert(1)</script></body></html>"


async def count(site: Site, **where: str) -> int:
    return await site.depot.catalog.read(lambda tx: jobs.count(tx, kind="preview", **where))


@pytest.mark.parametrize(
    ("name", "data"),
    [("a.svg", SVG), ("a.html", HTML), ("a.txt", b"plain"), ("a.png", SVG),
     ("a.zip", b"PK\5\6" + bytes(18)),
     ("a.xml", b"<?xml version='1.0'?><a/>"), ("empty.png", b"")],
)  # fmt: skip
async def test_types(site: Site, name: str, data: bytes) -> None:
    """DY-77: by its bytes, whatever its name: what a browser would run is never drawn."""
    file = await site.put(data, name, declared_type="image/png")
    async with worker_of(site):
        with pytest.raises(TypeRefused):
            await site.depot.previews.picture(site.writer, file.id, SHAPE)
    assert await count(site) == 0


UNREADABLE = {
    "truncated.png": WHOLE[: len(WHOLE) // 2],
    "truncated.jpeg": JPEG[: len(JPEG) // 3],
    "head.jpeg": JPEG[:40],
    "garbage.pdf": b"%PDF-1.7\n" + os.urandom(3000),
    "encrypted.pdf": encrypted_pdf(),
    "large.png": png_of_size(50_000, 50_000),
    "long.png": png_of_size(1, 2_000_000_000),
    "more than allowed.png": png_of_size(3200, 3200),
    "garbage.webp": b"RIFF\x24\0\0\0WEBPVP8 " + os.urandom(24),
    "garbage.tiff": b"II*\0\x08\0\0\0" + os.urandom(200),
    "garbage.bmp": encoded(flag(), "BMP")[:60],
    "garbage.avif": encoded(flag(), "AVIF")[:300],
    "garbage.jp2": encoded(flag(), "JPEG2000")[:100],
}


@pytest.mark.parametrize("name", UNREADABLE)
async def test_unreadable(site: Site, name: str) -> None:
    """DY-77: what is damaged, locked or too large is refused clearly, once, and leaves nothing."""
    file = await site.put(UNREADABLE[name], name)
    async with worker_of(site):
        for shape in (SHAPE, SHAPE, Shape(5)):
            with pytest.raises(DocumentUnreadable) as refusal:
                await site.depot.previews.picture(site.writer, file.id, shape)
            assert refusal.value.message.endswith(".")
            assert "Traceback" not in refusal.value.message
    assert (await count(site, state=JobState.FAILED.value), await count(site)) == (1, 1)
    assert await site.rows("preview") == 0
    assert await site.rows("content") == 1


async def test_forgiven_after_a_day(site: Site) -> None:
    """DY-77: what could not be read is tried again the day after, as limits may have changed."""
    file = await site.put(UNREADABLE["truncated.png"])
    async with worker_of(site):
        for _ in range(2):
            with pytest.raises(DocumentUnreadable):
                await site.depot.previews.picture(site.writer, file.id, SHAPE)
            await site.run(
                lambda tx: tx.execute("UPDATE job SET ended_at = ended_at - 86400000", {})
            )
    assert await count(site, state=JobState.FAILED.value) == 2


async def test_bombs(site: Site) -> None:
    """DY-77: a little that becomes much stops at the limits of memory and time."""
    side = 20_000
    bombs = {
        "flate.pdf": picture_pdf(side, side, zeros(side * side), "/FlateDecode /RunLengthDecode"),
        "pixels.png": encoded(Image.new("1", (3100, 3100))),
        "objects.pdf": text_pdf(["x " * 200_000]),
    }
    narrow = msgspec.structs.replace(
        site.settings, preview_memory=256 << 20, preview_time=5, preview_max_pixels=1_000_000
    )
    site.store.settings = narrow
    async with worker_of(site):
        for name, data in bombs.items():
            file = await site.put(data, name)
            try:
                await site.depot.previews.picture(site.writer, file.id, SHAPE)
            except DocumentUnreadable:
                assert name != "objects.pdf"
            else:
                assert name != "pixels.png"
    assert until(lambda: not ocr_children("picture_child"))


async def test_large_files(site: Site) -> None:
    """DY-77: a file beyond the limit of bytes is refused before anything is started."""
    site.depot.previews._settings = msgspec.structs.replace(site.settings, preview_max_size=1000)
    file = await site.put(encoded(flag(), "BMP"))
    async with worker_of(site):
        with pytest.raises(DocumentUnreadable):
            await site.depot.previews.picture(site.writer, file.id, SHAPE)
    assert await count(site) == 0


async def test_no_content(site: Site) -> None:
    """C-14: a file that expects its content has no picture."""
    year = await site.depot.years.create(
        site.manager, label="2026", starting_at="2026-01-01", ending_at="2026-12-31"
    )
    entry = await site.depot.shelf.create(site.writer, year.id, Entry(name="a.png"))
    with pytest.raises(FileNotFound):
        await site.depot.previews.picture(site.writer, entry.id, SHAPE)


def test_the_child_is_confined(tmp_path: Path) -> None:
    """C-54: no decoder is loaded before the limits stand; no file can be written from there."""
    document = tmp_path / "a.png"
    document.write_bytes(WHOLE)
    order = PictureOrder("image/png", SHAPE, 10**7, 512 << 20, 10, os.getpid()).dump()
    script = (
        "import sys, resource\n"
        "from consigne.jobs import confined, picture_child\n"
        "seen = []\n"
        "real = confined.confine\n"
        "def confine(*a, **k):\n"
        "    seen.append([m for m in sys.modules if m.startswith(('PIL', 'pypdfium2'))])\n"
        "    real(*a, **k)\n"
        "confined.confine = confine\n"
        "import os\n"
        "def end(status):\n"
        "    sys.stderr.write(repr((seen, resource.getrlimit(resource.RLIMIT_FSIZE))))\n"
        "    sys.stderr.flush()\n"
        "    os.kill(os.getpid(), 9)\n"
        "os._exit = end\n"
        "picture_child.main(sys.argv)\n"
    )
    with document.open("rb") as source:
        done = subprocess.run(
            [sys.executable, "-c", script, order], stdin=source, capture_output=True, timeout=60,
            check=False,
        )  # fmt: skip
    assert done.returncode == -signal.SIGKILL
    assert done.stderr.decode() == "([[]], (0, 0))"
    assert b'"width": 60' in done.stdout
