"""What a new file will be: the wishes that a dialect hands to the core beside the bytes."""

from collections.abc import AsyncIterable, Mapping
from typing import Any

import msgspec

from consigne.errors import BadName, BadParameter, DigestMismatch
from consigne.model.entities import Access, Annotations, File, Policy, Reason
from consigne.model.names import clean_name, extension_of
from consigne.model.records import Record

MAX_FIELDS = 64
MAX_KEY = 64
MAX_VALUE = 1024
MAX_TAG = 64
RESERVED_FIELDS = frozenset({"userId", "fileId", "hashState", "tmp"})

Source = AsyncIterable[bytes]


class Entry(msgspec.Struct, frozen=True, omit_defaults=True):
    """Names, visibility and place of a file to be.

    ``hold`` leaves it temporary until something claims it or ``expires_at`` (ms) is over.
    ``declared_type`` is the client's word, kept beside the detected type; ``guess_type`` declares
    what the name promises where neither the client nor the bytes say anything; ``fallback`` is the
    name, without extension, of a file that has none, which ``is_named_by_id`` makes its UUID.
    ``is_partial``: the bytes are a piece of another file and never become one by themselves
    (``core.joining``). ``words`` is what a dialect needs to say about its session again.
    """

    name: str = ""
    fallback: str = "file"
    is_named_by_id: bool = False
    declared_type: str | None = None
    access: Access = Access.SPACE
    policy: Policy = Policy.SHARED
    reasons: Reason = Reason.OWNER
    folder_id: int | None = None
    year_id: int | None = None
    parent_id: int | None = None
    reference: str | None = None
    client_hash: str | None = None
    hold: bool = False
    expires_at: int | None = None
    is_source: bool = False
    is_open: bool = False
    guess_type: bool = False
    fields: dict[str, str] = {}
    tags: list[str] = []
    is_partial: bool = False
    words: str = ""

    def clean(self) -> "Entry":
        """Return the entry under the core's rules for names, types, fields and tags.

        Raises BadName, BadParameter.
        """
        name = clean_name(self.name)
        if self.name and not name:
            raise BadName(
                "The name has no visible character left after cleaning.", parameter="name"
            )
        check_annotations(Annotations(self.fields, self.tags))
        check_text(self.reference, "reference")
        check_text(self.client_hash, "hash")
        check_access(self.access)
        return msgspec.structs.replace(
            self,
            name=name or self.fallback,
            is_named_by_id=self.is_named_by_id and not name,
            declared_type=clean_type(self.declared_type),
            tags=sorted(set(self.tags)),
        )

    @property
    def meta(self) -> str | None:
        """The JSON that the file's row carries."""
        return encode_annotations(Annotations(self.fields, self.tags))


entry_of = msgspec.json.Decoder(Entry).decode
"""Return the entry in an upload's ``intent``."""


class Once(msgspec.Struct, frozen=True):
    """An idempotency key of a client, and the route that it was sent to."""

    key: str
    route: str


class Precondition(msgspec.Struct, frozen=True):
    """What a file or record must still be for a change to happen: one of these entity tags.

    A tag names the content (``File.etag``), the whole row (``File.revision``) or the record
    (``Record.etag``); RFC 9110, section 13.1. ``number``: and it must have this id.
    """

    etags: frozenset[str]
    number: int | None = None

    def holds(self, thing: File | Record) -> bool:
        if self.number not in (None, thing.id):
            return False
        return "*" in self.etags or thing.etag in self.etags or thing.revision in self.etags


def encode_annotations(notes: Annotations) -> str | None:
    """Return annotations as JSON text, None where there are none."""
    told = notes.fields or notes.tags or notes.found
    return msgspec.json.encode(notes).decode() if told else None


def check_annotations(notes: Annotations) -> None:
    """Raise BadParameter where fields or tags are too many, too long or reserved."""
    if len(notes.fields) > MAX_FIELDS or len(notes.tags) > MAX_FIELDS:
        raise BadParameter(f"At most {MAX_FIELDS} fields and tags.", parameter="fields")
    for key, value in notes.fields.items():
        if not key or len(key) > MAX_KEY or not key.isprintable() or key in RESERVED_FIELDS:
            raise BadParameter(f"The metadata key {key!r} is not allowed.", parameter="fields")
        if len(value) > MAX_VALUE or "\0" in value:
            raise BadParameter(
                f"The value of {key!r} is longer than {MAX_VALUE} characters.", parameter="fields"
            )
    for tag in notes.tags:
        if not tag or len(tag) > MAX_TAG or not tag.isprintable():
            raise BadParameter(f"The tag {tag!r} is not allowed.", parameter="tags")


def check_access(access: Access) -> None:
    """Raise BadParameter where a file is to be as visible as a record that it has not got."""
    if access is Access.RECORD:
        raise BadParameter("A file gets this access by being linked.", parameter="access")


def check_text(text: str | None, parameter: str) -> None:
    """Raise BadParameter where a free text is too long or has a NUL, which no database likes."""
    if text is not None and (len(text) > MAX_VALUE or "\0" in text):
        raise BadParameter(
            f"The {parameter} is longer than {MAX_VALUE} characters.", parameter=parameter
        )


def clean_type(text: str | None) -> str | None:
    """Return a declared media type as it is kept: printable, at most 255 characters, or None."""
    if text is None:
        return None
    text = text.strip()
    if not text or len(text) > 255 or not text.isascii() or not text.isprintable():
        return None
    essence = text.partition(";")[0].strip()
    main, slash, sub = essence.partition("/")
    return text if slash and main and sub and " " not in essence else None


def check_digests(expected: Mapping[str, bytes], actual: Mapping[str, bytes]) -> None:
    """Raise DigestMismatch for the first expected digest that the bytes do not have."""
    for algorithm, wanted in expected.items():
        found = actual.get(algorithm)
        if found is not None and found != wanted:
            raise DigestMismatch(
                f"The bytes received do not have the announced {algorithm} digest.",
                hint="Send the file again.",
                algorithm=algorithm,
                expected=wanted.hex(),
                actual=found.hex(),
            )


def default_name(entry: Entry, extension: str) -> Entry:
    """Return the entry with an extension added to a name that was made up."""
    if not extension or extension_of(entry.name):
        return entry
    return msgspec.structs.replace(entry, name=f"{entry.name}.{extension}")


def event_data(**facts: Any) -> str:
    """Return the facts of an event as JSON text."""
    return msgspec.json.encode(facts).decode()
