"""What a proof asks and finds."""

from collections.abc import Callable
from enum import StrEnum

import msgspec

KEPT_PER_KIND = 1000


class Kind(StrEnum):
    """What can be wrong. ``MEANING`` says it in words."""

    MISSING_BYTES = "missing_bytes"
    WRONG_SIZE = "wrong_size"
    CORRUPT = "corrupt"
    SOUND_AGAIN = "sound_again"
    UNLISTED = "unlisted"
    ORPHAN_BYTES = "orphan_bytes"
    DOOMED_LEFT = "doomed_left"
    WRONG_REFERENCES = "wrong_references"
    BROKEN_FILE = "broken_file"
    BROKEN_VERSION = "broken_version"
    STRAY_VERSION = "stray_version"
    BROKEN_PREVIEW = "broken_preview"
    STRAY_LINK = "stray_link"
    BROKEN_LINK = "broken_link"
    WRONG_REASONS = "wrong_reasons"
    WRONG_PINS = "wrong_pins"
    WRONG_COUNTERS = "wrong_counters"
    WRONG_INDEX = "wrong_index"
    STRAY_STAGE = "stray_stage"
    LOST_PARTS = "lost_parts"
    OVERDUE_UPLOAD = "overdue_upload"
    MISSING_COPY = "missing_copy"
    BROKEN_COPY = "broken_copy"
    STRAY_COPY = "stray_copy"
    ORPHAN_COPY = "orphan_copy"


MEANING = {
    Kind.MISSING_BYTES: "A content's bytes are not in the store.",
    Kind.WRONG_SIZE: "A content's bytes have another length than they had.",
    Kind.CORRUPT: "A content's bytes are not those that came in.",
    Kind.SOUND_AGAIN: "A content is marked corrupt and its bytes are right.",
    Kind.UNLISTED: "The store cannot be listed to its end.",
    Kind.ORPHAN_BYTES: "The store has bytes that no content names.",
    Kind.DOOMED_LEFT: "A content was being removed and is still there.",
    Kind.WRONG_REFERENCES: "A content's reference count is not what refers to it.",
    Kind.BROKEN_FILE: "A file has no content, or disagrees with it.",
    Kind.BROKEN_VERSION: "A replaced version has no content, or disagrees with it.",
    Kind.STRAY_VERSION: "A replaced version belongs to no file.",
    Kind.BROKEN_PREVIEW: "A preview has no bytes, or what it was made from is gone.",
    Kind.STRAY_LINK: "A record links a file that is not there, or is gone itself.",
    Kind.BROKEN_LINK: "A frozen revision shows a version of a file that is gone.",
    Kind.WRONG_REASONS: "A file's reasons and guards are not what links it.",
    Kind.WRONG_PINS: "A version is pinned more or less often than frozen revisions show it.",
    Kind.WRONG_COUNTERS: "A space's counters are not what its files add up to.",
    Kind.WRONG_INDEX: "The search index of a file's metadata or tags is not what the file says.",
    Kind.STRAY_STAGE: "The store has incoming bytes that belong to no upload.",
    Kind.LOST_PARTS: "Parts of an upload were acknowledged and their bytes are gone.",
    Kind.OVERDUE_UPLOAD: "An upload is over and still keeps room reserved.",
    Kind.MISSING_COPY: "A content has no copy in the mirror.",
    Kind.BROKEN_COPY: "A copy's bytes are not the content's.",
    Kind.STRAY_COPY: "The mirror keeps a copy of a content that is gone.",
    Kind.ORPHAN_COPY: "The mirror has bytes that are no content's copy.",
}


class Options(msgspec.Struct, frozen=True):
    """How to check. ``age`` in seconds: younger bytes, stages and ended uploads are left alone;
    0 only where no server runs. ``dry_run``: with ``repair``, change nothing at all. ``mirror``:
    check the copies, too; with ``rehash`` read all of them.
    """

    rehash: bool = False
    repair: bool = False
    dry_run: bool = False
    age: float = 3600.0
    mirror: bool = False

    @property
    def may_repair(self) -> bool:
        return self.repair and not self.dry_run

    @property
    def marks_damage(self) -> bool:
        """Whether damaged contents are marked, so that they are not served or shared any more."""
        return (self.repair or self.rehash) and not self.dry_run


class Finding(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One thing that is wrong. ``id``: of a content, file, space or upload, or a key of the store.

    ``files``: some of the files that are affected, as ``id name``.
    """

    kind: Kind
    id: str
    detail: str
    repairable: bool
    repaired: bool
    files: list[str] = []


class Tally(msgspec.Struct):
    """How many findings of a kind there are, and how many of them are repaired."""

    found: int = 0
    repairable: int = 0
    repaired: int = 0


class Report(msgspec.Struct, kw_only=True):
    """The outcome. ``checked``: number of contents, keys, files … looked at. ``tallies`` count all
    findings; ``findings`` has the first thousand of each kind. Times as in ``model.entities``.
    """

    started_at: int
    rehash: bool
    repair: bool
    dry_run: bool
    age: float
    seconds: float = 0.0
    bytes_read: int = 0
    checked: dict[str, int] = {}
    tallies: dict[Kind, Tally] = {}
    findings: list[Finding] = []

    @property
    def found(self) -> int:
        return sum(tally.found for tally in self.tallies.values())

    @property
    def left(self) -> int:
        """How many findings are not repaired."""
        return sum(tally.found - tally.repaired for tally in self.tallies.values())

    @property
    def clean(self) -> bool:
        """Whether nothing is wrong any more."""
        return self.left == 0

    def count(self, what: str, number: int) -> None:
        self.checked[what] = self.checked.get(what, 0) + number

    def add(self, finding: Finding) -> None:
        tally = self.tallies.setdefault(finding.kind, Tally())
        tally.found += 1
        tally.repairable += finding.repairable
        tally.repaired += finding.repaired
        if tally.found <= KEPT_PER_KIND:
            self.findings.append(finding)


Progress = Callable[[str, int, int], None]
"""Called with the step's name, how much is done, and how much there is (0: unknown)."""


def no_progress(step: str, done: int, total: int) -> None:
    """Show nothing."""
