"""The child process that reads text for the search: ``python -m consigne.jobs.text_child``.

The one argument is the JSON of ``TextOrder``. It says (see ``child``)::

    {"page": 1, "body": "…", "words": "… …", "stems": "… …"}    per passage; page may be null
    {"pages": 3, "length": 5210, "cut": false}                  once, at the end
"""

import sys
import time
from collections.abc import Iterator
from typing import Any

from consigne.jobs import child
from consigne.jobs.text_order import TextOrder


def main(argv: list[str]) -> None:
    """Do what the order says."""
    order = TextOrder.parse(argv[1])
    child.run(lambda: read(order), memory=order.memory, cpu=order.cpu, parent=order.parent)


def read(order: TextOrder) -> Iterator[dict[str, Any]]:
    """Yield the passages of a document, then what is known of the whole."""
    from consigne.jobs.extract import pages_of
    from consigne.model.passages import clean_text, passages_of

    deadline = time.monotonic() + order.seconds
    length, last, cut = 0, None, False
    for number, raw in pages_of(sys.stdin.buffer, order):
        last = number
        text = clean_text(raw)
        if length + len(text) > order.max_length:
            text, cut = text[: order.max_length - length], True
        length += len(text)
        for piece in passages_of(text):
            yield {
                "page": number,
                "body": piece.body,
                "words": " ".join(piece.words),
                "stems": " ".join(piece.stems),
            }
        if cut or time.monotonic() > deadline:
            cut = True
            break
    yield {"pages": last, "length": length, "cut": cut}


if __name__ == "__main__":
    main(sys.argv)
