"""What the child processes have in common that open strangers' documents.

The document is standard input (a regular file, so that it can be read in any order). A child takes
limits upon itself before it touches the document, and writes one JSON object per line; instead of
the rest ``{"error": "unreadable", "message": "…"}`` where the document is refused.
"""

import json
import os
import signal
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from consigne.jobs import confined

UNREADABLE = "unreadable"
TOO_MANY_PIXELS = "too_many_pixels"


class Refused(Exception):
    """The document cannot be read. ``code``: ``unreadable``, or that of a class of
    ``consigne.errors``.
    """

    def __init__(self, message: str, code: str = UNREADABLE) -> None:
        super().__init__(message)
        self.code = code


def run(
    work: Callable[[], Iterable[Mapping[str, Any]]], *, memory: int, cpu: int, parent: int
) -> None:
    """Take limits upon this process, say what ``work`` yields, and end with status 0.

    ``work`` imports the libraries that strangers aim at only when it is called, under the limits.
    ``memory`` in bytes, ``cpu`` in seconds, ``parent`` the process without which this one ends.
    """
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    confined.confine(memory, cpu, orphan_of=parent)
    try:
        for facts in work():
            _say(facts)
    except Refused as refusal:
        _say({"error": refusal.code, "message": str(refusal)})
    except MemoryError:
        text = "The document needs more memory than is allowed."
        _say({"error": UNREADABLE, "message": text})
    sys.stdout.flush()
    # Libraries that choked on a document must not get the chance to hang while they tidy up.
    os._exit(0)


def _say(facts: Mapping[str, Any]) -> None:
    sys.stdout.write(json.dumps(facts, ensure_ascii=True) + "\n")
    sys.stdout.flush()
