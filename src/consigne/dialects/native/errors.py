"""Refusals as problem documents (RFC 9457): one table from the core's errors to the wire (C-41).

``type`` leads to the page that explains the code, ``detail`` says which rule refused, ``hint`` what
to do about it; the facts of the refusal are extension members. Numbers that JSON readers would
round are strings (C-30).
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec
from starlette.types import ASGIApp, Scope

from consigne import errors
from consigne.dialects.native.wire import uuid_of
from consigne.errors import ConsigneError
from consigne.http.answers import problem
from consigne.http.faults import FaultTable
from consigne.model.identity import Kind

PAGE = "/docs/errors"
_MAX_EXACT = (1 << 53) - 1
_CHALLENGE = 'Bearer realm="consigne"'
# What a document says itself, or a header does.
_NOT_EXTENSIONS = frozenset({"code", "hint", "retry_after"})


class Row(NamedTuple):
    """Status and title of a class of refusals."""

    status: int
    title: str


TABLE: FaultTable[Row] = FaultTable(
    {
        errors.Unauthenticated: Row(401, "Authentication is required"),
        errors.BadCredentials: Row(401, "Wrong user name or password"),
        errors.Forbidden: Row(403, "Not allowed"),
        errors.NotMember: Row(403, "Not a member of the space"),
        errors.RightMissing: Row(403, "A right is missing"),
        errors.SignupClosed: Row(403, "Sign-up is closed"),
        errors.OriginRefused: Row(403, "The origin is refused"),
        errors.MethodRefused: Row(403, "The key does not allow this method"),
        errors.NotFound: Row(404, "Not found"),
        errors.RouteNotFound: Row(404, "No such route"),
        errors.Gone: Row(410, "No longer there"),
        errors.UploadExpired: Row(410, "The upload has expired"),
        errors.Conflict: Row(409, "The present state does not allow this"),
        errors.NameTaken: Row(409, "The name is taken"),
        errors.AlreadyLinked: Row(409, "The file is linked already"),
        errors.IdempotencyConflict: Row(409, "The idempotency key was used for another request"),
        errors.UploadComplete: Row(409, "The upload is complete already"),
        errors.UploadIncomplete: Row(409, "The upload is not complete"),
        errors.UploadMissing: Row(409, "Nothing was uploaded yet"),
        errors.ChunkConflict: Row(409, "The part was received with other bytes"),
        errors.ChunkOutOfOrder: Row(409, "An earlier part is missing"),
        errors.WrongState: Row(409, "The state does not allow this step"),
        errors.FolderNotEmpty: Row(409, "The folder is not empty"),
        errors.Protected: Row(409, "The file is protected"),
        errors.PreconditionFailed: Row(412, "It was changed in the meantime"),
        errors.TooLarge: Row(413, "Too large"),
        errors.FileTooLarge: Row(413, "The file is too large"),
        errors.BodyTooLarge: Row(413, "The request body is too large"),
        errors.HeadersTooLarge: Row(431, "The request headers are too large"),
        errors.QuotaExceeded: Row(507, "The storage quota is exceeded"),
        errors.StorageFull: Row(507, "The store is full"),
        errors.CreditsExhausted: Row(402, "Not enough OCR page credits"),
        errors.Throttled: Row(429, "Too many requests"),
        errors.LoginThrottled: Row(429, "Too many failed log-ins"),
        errors.TooManyUploads: Row(429, "Too many unfinished uploads"),
        errors.TypeRefused: Row(415, "The type of the file is not accepted"),
        errors.DigestMismatch: Row(400, "The digest does not match"),
        errors.IncompleteBody: Row(400, "The request body ended early"),
        errors.SizeMismatch: Row(400, "The size does not match"),
        errors.LengthRequired: Row(411, "A Content-Length is required"),
        errors.BadParameter: Row(400, "A parameter is not valid"),
        errors.BadName: Row(400, "The name is not valid"),
        errors.BadHeader: Row(400, "A header is not valid"),
        errors.BadFilter: Row(400, "The filter is not valid"),
        errors.BadSort: Row(400, "The sort order is not valid"),
        errors.BadCursor: Row(400, "The cursor is not valid"),
        errors.BadBody: Row(400, "The request body is not valid"),
        errors.BadMultipart: Row(400, "The multipart body is not valid"),
        errors.FolderUnknown: Row(400, "The folder does not exist"),
        errors.NoContent: Row(409, "The file has no content yet"),
        errors.DocumentUnreadable: Row(422, "The document cannot be read"),
        errors.OcrUnreadable: Row(400, "The document cannot be read"),
        errors.UnsupportedMedia: Row(415, "The content type is not accepted"),
        errors.RangeNotSatisfiable: Row(416, "The range lies outside the content"),
        errors.MethodNotAllowed: Row(405, "The path does not have this method"),
        errors.HostUnknown: Row(421, "The host name is not served here"),
        errors.HookRefused: Row(422, "A hook refused the change"),
        errors.ConstraintFailed: Row(422, "A constraint failed"),
        errors.Busy: Row(503, "Busy"),
        errors.Unavailable: Row(503, "Not available"),
        errors.Infected: Row(422, "The file is quarantined"),
        errors.Corrupt: Row(500, "The stored bytes are damaged"),
        errors.TimedOut: Row(408, "The request took too long"),
        errors.Internal: Row(500, "Internal error"),
    }
)


class Renderer:
    """What the fault middleware calls; ``base_url`` is where clients reach this server."""

    def __init__(self, base_url: str) -> None:
        self._page = f"{base_url}{PAGE}"

    def __call__(self, error: ConsigneError, scope: Scope) -> ASGIApp:
        row = TABLE.row(error)
        return problem(
            row.status,
            row.title,
            detail=error.message,
            type_uri=f"{self._page}#{error.code}",
            extensions=_extensions(error),
            headers=_headers(error, row),
        )


def _extensions(error: ConsigneError) -> Mapping[str, Any]:
    members: dict[str, Any] = {"code": error.code}
    if error.hint:
        members["hint"] = error.hint
    for name, value in error.details.items():
        if name not in _NOT_EXTENSIONS:
            members[name] = _exact(value)
    return members


def _exact(value: Any) -> Any:
    """Return a value as JSON can carry it without loss."""
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    if isinstance(value, int):
        return value if -_MAX_EXACT <= value <= _MAX_EXACT else str(value)
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, msgspec.Struct):
        return _facts(value)
    if isinstance(value, Mapping):
        return {str(key): _exact(each) for key, each in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_exact(each) for each in value]
    return value if isinstance(value, float) else str(value)


def _facts(value: msgspec.Struct) -> dict[str, Any]:
    """Return what a refusal lists, without what says nothing; ``file`` is a file's number."""
    facts = {name: each for name, each in msgspec.structs.asdict(value).items() if each}
    if getattr(value, "index", None) == 0:
        facts["index"] = 0
    if "file" in facts:
        facts["file"] = uuid_of(Kind.FILE, facts["file"])
    return _exact(facts)  # type: ignore[no-any-return]


def _headers(error: ConsigneError, row: Row) -> list[tuple[str, str]]:
    """Return the headers that a status owes (RFC 9110 §15.5, §10.2.3)."""
    headers = [("Cache-Control", "no-store")]
    if row.status == 401:
        headers.append(("WWW-Authenticate", _CHALLENGE))
    if error.retry_after is not None:
        headers.append(("Retry-After", str(error.retry_after)))
    elif row.status == 503:
        headers.append(("Retry-After", "1"))
    if isinstance(error, errors.MethodNotAllowed):
        headers.append(("Allow", ", ".join(error.details.get("allowed", ()))))
    if isinstance(error, errors.RangeNotSatisfiable) and "size" in error.details:
        headers.append(("Content-Range", f"bytes */{error.details['size']}"))
    return headers
