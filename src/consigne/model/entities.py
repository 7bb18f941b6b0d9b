"""The nouns of the vault as immutable values. Times are milliseconds since 1970 (UTC), sizes bytes.

Structs whose docstring says *row* have exactly the columns of their table in ``catalog.schema``, in
that order; a test holds the two together.
"""

import hashlib
from enum import IntFlag, StrEnum

import msgspec

from consigne.model.rights import Role


class State(StrEnum):
    """States of a file (C-14); ``lifecycle.FILE`` says how it moves between them."""

    EXPECTED = "expected"
    HELD = "held"
    KEPT = "kept"
    RELEASED = "released"
    PURGED = "purged"


class UploadState(StrEnum):
    """States of an upload session (C-14); ``lifecycle.UPLOAD`` says how it moves."""

    OPEN = "open"
    RECEIVING = "receiving"
    VERIFYING = "verifying"
    DONE = "done"
    EXPIRED = "expired"
    ABORTED = "aborted"


class Access(StrEnum):
    """Who sees a file (C-03): its owner, every member, or whom its record allows (C-04)."""

    PRIVATE = "private"
    SPACE = "space"
    RECORD = "record"


class Policy(StrEnum):
    """How often a file may be linked (C-11)."""

    SHARED = "shared"
    SINGLE = "single"


class Reason(IntFlag):
    """Why a kept file is kept (C-10); it is released when the last reason goes."""

    OWNER = 1
    YEAR = 2
    LINK = 4
    PIN = 8


class Guard(IntFlag):
    """What stands in the way of delete, release and replace (C-12)."""

    LINKED = 1
    YEAR_CLOSED = 2
    RETENTION = 4
    HOLD = 8

    def names(self) -> list[str]:
        """Return the guards' names in lower case, as answers show them."""
        return [guard.name.lower() for guard in Guard if guard in self and guard.name]


class ContentState(StrEnum):
    """``derived`` bytes were made from another content; they are never shared with files."""

    LIVE = "live"
    DERIVED = "derived"
    DOOMED = "doomed"
    QUARANTINED = "quarantined"
    CORRUPT = "corrupt"


class Content(msgspec.Struct, frozen=True, kw_only=False):
    """Row of ``content``: immutable bytes of one space, shared by reference count.

    ``key`` is the driver's physical key, random and never reused (C-20); ``blocks`` the XXH3-64 of
    each ``block_size`` bytes, big-endian, concatenated.
    """

    id: int
    space_id: int
    sha256: bytes
    md5: bytes
    size: int
    key: str
    block_size: int
    blocks: bytes
    references: int
    state: ContentState
    detected_type: str
    created_at: int
    idle_since: int | None


class Preview(msgspec.Struct, frozen=True):
    """Row of ``preview``: what was made from a content, such as its picture in a shape.

    ``picture_id`` is the content (``derived``) with the made bytes, ``size`` long; ``used_at`` when
    it was asked for last, to the day. It goes with the content, and can be made again. ``pages``:
    how many the document has, None where it has none or nobody has counted them.
    """

    content_id: int
    shape: str
    space_id: int
    picture_id: int
    size: int
    width: int
    height: int
    made_at: int
    used_at: int
    pages: int | None = None


class TextOrigin(StrEnum):
    """Where the text of a content is from: its own bytes, or a recognition of its pictures."""

    LAYER = "layer"
    OCR = "ocr"


class ContentText(msgspec.Struct, frozen=True):
    """Row of ``content_text``: what the search knows of a content's text.

    ``length`` in characters; ``is_cut``: there was more; ``problem``: why there is none, in words
    for people; ``rules`` is ``words.RULES`` when it was indexed.
    """

    content_id: int
    space_id: int
    origin: TextOrigin
    pages: int | None
    length: int
    is_cut: bool
    problem: str | None
    rules: int
    read_at: int


class StoredPassage(msgspec.Struct, frozen=True):
    """Row of ``passage``: a piece of a content's text; ``page`` counts from 1."""

    id: int
    content_id: int
    page: int | None
    body: str


class Space(msgspec.Struct, frozen=True):
    """Row of ``space``: a wall around files, members and a quota.

    ``used`` counts current versions of what is held or kept, ``reserved`` what is arriving,
    ``undo`` replaced versions and released files, which are not charged. A space with
    ``deleted_at`` is closed: nobody has a seat in it, and what is in it goes after a while (C-56).
    """

    id: int
    short: str
    name: str
    quota: int | None
    used: int
    reserved: int
    undo: int
    ocr_credits: int
    signup_open: bool
    created_at: int
    deleted_at: int | None = None


class UsageDay(msgspec.Struct, frozen=True):
    """Row of ``usage_day``: how full a space was on a day, as it was last looked at on it.

    ``day``: ``2026-01-31``, in UTC. ``used``, ``undo``, ``quota`` in bytes, ``files`` what is held
    or kept, ``ocr_credits`` the pages that were left, ``ocr_pages`` those that were read that day.
    """

    space_id: int
    day: str
    used: int
    undo: int
    files: int
    quota: int | None
    ocr_credits: int
    ocr_pages: int


class Principal(msgspec.Struct, frozen=True):
    """Row of ``principal``: a user of the installation (C-01).

    Of one with ``deleted_at`` only the number is left, which the audit trail names (C-56).
    """

    id: int
    email: str
    username: str
    name: str
    password_hash: str | None
    is_active: bool
    is_operator: bool
    home_space_id: int | None
    tokens_valid_from: int
    created_at: int
    deleted_at: int | None = None


class Member(msgspec.Struct, frozen=True):
    """Row of ``member``: a principal's role in a space."""

    space_id: int
    principal_id: int
    role: Role
    created_at: int


class ApiKey(msgspec.Struct, frozen=True):
    """Row of ``api_key``: a bearer key, stored as SHA-256, bound to one space or to none."""

    id: int
    principal_id: int
    space_id: int | None
    name: str
    token_hash: bytes
    hint: str
    methods: str | None
    expires_at: int | None
    created_at: int


class Folder(msgspec.Struct, frozen=True):
    """Row of ``folder`` (C-32)."""

    id: int
    space_id: int
    year_id: int | None
    parent_id: int | None
    name: str
    name_fold: str
    created_by: int
    created_at: int
    updated_by: int | None
    updated_at: int | None


class Year(msgspec.Struct, frozen=True):
    """Row of ``year``: an accounting year. Start and end are date-times as text, with offset."""

    id: int
    space_id: int
    previous_id: int | None
    label: str
    starting_at: str
    ending_at: str
    is_closed: bool
    closed_at: int | None
    created_at: int
    created_by: int
    updated_at: int | None
    updated_by: int | None


class SigningKey(msgspec.Struct, frozen=True):
    """Row of ``signing_key``: a key pair of a principal, bound to one space or to none (C-42)."""

    id: int
    access_key: str
    principal_id: int
    space_id: int | None
    name: str
    sealed: bytes
    expires_at: int | None
    created_at: int


class TokenPair(msgspec.Struct, frozen=True):
    """Row of ``oauth_pair``: an access and a refresh token of a principal, kept as SHA-256.

    ``parent_id``: the pair that was refreshed to this one; ``used_at``: when a token of it was
    first used; ``valid_from``: the principal's ``tokens_valid_from`` when it was issued.
    """

    id: int
    principal_id: int
    client_id: str
    parent_id: int | None
    access_hash: bytes
    access_until: int
    refresh_hash: bytes
    refresh_until: int
    valid_from: int
    created_at: int
    used_at: int | None


class File(msgspec.Struct, frozen=True):
    """Row of ``file``: identity, names, life and the current version of a file.

    ``version`` counts contents from 1 (0: none yet); replaced ones are rows of ``version``.
    ``is_source``: a component's source code (AM-22). ``is_open``: later requests may append to it
    (AM-15). ``meta``: JSON of ``Annotations``, or null.
    """

    id: int
    space_id: int
    owner_id: int | None
    state: State
    access: Access
    policy: Policy
    reasons: Reason
    guards: Guard
    folder_id: int | None
    year_id: int | None
    parent_id: int | None
    name: str
    name_fold: str
    reference: str | None
    declared_type: str | None
    detected_type: str | None
    is_source: bool
    is_open: bool
    was_linked: bool
    version: int
    content_id: int | None
    size: int
    sha256: bytes | None
    md5: bytes | None
    client_hash: str | None
    date: str | None
    created_at: int
    completed_at: int | None
    updated_at: int | None
    updated_by: int | None
    expires_at: int | None
    released_at: int | None
    retain_until: int | None
    hold_reason: str | None
    meta: str | None

    @property
    def etag(self) -> str:
        """The strong entity tag: the SHA-256 in quotes (C-22)."""
        return f'"{self.sha256.hex()}"' if self.sha256 else '""'

    @property
    def revision(self) -> str:
        """A strong tag of the whole row: anything that changes about the file changes it."""
        digest = hashlib.blake2b(msgspec.msgpack.encode(self), digest_size=12)
        return f'"{digest.hexdigest()}"'


class Annotations(msgspec.Struct, frozen=True, omit_defaults=True):
    """What people hang on a file, string metadata and tags, and what was ``found`` in its bytes."""

    fields: dict[str, str] = {}
    tags: list[str] = []
    found: dict[str, str] = {}

    @property
    def known(self) -> dict[str, str]:
        """All fields by name: what people say wins over what was found."""
        return {**self.found, **self.fields} if self.found else self.fields


class Version(msgspec.Struct, frozen=True):
    """Row of ``version``: a replaced version of a file, kept as undo or pinned."""

    file_id: int
    number: int
    content_id: int
    size: int
    name: str
    declared_type: str | None
    detected_type: str | None
    sha256: bytes
    md5: bytes
    pins: int
    created_at: int
    created_by: int | None
    replaced_at: int


class Upload(msgspec.Struct, frozen=True):
    """Row of ``upload``: a session in which bytes arrive, beside or before a file (C-14).

    ``received`` is how many bytes are durable, from the start without a gap; ``stage`` the driver's
    name for the bytes so far; ``holder`` and ``lease_until`` who is writing to it now; ``intent``
    the JSON of the ``Entry`` that the finished file will have. ``is_signed``: its bytes come whole,
    by a signed URL, and wait for finalize. ``asked_at``: when another request asked the holder to
    give way (ms), 0 where none did.
    """

    id: int
    space_id: int
    principal_id: int
    file_id: int | None
    state: UploadState
    client_key: str | None
    length: int | None
    part_size: int | None
    parts_total: int | None
    parts_received: int
    received: int
    reserved: int
    stage: str
    holder: str | None
    lease_until: int
    expires_at: int
    intent: bytes
    created_at: int
    updated_at: int
    is_signed: bool = False
    asked_at: int = 0


class Part(msgspec.Struct, frozen=True):
    """Row of ``part``: one accepted chunk of an upload."""

    upload_id: int
    number: int
    offset: int
    size: int
    sha256: bytes


class Event(msgspec.Struct, frozen=True):
    """Row of ``event``: one state change, written in the transaction that made it (C-50).

    ``sequence`` and ``digest`` are null until the sealer has chained the row.
    """

    id: int
    space_id: int
    at: int
    actor_id: int | None
    action: str
    subject: int | None
    data: str | None
    sequence: int | None
    digest: bytes | None


class JobState(StrEnum):
    """States of a job; the last three are its end."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Failure(msgspec.Struct, frozen=True):
    """Why a job failed: the stable code of an error class and a sentence for people."""

    code: str
    message: str


class Job(msgspec.Struct, frozen=True):
    """Row of ``job``: work for later, and who does it now.

    ``subject`` is the id of the file that it is about; ``key`` names the work, so that it is never
    under way twice; ``payload`` and ``result`` are JSON; ``done`` of ``total`` is the progress;
    ``holder`` and ``lease_until`` who does it now; ``credits`` the OCR pages that it has reserved;
    ``error`` the JSON of a ``Failure``.
    """

    id: int
    space_id: int
    kind: str
    state: JobState
    subject: int | None
    key: str | None
    payload: str
    done: int
    total: int | None
    attempts: int
    max_attempts: int
    run_at: int
    holder: str | None
    lease_until: int
    credits: int
    created_at: int
    created_by: int | None
    started_at: int | None
    ended_at: int | None
    error: str | None
    result: str | None

    @property
    def is_over(self) -> bool:
        return self.ended_at is not None

    @property
    def failure(self) -> Failure | None:
        """Why it failed, where it did."""
        return msgspec.json.decode(self.error, type=Failure) if self.error else None


class Report(msgspec.Struct, frozen=True):
    """Row of ``report``: what a job leaves to be downloaded, such as the rows that it refused.

    The bytes are a content of their own, in the state ``derived``; charged to nobody.
    """

    job_id: int
    space_id: int
    content_id: int
    name: str
    size: int
    made_at: int
