"""What the child that makes pictures is told to do: one value, as JSON on its command line."""

import msgspec

from consigne.model.pictures import Shape


class PictureOrder(msgspec.Struct, frozen=True):
    """``media_type`` is that of the document; memory in bytes, ``cpu`` in seconds."""

    media_type: str
    shape: Shape
    max_pixels: int
    memory: int
    cpu: int
    parent: int

    def dump(self) -> str:
        return msgspec.json.encode(self).decode()

    @staticmethod
    def parse(text: str) -> "PictureOrder":
        return msgspec.json.decode(text, type=PictureOrder)
