"""What the OCR child makes of documents, good and hostile ones, run as the real child process."""

import os
import resource
import tempfile
import time
import zlib
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import msgspec
import pytest
from PIL import Image
from tests.parts import papers
from tests.parts.children import ocr_children, session, until
from tests.parts.papers import INVOICE, RECEIPT, encoded, error_rate, paper, scanned

from consigne.errors import ConsigneError, EngineMissing, Internal, OcrUnreadable, TypeRefused
from consigne.jobs import sandbox
from consigne.jobs.markdown import SEPARATOR, join_pages, to_markdown
from consigne.jobs.ocr import PageProbe, _lines, _order
from consigne.settings import Settings

SETTINGS = Settings(ocr_max_pages=50)
PDF, PNG = "application/pdf", "image/png"
SCANS = {
    "clean-100": (RECEIPT, {"dpi": 100}, {}, 0.05),
    "clean-200": (INVOICE, {"dpi": 200}, {}, 0.02),
    "clean-300": (RECEIPT, {"dpi": 300}, {}, 0.02),
    "noisy-200": (INVOICE, {"dpi": 200}, {"noise": 0.03, "skew": 3.0}, 0.05),
    "noisy-300": (RECEIPT, {"dpi": 300}, {"noise": 0.05, "skew": -5.0}, 0.05),
    "jpeg-150": (INVOICE, {"dpi": 150}, {"noise": 0.01, "skew": 2.0, "quality": 40}, 0.1),
    "upside-down": (RECEIPT, {"dpi": 200}, {"turn": 180}, 0.05),
    "on-its-side": (INVOICE, {"dpi": 200}, {"turn": 90, "skew": 1.0}, 0.05),
}


async def given(data: bytes) -> AsyncIterator[bytes]:
    for at in range(0, len(data), 1 << 20):
        yield data[at : at + (1 << 20)]


async def count(data: bytes, media_type: str = PDF, settings: Settings = SETTINGS) -> int:
    """Count pages as a request does."""
    return await PageProbe(settings)(media_type, given(data))


async def read(data: bytes, media_type: str = PDF, settings: Settings = SETTINGS) -> list[str]:
    """Read all pages as a worker does."""
    order = _order(settings, "read", media_type, round(settings.ocr_page_time) + 1)
    with tempfile.TemporaryFile() as document:
        document.write(data)
        document.seek(0)
        limits = sandbox.Limits(settings.ocr_page_time, 1 << 20)
        return [line.text async for line in _lines(document, order, limits) if line.page]


@pytest.mark.parametrize("name", SCANS)
async def test_scans(name: str) -> None:
    """AR-20: scans of French invoices and receipts are read, also skewed, specked and turned."""
    text, drawn, seen, bound = SCANS[name]
    [page] = await read(encoded(scanned(paper(text, **drawn), **seen)), PNG)
    assert error_rate(text, page) < bound


async def test_text_layer() -> None:
    """AR-20: a page with a text layer is read from it, exactly; one without is recognised."""
    assert await read(papers.text_pdf([INVOICE])) == [INVOICE]
    pages = [paper(INVOICE, 150), paper(RECEIPT, 150)]
    data = papers.scan_pdf(pages, 150)
    assert await count(data) == 2
    found = await read(data)
    assert [error_rate(*pair) < 0.05 for pair in zip([INVOICE, RECEIPT], found, strict=True)]


async def test_frames() -> None:
    """AR-22: each frame of an image is a page."""
    sheets = [paper(INVOICE, 100), paper(RECEIPT, 100)]
    data = encoded(sheets[0], "TIFF", save_all=True, append_images=sheets[1:])
    assert await count(data, "image/tiff") == 2
    first, second = await read(data, "image/tiff")
    assert "FACTURE" in first
    assert "BOULANGERIE" in second


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "GIF", "BMP", "WEBP"])
async def test_formats(kind: str) -> None:
    """AR-20: raster images of the usual formats count as one page."""
    assert await count(encoded(paper("Bonjour", 50), kind), f"image/{kind.lower()}") == 1


@pytest.mark.parametrize("mode", ["1", "P", "RGB", "RGBA", "LA", "I;16"])
async def test_colours(mode: str) -> None:
    """AR-20: colours, palettes, depths and transparency do not matter."""
    sheet = paper("Facture payée le 3 février\nMontant total 541,56 €", 150).crop((0, 0, 1000, 500))
    if mode == "I;16":
        sheet = sheet.convert("I").point(lambda shade: shade * 257).convert("I;16")
    elif mode in ("RGBA", "LA"):
        ink = Image.new("L", sheet.size, 0)
        ink.putalpha(sheet.point(lambda shade: 255 - shade))
        sheet = ink.convert(mode)
    else:
        sheet = sheet.convert(mode)
    [page] = await read(encoded(sheet), PNG)
    assert "541,56" in page


async def test_blank_page() -> None:
    """AR-20: a page without a letter is an empty page, not a failure."""
    assert await read(encoded(Image.new("L", (800, 1000), 255)), PNG) == [""]


def png_of(width: int, height: int) -> bytes:
    """Return the head of a picture that claims to be huge."""
    small = encoded(Image.new("1", (8, 8)))
    head = width.to_bytes(4, "big") + height.to_bytes(4, "big") + small[24:29]
    return small[:16] + head + zlib.crc32(b"IHDR" + head).to_bytes(4, "big") + small[33:]


REFUSED = {
    "encrypted": (papers.encrypted_pdf(), PDF, "encrypted"),
    "no pdf": (b"%PDF-1.7\nnothing", PDF, "damaged"),
    "truncated pdf": (papers.text_pdf([INVOICE] * 3)[:300], PDF, "damaged"),
    "10,000 pages": (papers.text_pdf(["x"] * 10_000), PDF, "10000 pages"),
    "huge picture": (png_of(60_000, 60_000), PNG, "pixels"),
    "flat picture": (png_of(2_000_000_000, 2_000_000_000), PNG, "pixels"),
    "no picture": (b"\x89PNG\r\n\x1a\n" + bytes(100), PNG, "damaged"),
    "wrong type": (encoded(Image.new("L", (9, 9)), "GIF"), PNG, "damaged"),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_refused(name: str) -> None:
    """AR-20: what cannot be read is refused by the probe already, in words, and quickly."""
    data, media_type, words = REFUSED[name]
    before = time.monotonic()
    with pytest.raises(OcrUnreadable) as refusal:
        await count(data, media_type)
    assert words in refusal.value.message
    assert time.monotonic() - before < 10


async def test_truncated_picture() -> None:
    """AR-20: a picture that ends early is refused when its pixels are read."""
    data = encoded(paper(INVOICE, 150), "JPEG")
    with pytest.raises(OcrUnreadable):
        await read(data[: len(data) // 2], "image/jpeg")


async def test_unknown_type() -> None:
    """AR-20: other types are no documents."""
    with pytest.raises(TypeRefused):
        await count(b"x", "text/html")


@pytest.mark.parametrize("side", [20_000, 60_000])
async def test_bomb(side: int) -> None:
    """AR-20: a PDF with a picture of gigabytes in some kilobytes ends within the limits."""
    packed = papers.zeros(side * side)
    assert len(packed) < 200_000
    data = papers.picture_pdf(side, side, packed, "/FlateDecode /RunLengthDecode")
    settings = msgspec.structs.replace(SETTINGS, ocr_page_time=20)
    before = time.monotonic()
    outcome: list[str] | ConsigneError
    try:
        outcome = await read(data, PDF, settings)
    except ConsigneError as error:
        outcome = error
    # pdfium leaves out pictures that are too large; then the page is empty.
    assert outcome == [""] or isinstance(outcome, OcrUnreadable), outcome
    assert time.monotonic() - before < 40
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss << 10
    assert peak <= settings.ocr_memory


async def test_time_is_limited() -> None:
    """AR-20: a document that takes too long is given up, with its whole family of processes."""
    data = encoded(scanned(paper(INVOICE, 300), noise=0.05, skew=4), "PNG")
    settings = msgspec.structs.replace(SETTINGS, ocr_page_time=0.2)
    with pytest.raises(OcrUnreadable):
        await read(data, PNG, settings)


@pytest.mark.parametrize("size", [(1, 1), (8, 8), (3, 4000), (12, 9000), (9000, 12)])
async def test_odd_sizes(size: tuple[int, int]) -> None:
    """AR-20: pictures of odd sizes are empty pages."""
    assert await read(encoded(Image.new("L", size, 255)), PNG) == [""]


async def test_no_engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """AR-22: without Tesseract a scan fails as such; a text layer can be read all the same."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EngineMissing):
        await read(encoded(paper(RECEIPT, 100)), PNG)
    assert await read(papers.text_pdf([RECEIPT])) == [RECEIPT]


async def test_no_language() -> None:
    """AR-22: a language without data is a missing engine."""
    settings = msgspec.structs.replace(SETTINGS, ocr_languages="xyz")
    with pytest.raises(EngineMissing, match="xyz"):
        await read(encoded(paper(RECEIPT, 100)), PNG, settings)


async def test_nobody_waits() -> None:
    """C-54: when nobody waits for it any more, a child ends with all that it has started."""
    data = encoded(scanned(paper(INVOICE, 300), noise=0.05, skew=4), "PNG")
    with tempfile.TemporaryFile() as document:
        document.write(data)
        document.seek(0)
        order = _order(SETTINGS, "read", PNG, 60)
        async with aclosing(_lines(document, order, sandbox.Limits(60, 1 << 20))) as lines:
            assert (await anext(lines)).pages == 1
            mine = [child for child, parent in ocr_children().items() if parent == os.getpid()]
            [child] = mine
            assert until(lambda: len(session(child)) > 1), "no engine was started"
    assert until(lambda: not session(child), 2)


async def test_killed_child(monkeypatch: pytest.MonkeyPatch) -> None:
    """C-54: a child that somebody kills is a failed attempt, not an unreadable document."""
    monkeypatch.setattr("consigne.jobs.ocr._CHILD", "tests.parts.killed_child")
    monkeypatch.setattr("consigne.jobs.sandbox._ISOLATED", ())
    with pytest.raises(Internal):
        await read(papers.text_pdf(["x"]))


def test_markdown() -> None:
    """AR-20: only the separator of pages is a rule; what looks like Markdown is escaped."""
    text = to_markdown("# Titre\n---\n<script>x</script>\tfin\r\n\n\n\n> cité\x00")
    assert text == "\\# Titre\n\\---\n\\<script>x\\</script> fin\n\n\\> cité"
    assert join_pages(["a", "b"]) == f"a{SEPARATOR}b" == "a\n\n---\n\nb"
