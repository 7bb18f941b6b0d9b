"""What the child that reads text is told: one value, as JSON on its command line."""

import msgspec


class TextOrder(msgspec.Struct, frozen=True):
    """``has_rules``: pages are separated as ``markdown`` joins them. ``recognises``: pictures are
    read too, with what follows as in ``ocr_order``. After ``max_length`` characters or ``seconds``
    the rest is left out. Memory in bytes.
    """

    media_type: str
    has_rules: bool
    recognises: bool
    languages: str
    page_time: float
    max_pages: int
    max_pixels: int
    max_length: int
    memory: int
    seconds: float
    cpu: int
    parent: int

    def dump(self) -> str:
        return msgspec.json.encode(self).decode()

    @staticmethod
    def parse(text: str) -> "TextOrder":
        return msgspec.json.decode(text, type=TextOrder)
