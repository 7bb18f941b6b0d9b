"""What is remembered of the care for stored bytes: passes of the scrub, stores and copies."""

from enum import StrEnum

import msgspec

ALL = 1 << 62
"""Where what is counted is counted to: to the end."""


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


class StoreState(StrEnum):
    """What a store is for: ``home`` takes new bytes; from one that is ``leaving`` they are moved
    to the home; one that they have ``left`` is not needed any more; the ``mirror`` has copies."""

    HOME = "home"
    LEAVING = "leaving"
    LEFT = "left"
    MIRROR = "mirror"


class StoreRow(msgspec.Struct, frozen=True):
    """Row of ``store``: a place of bytes, by the number with which keys begin (``blobs.stores``).

    ``location`` as in the settings. ``since``: when it got its state. ``last_id``: a mirror's
    contents up to this one have their copies. ``count`` and ``size``: what was moved or copied to
    it so far. An installation without rows has one store, 0, which the settings name.
    """

    number: int
    location: str
    state: StoreState
    since: int
    last_id: int
    count: int
    size: int


class Copy(msgspec.Struct, frozen=True):
    """Row of ``copy``: the bytes of a content once more, in the mirror ``store``.

    ``idle_since``: when the content was removed; the copy follows behind an age guard.
    """

    content_id: int
    store: int
    key: str
    size: int
    made_at: int
    idle_since: int | None
