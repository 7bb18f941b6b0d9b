"""What others may say about a save: the points at which plug-ins and webhooks are asked (C-53).

Order (DY-58): the bytes are held, ``pre_store``, the constraints, ``pre_insert`` (where a record or
a file comes in), the commit, ``post_store``. All but the last run before the transaction, which
checks versions, lock and room again; text or failure of one of them refuses the save. What
``post_store`` says goes to the caller and changes nothing any more; that it is due is written in
the commit, so that a crash does not lose it.
"""

from collections.abc import AsyncIterator, Callable
from enum import StrEnum
from typing import Protocol

import msgspec

from consigne.catalog.engine import Tx
from consigne.core.records.layout import Layout
from consigne.core.seat import Seat
from consigne.model.entities import File
from consigne.model.records import Field, Record, RecordType

Source = Callable[[], AsyncIterator[bytes]]


class Point(StrEnum):
    PRE_STORE = "pre_store"
    CONSTRAINT = "constraint"
    PRE_INSERT = "pre_insert"
    POST_STORE = "post_store"


class Check(msgspec.Struct, frozen=True):
    """One constraint to be asked: the function's name, the field and row, and what stands there."""

    name: str
    field: Field
    index: int | None
    value: object
    file: File | None


class Occasion(msgspec.Struct, frozen=True):
    """What is about to happen, or has happened: ``action`` is create, change, trash, delete …

    ``record`` is as before the save, after it at ``post_store``, None before a create. ``values``
    are those that the save names; ``files`` those that it brings in, by field and row. ``drafts``
    are the bytes of files that are not stored yet.
    """

    action: str
    seat: Seat
    type: RecordType
    layout: Layout
    record: Record | None
    values: dict[str, object]
    files: dict[tuple[str, int], File]
    checks: list[Check] = []
    drafts: dict[tuple[str, int], Source] = {}


class Answer(msgspec.Struct, frozen=True):
    """What one of the asked says: ``text`` None or empty: nothing. ``failed``: it raised.

    ``check`` is the index in ``Occasion.checks`` that the answer is about.
    """

    text: str | None
    failed: bool = False
    check: int | None = None
    suggests: list[str] = []


class Hooks(Protocol):
    """Whoever asks the plug-ins and webhooks."""

    def concern(self, tx: Tx, type: RecordType, layout: Layout) -> bool:
        """Tell whether anybody wants to be asked about records of this type."""

    async def run(self, point: Point, occasion: Occasion) -> list[Answer]:
        """Ask all who are concerned, in killable child processes, within a time limit."""

    def book(self, tx: Tx, occasion: Occasion) -> None:
        """Write into the transaction of the commit that ``post_store`` is due."""

    async def close(self) -> None:
        """End the processes that were started."""
