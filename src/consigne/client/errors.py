"""What a client says when something did not work.

::

    ClientError
    ├─ Unreachable      no answer came, or it broke off and trying again did not help
    ├─ NotConsigne      an answer came from something else
    ├─ Changed          the bytes changed while they were on their way
    ├─ Corrupt          the bytes that arrived are not the ones that were sent
    └─ Refused          the server said no; carries its problem document (RFC 9457)
       ├─ Denied        401, 403
       ├─ Missing       404, 410
       ├─ Conflict      409, 412
       ├─ NoRoom        413, 507
       └─ Unavailable   408, 423, 429, 502, 503, 504: try again later
"""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import msgspec


class ClientError(Exception):
    """Base of all. ``code`` is stable and safe to match on, ``hint`` says what to do."""

    code = "error"

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class Unreachable(ClientError):
    code = "unreachable"


class NotConsigne(ClientError):
    code = "not_consigne"


class Changed(ClientError):
    code = "changed"


class Corrupt(ClientError):
    code = "digest_mismatch"


class Refused(ClientError):
    """A refusal of the server.

    ``status`` is the HTTP status, ``problem`` the whole document (empty where the answer had none,
    as from a proxy), ``retry_after`` the seconds after which the server wants to be asked again.
    """

    def __init__(
        self, message: str, status: int, problem: Mapping[str, Any], retry_after: float | None
    ) -> None:
        super().__init__(message, hint=str(problem.get("hint", "")))
        self.code = str(problem.get("code", "")) or str(status)
        self.status = status
        self.problem = problem
        self.retry_after = retry_after


class Denied(Refused):
    """The key is missing or wrong, or its owner may not do this."""


class Missing(Refused):
    """There is no such thing, or there is none any more."""


class Conflict(Refused):
    """The present state does not allow it: protected, taken, changed in the meantime."""


class NoRoom(Refused):
    """Too large, or the quota is used up."""


class Unavailable(Refused):
    """Busy or not there for the moment."""


_FAMILIES: Mapping[int, type[Refused]] = {
    401: Denied,
    403: Denied,
    404: Missing,
    408: Unavailable,
    409: Conflict,
    410: Missing,
    412: Conflict,
    413: NoRoom,
    423: Unavailable,
    429: Unavailable,
    502: Unavailable,
    503: Unavailable,
    504: Unavailable,
    507: NoRoom,
}


def refusal_of(response: httpx.Response) -> Refused:
    """Return what an answer that is no success says."""
    try:
        problem = msgspec.json.decode(response.content)
    except (msgspec.DecodeError, UnicodeDecodeError):
        problem = {}
    if not isinstance(problem, dict):
        problem = {}
    message = problem.get("detail") or problem.get("title")
    if not message:
        message = f"{response.url.host} answers {response.status_code} {response.reason_phrase}."
    family = _FAMILIES.get(response.status_code, Refused)
    return family(str(message), response.status_code, problem, retry_after(response.headers))


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds of ``Retry-After``, a number or a date (RFC 9110 §10.2.3).

    >>> retry_after({"retry-after": "3"})
    3.0
    """
    value = headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit() and len(value) < 10:
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return float(max(0, math.ceil((moment - datetime.now(UTC)).total_seconds())))
