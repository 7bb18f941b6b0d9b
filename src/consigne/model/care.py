"""What is remembered of the care for stored bytes: passes of the scrub and what they found."""

from enum import StrEnum

import msgspec


class Place(StrEnum):
    """Where bytes were found wanting: in the store that is served from, or in the mirror."""

    STORE = "store"
    MIRROR = "mirror"


class ScrubPass(msgspec.Struct, frozen=True):
    """Row of ``scrub_pass``: one reading of everything that was there when it began.

    ``last_id``: the content up to which all have been read. ``total``: how many there were at the
    beginning; ``checked`` and ``size``: contents and bytes read so far, of the mirror too.
    ``found`` and ``repaired``: findings, and those put right. ``copied``: contents that the mirror
    lacked. ``ended_at`` None: it is not over. Times in milliseconds.
    """

    number: int
    started_at: int
    ended_at: int | None
    last_id: int
    total: int
    checked: int
    size: int
    found: int
    repaired: int
    copied: int


class ScrubFinding(msgspec.Struct, frozen=True):
    """Row of ``scrub_finding``: a content whose bytes a pass found damaged or missing.

    ``problem`` as in ``blobs.bucket.Verdict``, or ``unreadable``.
    """

    id: int
    pass_number: int
    content_id: int
    space_id: int
    place: Place
    problem: str
    is_repaired: bool
    found_at: int
