"""The child process that opens documents: ``python -m consigne.jobs.ocr_child``.

Nothing that a stranger sent is decoded anywhere else. The document is standard input (a regular
file, so that it can be read in any order); the one argument is the JSON of ``Order``. The child
takes limits upon itself before it touches the document, and writes one JSON object per line::

    {"pages": 3}                                      once
    {"page": 1, "text": "…", "confidence": 93.1}      per page, for the task "read"
    {"error": "ocr_unreadable", "message": "…"}       instead of the rest
"""

import json
import os
import signal
import sys
from typing import Any

from consigne.jobs import confined
from consigne.jobs.ocr_order import Order


def main(argv: list[str]) -> int:
    """Do what the order says; return the exit status, 0 also where the document was refused."""
    order = Order.parse(argv[1])
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    confined.confine(order.memory, order.cpu, orphan_of=order.parent)
    # Imported under the limits already: these are the libraries that strangers aim at.
    from consigne.jobs.documents import Refused, open_document

    try:
        with open_document(sys.stdin.buffer, order) as document:
            _say(pages=document.pages)
            if order.task == "read":
                for number in range(document.pages):
                    text, confidence = document.read(number)
                    _say(page=number + 1, text=text, confidence=confidence)
    except Refused as refusal:
        _say(error=refusal.code, message=str(refusal))
    except MemoryError:
        _say(error="ocr_unreadable", message="The document needs more memory than is allowed.")
    sys.stdout.flush()
    # Libraries that choked on a document must not get the chance to hang while they tidy up.
    os._exit(0)


def _say(**facts: Any) -> None:
    sys.stdout.write(json.dumps(facts, ensure_ascii=True) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv))
