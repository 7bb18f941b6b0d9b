"""Text of images in the formats of telephones and cameras (AR-20)."""

import io
import os

import pytest
from tests.parts.papers import RECEIPT, encoded, encrypted_pdf, error_rate, paper

from consigne.jobs.child import Refused
from consigne.jobs.documents import open_document
from consigne.jobs.ocr_order import Order

AVIF = encoded(paper(RECEIPT, 150).convert("RGB"), "AVIF", quality=80)
JP2 = encoded(paper(RECEIPT, 150), "JPEG2000")


def order(media_type: str, max_pixels: int = 10**8) -> Order:
    return Order(
        task="read", media_type=media_type, languages="fra", max_pages=5, max_pixels=max_pixels,
        memory=1 << 30, cpu=60, page_time=60, parent=os.getpid(),
    )  # fmt: skip


@pytest.mark.parametrize(("media_type", "data"), [("image/avif", AVIF), ("image/jp2", JP2)])
def test_read(media_type: str, data: bytes) -> None:
    """AR-20: AVIF and JPEG 2000 are read like every image."""
    with open_document(io.BytesIO(data), order(media_type)) as document:
        assert document.pages == 1
        text, _ = document.read(0)
    assert error_rate(RECEIPT, text) < 0.1


@pytest.mark.parametrize(("media_type", "data"), [("image/avif", AVIF), ("image/jp2", JP2)])
def test_refused(media_type: str, data: bytes) -> None:
    """AR-20: too many pixels by the header, half a file, and another type than was detected."""
    for bad, pixels in ((data, 1000), (data[:200], 10**8), (encrypted_pdf(), 10**8)):
        with (
            pytest.raises(Refused),
            open_document(io.BytesIO(bad), order(media_type, pixels)) as it,
        ):
            it.read(0)
