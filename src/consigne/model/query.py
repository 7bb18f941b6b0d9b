"""What a list asks for, as values: filters, order, page. The catalog turns them into statements."""

from enum import StrEnum

import msgspec

from consigne.model.entities import Access, State


class Op(StrEnum):
    """How a field is compared. A field that a file does not have matches under no operator."""

    EQUAL = "="
    DIFFERENT = "!="
    CONTAINS = "~"
    LACKS = "!~"
    ABOVE = ">"
    FROM = ">="
    BELOW = "<"
    UPTO = "<="


class Field(StrEnum):
    """What can be filtered and sorted by; metadata fields are ``meta.<key>`` beside these."""

    ID = "id"
    NAME = "name"
    TYPE = "type"
    SIZE = "size"
    CREATED = "created_at"
    COMPLETED = "completed_at"
    UPDATED = "updated_at"
    SHA256 = "sha256"
    MD5 = "md5"
    OWNER = "owner"
    REFERENCE = "reference"
    DATE = "date"
    TAG = "tag"
    NOTHING = "nothing"  # a field that no file has


class Term(msgspec.Struct, frozen=True):
    """One comparison. ``key`` is the metadata key where ``field`` is None. Sizes and times are
    integers, digests bytes, everything else text. ``CONTAINS`` ignores case; a range is two terms.
    Its text is looked for in the hexadecimal spelling of a digest and in the UUID of an id.
    ``unit``: integers are compared after whole division by it (86,400,000: days of times).
    """

    field: Field | None
    op: Op
    value: int | str | bytes
    key: str = ""
    unit: int = 1


class Order(msgspec.Struct, frozen=True):
    """One sort key; ``key`` as in ``Term``."""

    field: Field | None
    descending: bool = False
    key: str = ""


class Scope(msgspec.Struct, frozen=True):
    """Which files are looked at before any filter.

    ``owner`` narrows to one principal's own; ``sees`` is a principal who sees his own files and
    those open to the space (None: all of them). ``sources`` tells whether component sources count.
    ``now`` (ms) leaves out held files whose time is over, though the sweeper has not come by yet.
    """

    space_id: int
    states: tuple[State, ...] = (State.KEPT,)
    owner: int | None = None
    sees: int | None = None
    sources: bool = True
    folder_id: int | None = None
    in_root: bool = False
    year_id: int | None = None
    access: Access | None = None
    now: int | None = None


class Query(msgspec.Struct, frozen=True):
    """A list: scope, filters (all must hold), order (ties by id), and either offset or cursor.

    ``after`` is the last row of the page before: its value for each sort key, then its id.
    """

    scope: Scope
    terms: tuple[Term, ...] = ()
    order: tuple[Order, ...] = ()
    limit: int | None = 100
    offset: int = 0
    after: tuple[int | str | bytes | None, ...] | None = None
