"""From refusals to Boom, the error language of hapi and of Appmixer (AM-34).

``{"statusCode":404,"error":"Not Found","message":"…","details":{"code":"…"}}``: ``error`` is Boom's
own phrase for the status, ``message`` the text of the table where it has one, else what the core
says, and ``details`` carries a code and the facts. A fault tells nothing but that it is one.
"""

from http import HTTPStatus
from typing import NamedTuple

from starlette.types import ASGIApp, Scope

from consigne import errors
from consigne.errors import ConsigneError
from consigne.http.answers import json_response
from consigne.http.faults import FaultTable


class Row(NamedTuple):
    """What a class of refusals becomes; an empty code or message is the refusal's own."""

    status: int
    code: str = ""
    message: str = ""


# A file that the caller may not see and one that never was get the same bytes: the message names no
# id, as the table of the specification has it.
_NO_FILE = "File (id) not found"

TABLE = FaultTable[Row](
    {
        errors.Unauthenticated: Row(401, "unauthorized", "Missing or invalid token"),
        errors.BadCredentials: Row(401, "bad_credentials", "Wrong user name or password"),
        errors.Forbidden: Row(403, "forbidden", "Not allowed"),
        errors.NotMember: Row(403, "not_member", "Not allowed"),
        errors.SignupClosed: Row(403, "signup_closed", "Not allowed"),
        errors.NotFound: Row(404),
        errors.FileNotFound: Row(404, "file_not_found", _NO_FILE),
        errors.UploadNotFound: Row(404, "upload_unknown", "No upload under this key"),
        errors.RouteNotFound: Row(404, "route_not_found", "Not Found"),
        errors.MethodNotAllowed: Row(405, "method_not_allowed", "Method Not Allowed"),
        errors.TimedOut: Row(408),
        errors.Conflict: Row(409),
        errors.Protected: Row(409, "file_protected"),
        errors.Gone: Row(410),
        errors.UploadExpired: Row(410, "upload_expired", "Upload has expired"),
        errors.LengthRequired: Row(411),
        errors.PreconditionFailed: Row(412),
        errors.TooLarge: Row(413, "file_too_large", "File too large"),
        errors.BodyTooLarge: Row(413),
        errors.HeadersTooLarge: Row(431),
        errors.UnsupportedMedia: Row(415, "not_multipart", "Use multipart/form-data"),
        errors.TypeRefused: Row(415),
        errors.RangeNotSatisfiable: Row(416, "range_not_satisfiable", "Range not satisfiable"),
        errors.HostUnknown: Row(421),
        errors.HookRefused: Row(422),
        errors.ConstraintFailed: Row(422),
        errors.Infected: Row(422, "quarantined", "File is quarantined"),
        errors.Throttled: Row(429, "too_many_requests", "Too many requests"),
        errors.BadParameter: Row(400, "bad_parameter"),
        errors.BadFilter: Row(400, "bad_filter"),
        errors.BadSort: Row(400, "bad_sort"),
        errors.BadHeader: Row(400, "bad_header"),
        errors.BadBody: Row(400, "bad_json"),
        errors.BadMultipart: Row(400, "bad_multipart"),
        errors.IncompleteBody: Row(400, "bad_multipart"),
        errors.SizeMismatch: Row(400, "chunk_size_mismatch"),
        errors.DigestMismatch: Row(400, "digest_mismatch"),
        errors.CreditsExhausted: Row(402),
        errors.QuotaExceeded: Row(507, "quota_exceeded", "Storage quota exceeded"),
        errors.Busy: Row(503, "busy", "Try again"),
        errors.Unavailable: Row(503, "busy", "Try again"),
        errors.Corrupt: Row(500),
        errors.Internal: Row(500),
    }
)

# Where Boom's phrases are not those of RFC 9110 (package ``boom``, ``lib/index.js``).
_PHRASES = {
    408: "Request Time-out",
    413: "Request Entity Too Large",
    416: "Requested Range Not Satisfiable",
    421: "Misdirected Request",
    422: "Unprocessable Entity",
}
_FAULT = "An internal server error occurred"
_LATER = (429, 503)


def render(error: ConsigneError, scope: Scope) -> ASGIApp:
    """Return a refusal as Boom renders it, with the headers that belong to its status."""
    row = TABLE.row(error)
    headers = _headers(row.status, error)
    phrase = _PHRASES.get(row.status) or HTTPStatus(row.status).phrase
    body: dict[str, object] = {"statusCode": row.status, "error": phrase}
    if row.status == 500:
        return json_response({**body, "message": _FAULT}, 500, headers)
    body["message"] = row.message or error.message
    body["details"] = {**_facts(error), "code": row.code or error.code}
    return json_response(body, row.status, headers)


def _headers(status: int, error: ConsigneError) -> list[tuple[str, str]]:
    if status == 401:
        return [("WWW-Authenticate", "Bearer")]
    if status == 405:
        return [("Allow", ", ".join(error.details.get("allowed", ())))]
    if status == 416 and "size" in error.details:
        return [("Content-Range", f"bytes */{error.details['size']}")]
    if status in _LATER:
        return [("Retry-After", str(error.retry_after or 1))]
    return []


def _facts(error: ConsigneError) -> dict[str, object]:
    """Return the facts that a client can use: numbers, texts and lists of them."""
    hidden = ("retry_after", "allowed")
    return {
        name: value
        for name, value in error.details.items()
        if name not in hidden and isinstance(value, int | str | list)
    }
