"""The children that open documents, as the system sees them."""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path


def ocr_children(module: str = "ocr_child") -> dict[int, int]:
    """Return the process ids of all OCR children, or of another module, with that of the process
    that started each.
    """
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue  # it ended while we looked
        if f"consigne.jobs.{module}".encode() in words:
            order = next(word for word in words if word.startswith(b"{"))
            found[int(folder.name)] = json.loads(order)["parent"]
    return found


def session(leader: int) -> list[int]:
    """Return the processes that belong to the session of a child, zombies excepted."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[3]) == leader and fields[0] != "Z":
            found.append(int(stat.parent.name))
    return found


def orphans(module: str = "ocr_child") -> list[int]:
    """Return the OCR children, or those of another module, whose parent is gone."""
    return [child for child, parent in ocr_children(module).items() if not _is_there(parent)]


def until(condition: Callable[[], bool], seconds: float = 10) -> bool:
    """Wait until something holds; say whether it did in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _is_there(process: int) -> bool:
    return os.path.exists(f"/proc/{process}/cmdline")
