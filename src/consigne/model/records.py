"""The nouns of the record model: types with versions, fields, records and links (C-33).

A record type says which fields its records have; changing the fields makes a new version of the
type. A record keeps its values as JSON and its files as links. Canonical values, by kind of field:

=====================  =========================================================================
text longtext          str
email phone            str
int, duration          int (a duration in milliseconds)
double                 int or float
boolean                bool
date                   ``"YYYY-MM-DD"``
timestamp              int, Unix seconds
location               ``{"lat": float, "lng": float, "address"?: str}``
list                   list of option ids
user                   list of principal numbers
relation               ``{"records": [{"id": uuid, "count"?: int}]}``
file image signature   never among the values: rows of ``link``
=====================  =========================================================================

A field with rows (``Layout.has_rows``) has a list of such values, null for an empty row. Structs
whose docstring says *row* have exactly the columns of their table, in that order.
"""

from enum import StrEnum

import msgspec


class FieldKind(StrEnum):
    TAB = "tab"
    FRAME = "frame"
    ARRAY = "array"
    TEXT = "text"
    LONGTEXT = "longtext"
    INT = "int"
    DOUBLE = "double"
    BOOLEAN = "boolean"
    DATE = "date"
    TIMESTAMP = "timestamp"
    EMAIL = "email"
    PHONE = "phone"
    DURATION = "duration"
    LOCATION = "location"
    LIST = "list"
    RELATION = "relation"
    USER = "user"
    FILE = "file"
    IMAGE = "image"
    SIGNATURE = "signature"


FILES = frozenset({FieldKind.FILE, FieldKind.IMAGE, FieldKind.SIGNATURE})
STRUCTURE = frozenset({FieldKind.TAB, FieldKind.FRAME, FieldKind.ARRAY})
# Kinds whose one value is a list already: ``multiple`` says how many entries it may have.
COLLECTIONS = frozenset({FieldKind.LIST, FieldKind.RELATION, FieldKind.USER})


class Option(msgspec.Struct, frozen=True, omit_defaults=True):
    """One choice of a list field; ``external`` is what another system calls it."""

    id: str
    name: str = ""
    external: str | None = None


class Field(msgspec.Struct, frozen=True, omit_defaults=True):
    """One field of a type (DY-60, DX-22).

    ``id`` is the system name as typed, unique without regard to case; ``parent`` the structure it
    stands in; ``visibility`` one of ``WROSHUI``, of which only I protects (DY-57). ``accept``: MIME
    patterns of the detected type or ``.ext`` of the name, one of which must match; ``max_size`` in
    bytes; ``min`` and ``max`` bound numbers and the length of texts; ``max_count`` the filled rows;
    ``constraints`` names functions of plug-ins; ``traits`` are free words for a dialect.
    """

    id: str
    kind: FieldKind
    label: str = ""
    parent: str | None = None
    order: int = 0
    visibility: str = "W"
    multiple: bool = False
    required: bool = False
    editable: bool = True
    in_title: bool = False
    accept: list[str] = []
    max_size: int | None = None
    min: float | None = None
    max: float | None = None
    name_regex: str | None = None
    max_count: int | None = None
    constraints: list[str] = []
    options: list[Option] = []
    traits: dict[str, str] = {}

    @property
    def is_file(self) -> bool:
        return self.kind in FILES


class Acl(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who may do what with the records of a type, or with one record (DY-56).

    Entries are ``user:<email or user name>``, ``role:<role>``, ``group:<name>`` or ``*``. None:
    every member whose role allows it.
    """

    view: list[str] | None = None
    edit: list[str] | None = None
    delete: list[str] | None = None
    create: list[str] | None = None


class RecordState(StrEnum):
    """States of a record: in use, in the trash, or a frozen revision of another one."""

    LIVE = "live"
    TRASHED = "trashed"
    FROZEN = "frozen"


_acl = msgspec.json.Decoder(Acl).decode
_names = msgspec.json.Decoder(list[str]).decode
_values = msgspec.json.Decoder(dict[str, object]).decode


class RecordType(msgspec.Struct, frozen=True):
    """Row of ``record_type``: a family, a structure. ``version`` is the newest one's number;
    ``acl`` and ``hooks`` are JSON (hooks: names of plug-ins and webhooks; none: all)."""

    id: int
    space_id: int
    dialect: str
    name: str
    name_fold: str
    label: str
    version: int
    acl: str
    hooks: str
    created_at: int
    created_by: int | None
    updated_at: int | None

    @property
    def rules(self) -> Acl:
        return _acl(self.acl)

    @property
    def hook_names(self) -> list[str]:
        return _names(self.hooks)


class TypeVersion(msgspec.Struct, frozen=True):
    """Row of ``type_version``: the fields that a type had from then on, as JSON; never changed."""

    type_id: int
    number: int
    fields: str
    created_at: int
    created_by: int | None


class Record(msgspec.Struct, frozen=True):
    """Row of ``record``: a document, a submission.

    ``id`` is its number, small and never reused; ``uuid`` is unique in the space, given by the
    client or made up; ``name`` a logical name, unique in the space without regard to case. ``body``
    is the JSON of the values by field id. ``origin`` is the live record of a frozen revision, null
    of others; ``revision`` counts freezings, and names a frozen one. ``number`` counts the
    records of the space, ``type_number`` those of the type. ``acl`` (JSON) takes the place of the
    type's. The ``data_`` times are the client's word.
    """

    id: int
    space_id: int
    type_id: int
    type_version: int
    uuid: str
    name: str | None
    name_fold: str | None
    title: str
    title_fold: str
    state: RecordState
    origin: int | None
    revision: int
    number: int
    type_number: int
    is_partial: bool
    reference: str | None
    is_reference: bool
    body: str
    acl: str | None
    locked_by: int | None
    created_at: int
    created_by: int | None
    updated_at: int
    updated_by: int | None
    data_created_at: int | None
    data_updated_at: int | None
    latitude: float | None
    longitude: float | None
    trashed_at: int | None

    @property
    def initid(self) -> int:
        """Its own id, or that of the live record of a frozen revision (DY-55)."""
        return self.id if self.origin is None else self.origin

    @property
    def values(self) -> dict[str, object]:
        """The values by field id, hidden ones too."""
        return _values(self.body)

    @property
    def etag(self) -> str:
        """A strong tag of the record's own state; each change gives it another time."""
        return f'"{self.id}-{self.revision}-{self.updated_at}"'

    def rules(self, type: RecordType) -> Acl:
        """Return the record's own ACL, else its type's."""
        return _acl(self.acl) if self.acl is not None else type.rules


class Link(msgspec.Struct, frozen=True):
    """Row of ``link``: a file in a field of a record. ``idx``: the row, -1 in a field without.

    ``is_live`` is 0 in a frozen revision, where ``version`` is the pinned version of the file (0 in
    a live record: the current one); a file has at most one live link. ``reference`` is the text
    under which the record refers to the file, spelled when it entered the field and never again
    (C-31). ``access`` is what the file's was before, for when the link goes.
    """

    record_id: int
    field: str
    idx: int
    space_id: int
    file_id: int
    is_live: bool
    version: int
    reference: str
    name: str | None
    comment: str | None
    access: str
    linked_at: int
    linked_by: int | None


class RecordList(msgspec.Struct, frozen=True):
    """Which records a list has, by number or by title; ``type_id`` None: of all types.

    ``begins``: only those whose folded title begins so; None: all.
    """

    space_id: int
    type_id: int | None = None
    state: RecordState = RecordState.LIVE
    is_reference: bool | None = None
    by_title: bool = False
    descending: bool = False
    begins: str | None = None

    @property
    def shape(self) -> tuple[bool, bool | None, bool, bool, bool]:
        """What the statement depends on, without its parameters."""
        of_type, begins = self.type_id is not None, self.begins is not None
        return of_type, self.is_reference, self.by_title, self.descending, begins


class GroupMember(msgspec.Struct, frozen=True):
    """Row of ``group_member``: a principal in a group of a space, for ACLs."""

    space_id: int
    name: str
    principal_id: int
