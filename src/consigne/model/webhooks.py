"""Webhooks and what is delivered to them. Structs whose docstring says *row* have exactly the
columns of their table, in that order.
"""

from enum import StrEnum

import msgspec

PRE_STORE, PRE_INSERT, POST_STORE = "pre_store", "pre_insert", "post_store"
# Points of a save: at the first two it waits for the answer.
POINTS = (PRE_STORE, PRE_INSERT, POST_STORE)
PING = "consigne.ping"

_names = msgspec.json.Decoder(list[str]).decode


class OnFailure(StrEnum):
    """What becomes of a save where a webhook does not answer as it should."""

    REFUSE = "refuse"
    ALLOW = "allow"


class Webhook(msgspec.Struct, frozen=True):
    """Row of ``webhook``: where a space's events go, and who is asked about its saves.

    ``events`` and ``types`` are JSON lists: names of events (``file.kept``, ``file.*``, ``*``) and
    points; names of record types (none: all). ``is_hook``: it listens to points of saves, too.
    ``reason``: why it was disabled. ``secret`` is sealed; ``old_secret`` signs beside it until
    ``old_until``. ``succeeded_at``, ``failed_at``: the last attempts of either end.
    """

    id: int
    space_id: int
    name: str
    name_fold: str
    url: str
    events: str
    types: str
    on_failure: OnFailure
    is_active: bool
    is_hook: bool
    reason: str | None
    secret: bytes
    old_secret: bytes | None
    old_until: int | None
    created_at: int
    created_by: int | None
    updated_at: int | None
    succeeded_at: int | None
    failed_at: int | None

    @property
    def event_names(self) -> list[str]:
        return _names(self.events)

    @property
    def type_names(self) -> list[str]:
        return _names(self.types)

    def wants(self, event: str) -> bool:
        """Tell whether an event, or a point, is among those that it listens to."""
        if event in POINTS or event == PING:
            return event in self.event_names
        family = event.partition(".")[0]
        return any(name in ("*", event, f"{family}.*") for name in self.event_names)

    def covers(self, type: str | None) -> bool:
        """Tell whether it listens to what is about a record of a type, None: about no record."""
        names = self.type_names
        return not names or (type is not None and type.casefold() in {n.casefold() for n in names})


class DeliveryState(StrEnum):
    """``paused``: its webhook is disabled."""

    PENDING = "pending"
    PAUSED = "paused"
    DELIVERED = "delivered"
    FAILED = "failed"


class Delivery(msgspec.Struct, frozen=True):
    """Row of ``delivery``: one message for one webhook, and how the last attempt went.

    ``message`` is the ``webhook-id``, the same at each attempt and replay; ``event`` its type;
    ``payload`` the body. ``give_up_at``: no attempt after that. ``status`` is the HTTP status,
    ``response`` the start of the answer, ``duration`` in milliseconds.
    """

    id: int
    space_id: int
    webhook_id: int
    message: str
    event: str
    payload: str
    state: DeliveryState
    attempts: int
    next_at: int
    give_up_at: int
    created_at: int
    attempted_at: int | None
    ended_at: int | None
    status: int | None
    error: str | None
    response: str | None
    duration: int | None


class Attempt(msgspec.Struct, frozen=True):
    """How an attempt ended: with a status, or an ``error`` in words. ``retry_after`` in seconds."""

    status: int | None
    error: str | None
    response: str | None
    duration: int
    retry_after: float | None = None

    @property
    def is_success(self) -> bool:
        return self.status is not None and 200 <= self.status < 300
