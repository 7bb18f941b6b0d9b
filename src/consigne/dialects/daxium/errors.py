"""Refusals in Daxium's words (DX-50, DX-51): from the core's errors to the wire, one table (C-41).

The body is ``{code,message,url,api_version,infos,server_time}``: ``url`` leads to our page about
the code, ``infos`` lists the facts, one object for each thing that is wrong. Texts of the core show
only as ``reason``, and never where something went wrong inside.
"""

import time
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, NamedTuple

from starlette.types import ASGIApp, Scope

from consigne import errors
from consigne.errors import ConsigneError
from consigne.http.answers import json_response
from consigne.http.faults import FaultTable

VERSION = "v1.3"
PREFIX = "DAERR-"
PAGE = "/docs/errors/daxium"


class Row(NamedTuple):
    """Status, code without its prefix, and message of a class of refusals."""

    status: int
    code: str
    message: str

    @property
    def name(self) -> str:
        """The code as it is sent."""
        return PREFIX + self.code


def _general(status: int) -> Row:
    return Row(status, f"GEN{status}", HTTPStatus(status).phrase)


_PAYLOAD = Row(400, "API1000", "Invalid payload.")
_USER = Row(404, "API1001", "User not found.")
_ROUTE = Row(404, "API1002", "Route not found.")
_STRUCTURE = Row(404, "API1003", "Structure not found.")
_LOGIN = Row(429, "LOG013", "Too many login attempts.")
_TOKEN = Row(401, "AUT001", "Authentication required.")
_RIGHT = Row(403, "AUT002", "Not permitted.")
TOKEN_REFUSED = Row(400, "AUT003", "Token request refused.")
_INSTANCE = Row(404, "APP001", "Instance not found.")
_BODY = Row(400, "FIL001", "Invalid file body.")
_LARGE = Row(413, "FIL002", "Body too large.")
_QUOTA = Row(507, "FIL003", "Quota exceeded.")
_UNKNOWN_FILE = Row(400, "FIL004", "Unknown file.")
_LINKED = Row(409, "FIL005", "File already linked.")
_TYPE = Row(400, "FIL006", "File type not allowed.")
_NO_FILE = Row(404, "FIL007", "File not found.")
_QUARANTINED = Row(422, "FIL008", "File quarantined.")
_RAW = Row(415, "FIL009", "Send the raw bytes.")
_SUBMISSION = Row(404, "SUB001", "Submission not found.")
_USED = Row(409, "SUB002", "Already used.")

TABLE: FaultTable[Row] = FaultTable(
    {
        errors.Unauthenticated: _TOKEN,
        errors.Forbidden: _RIGHT,
        errors.NotMember: _INSTANCE,
        errors.NotFound: _NO_FILE,
        errors.SpaceNotFound: _INSTANCE,
        errors.UserNotFound: _USER,
        errors.TypeNotFound: _STRUCTURE,
        errors.RecordNotFound: _SUBMISSION,
        errors.RouteNotFound: _ROUTE,
        errors.Gone: _NO_FILE,
        errors.Conflict: _general(409),
        errors.AlreadyLinked: _LINKED,
        errors.IdempotencyConflict: _USED,
        errors.NameTaken: _USED,
        errors.RecordTrashed: _SUBMISSION,
        errors.RecordLocked: _general(409),
        errors.Protected: _general(409),
        errors.PreconditionFailed: _general(412),
        errors.TooLarge: _LARGE,
        errors.HeadersTooLarge: _general(431),
        errors.QuotaExceeded: _QUOTA,
        errors.StorageFull: _general(507),
        errors.CreditsExhausted: _general(402),
        errors.Throttled: _general(429),
        errors.LoginThrottled: _LOGIN,
        errors.TypeRefused: _TYPE,
        errors.DigestMismatch: _BODY,
        errors.IncompleteBody: _BODY,
        errors.SizeMismatch: _BODY,
        errors.LengthRequired: _general(411),
        errors.BadParameter: _PAYLOAD,
        errors.NoContent: _NO_FILE,
        errors.LinkRefused: _UNKNOWN_FILE,
        errors.UnsupportedMedia: _RAW,
        errors.RangeNotSatisfiable: _general(416),
        errors.MethodNotAllowed: _general(405),
        errors.HostUnknown: _general(421),
        errors.HookRefused: _general(422),
        errors.ConstraintFailed: _PAYLOAD,
        errors.Busy: _general(503),
        errors.Unavailable: _general(503),
        errors.Infected: _QUARANTINED,
        errors.Corrupt: _general(500),
        errors.TimedOut: _general(408),
        errors.Internal: _general(500),
    }
)

# What the page about the codes explains, in its order.
CODES = (
    _PAYLOAD, _USER, _ROUTE, _STRUCTURE, _LOGIN, _TOKEN, _RIGHT, TOKEN_REFUSED, _INSTANCE,
    _BODY, _LARGE, _QUOTA, _UNKNOWN_FILE, _LINKED, _TYPE, _NO_FILE, _QUARANTINED, _RAW,
    _SUBMISSION, _USED,
    *(_general(status) for status in (402, 405, 408, 409, 411, 412, 416, 421, 422, 429, 431,
                                      500, 503, 507)),
)  # fmt: skip

# From the facts of a refusal to the keys that the codes' ``infos`` have.
_KEYS: Mapping[str, Mapping[str, str]] = {
    _RIGHT.code: {"right": "right"},
    _LARGE.code: {"max": "limit", "size": "size"},
    _QUOTA.code: {"quota": "quota", "used": "used"},
    _NO_FILE.code: {"status": "status"},
    _QUARANTINED.code: {"file": "file"},
    _USED.code: {"id": "id"},
}
_REASONS: Mapping[type[ConsigneError], str] = {
    errors.DigestMismatch: "checksum",
    errors.IncompleteBody: "truncated",
    errors.SizeMismatch: "length",
}


class Renderer:
    """What the fault middleware calls; ``base_url`` is where clients reach this server."""

    def __init__(self, base_url: str) -> None:
        self._page = f"{base_url}{PAGE}"

    def __call__(self, error: ConsigneError, scope: Scope) -> ASGIApp:
        oauth = error.details.get("oauth")
        row = TABLE.row(error) if oauth is None else TOKEN_REFUSED
        body: dict[str, Any] = {
            "code": row.name,
            "message": row.message,
            "url": f"{self._page}#{row.name}",
            "api_version": VERSION,
            "infos": _infos(error, row),
            "server_time": str(int(time.time())),
        }
        if oauth is not None:
            body |= {"error": oauth, "error_description": error.message}
        return json_response(body, row.status, _headers(error, row))


def _infos(error: ConsigneError, row: Row) -> list[dict[str, Any]]:
    """Return the facts of a refusal under the keys of its code."""
    details = error.details
    if "infos" in details:
        return list(details["infos"])
    if row is TOKEN_REFUSED:
        return []
    if row is _PAYLOAD:
        field = details.get("parameter")
        reason = {"reason": error.message}
        return [{"field": field, **reason} if field is not None else reason]
    if isinstance(error, errors.HookRefused):
        return [{"reason": error.message}]
    if row in (_BODY, _RAW):
        return [{"reason": details.get("reason") or _REASONS.get(type(error), error.message)}]
    keys = _KEYS.get(row.code, {})
    facts = {key: details[name] for key, name in keys.items() if details.get(name) is not None}
    return [facts] if facts else []


def _headers(error: ConsigneError, row: Row) -> list[tuple[str, str]]:
    headers = [("Cache-Control", "no-store")]
    if row.status == 401:
        headers.append(("WWW-Authenticate", "Bearer"))
    if error.retry_after is not None:
        headers.append(("Retry-After", str(error.retry_after)))
    elif row.status in (429, 503):
        headers.append(("Retry-After", "1"))
    if isinstance(error, errors.MethodNotAllowed):
        headers.append(("Allow", ", ".join(error.details.get("allowed", ()))))
    if isinstance(error, errors.RangeNotSatisfiable) and "size" in error.details:
        headers.append(("Content-Range", f"bytes */{error.details['size']}"))
    return headers
