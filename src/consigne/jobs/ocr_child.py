"""The child process that reads documents: ``python -m consigne.jobs.ocr_child``.

Nothing that a stranger sent is decoded anywhere else. The one argument is the JSON of ``Order``.
It says (see ``child``)::

    {"pages": 3}                                      once
    {"page": 1, "text": "…", "confidence": 93.1}      per page, for the task "read"
"""

import sys
from collections.abc import Iterator
from typing import Any

from consigne.jobs import child
from consigne.jobs.ocr_order import Order


def main(argv: list[str]) -> None:
    """Do what the order says."""
    order = Order.parse(argv[1])
    child.run(lambda: read(order), memory=order.memory, cpu=order.cpu, parent=order.parent)


def read(order: Order) -> Iterator[dict[str, Any]]:
    """Yield the number of pages and, where that is the task, the pages."""
    from consigne.jobs.documents import open_document

    with open_document(sys.stdin.buffer, order) as document:
        yield {"pages": document.pages}
        if order.task == "read":
            for number in range(document.pages):
                text, confidence = document.read(number)
                yield {"page": number + 1, "text": text, "confidence": confidence}


if __name__ == "__main__":
    main(sys.argv)
