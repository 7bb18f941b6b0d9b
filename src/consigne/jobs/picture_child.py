"""The child process that makes pictures: ``python -m consigne.jobs.picture_child``.

The one argument is the JSON of ``PictureOrder``. It says (see ``child``)::

    {"width": 200, "height": 112, "pages": 3}   once; pages null of an image
    {"data": "…"}                               the encoded picture, in pieces, as base64
"""

import sys
from base64 import b64encode
from collections.abc import Iterator
from typing import Any

from consigne.jobs import child
from consigne.jobs.picture_order import PictureOrder

_PIECE = 768 << 10


def main(argv: list[str]) -> None:
    """Do what the order says."""
    order = PictureOrder.parse(argv[1])
    child.run(lambda: draw(order), memory=order.memory, cpu=order.cpu, parent=order.parent)


def draw(order: PictureOrder) -> Iterator[dict[str, Any]]:
    """Yield the size of the picture, then its bytes."""
    from consigne.jobs.pictures import draw, encode

    picture, pages = draw(sys.stdin.buffer, order.media_type, order.shape, order.max_pixels)
    data = encode(picture, order.shape.format)
    yield {"width": picture.width, "height": picture.height, "pages": pages}
    for at in range(0, len(data), _PIECE):
        yield {"data": b64encode(data[at : at + _PIECE]).decode()}


if __name__ == "__main__":
    main(sys.argv)
