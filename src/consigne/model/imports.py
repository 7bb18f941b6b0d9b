"""The nouns of an import: the run, and what became of each row of its file (DX-44)."""

from enum import StrEnum

import msgspec


class Mode(StrEnum):
    """What the rows of an import may be: new records, changes of records, or both (DX-40)."""

    UPSERT = "upsert"
    ADD = "add"
    UPDATE = "update"


class Fault(msgspec.Struct, frozen=True):
    """One thing that is wrong with a row; ``field`` is empty where it is about no cell."""

    field: str
    code: str
    text: str


class ImportRun(msgspec.Struct, frozen=True):
    """Row of ``import_run``: an import, by its job; counts of the rows that are done."""

    job_id: int
    space_id: int
    type_id: int
    file_id: int
    mode: Mode
    succeeded: int
    failed: int


class ImportRow(msgspec.Struct, frozen=True):
    """Row of ``import_row``: what became of the row of the file that starts in a line.

    ``faults`` is the JSON of a list of ``Fault``, None where the row was taken in.
    """

    job_id: int
    line: int
    record_id: int | None
    faults: str | None

    @property
    def found(self) -> list[Fault]:
        return _faults(self.faults) if self.faults else []


_faults = msgspec.json.Decoder(list[Fault]).decode
