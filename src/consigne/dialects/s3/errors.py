"""Refusals in S3's words: one table from the core's errors to code and status (AR-35, C-41)."""

from typing import NamedTuple

from starlette.types import ASGIApp, Scope

from consigne import errors
from consigne.dialects.s3.wire import error_document
from consigne.errors import ConsigneError
from consigne.http.faults import FaultTable


class Row(NamedTuple):
    """Status, code and message of a class of refusals."""

    status: int
    code: str
    message: str


_DENIED = Row(403, "AccessDenied", "Access Denied")
_MISMATCH = Row(
    403,
    "SignatureDoesNotMatch",
    "The request signature we calculated does not match the signature you provided.",
)
_GONE = Row(404, "NoSuchKey", "The specified key does not exist.")
_CONFLICT = Row(409, "OperationAborted", "The present state of the object does not allow this.")
_INVALID = Row(400, "InvalidRequest", "The request is not valid.")
_ARGUMENT = Row(400, "InvalidArgument", "A header or parameter is not valid.")
_BUSY = Row(503, "SlowDown", "Please try again.")
_FAULT = Row(500, "InternalError", "We encountered an internal error. Please try again.")

TABLE: FaultTable[Row] = FaultTable(
    {
        errors.Unauthenticated: _DENIED,
        errors.BadCredentials: _MISMATCH,
        errors.Forbidden: _DENIED,
        errors.NotFound: _GONE,
        errors.UploadNotFound: _DENIED,
        errors.Gone: _DENIED,
        errors.Conflict: _CONFLICT,
        errors.Protected: _CONFLICT,
        errors.PreconditionFailed: Row(
            412, "PreconditionFailed", "At least one of the preconditions did not hold."
        ),
        errors.TooLarge: Row(400, "EntityTooLarge", "The body is too large."),
        errors.QuotaExceeded: Row(403, "QuotaExceeded", "The storage quota is exceeded."),
        errors.StorageFull: _BUSY,
        errors.CreditsExhausted: _BUSY,
        errors.Throttled: _BUSY,
        errors.TypeRefused: _INVALID,
        errors.DigestMismatch: Row(
            400, "BadDigest", "The Content-MD5 you specified did not match what we received."
        ),
        errors.IncompleteBody: Row(
            400, "IncompleteBody", "You did not provide the number of bytes announced."
        ),
        errors.SizeMismatch: _MISMATCH,
        errors.LengthRequired: Row(
            411, "MissingContentLength", "You must provide the Content-Length HTTP header."
        ),
        errors.BadParameter: _ARGUMENT,
        errors.NoContent: _GONE,
        errors.UnsupportedMedia: _INVALID,
        errors.RangeNotSatisfiable: Row(
            416, "InvalidRange", "The requested range is not satisfiable."
        ),
        errors.MethodNotAllowed: Row(
            405, "MethodNotAllowed", "The specified method is not allowed against this resource."
        ),
        errors.HostUnknown: _INVALID,
        errors.HookRefused: _INVALID,
        errors.ConstraintFailed: _INVALID,
        errors.Busy: _BUSY,
        errors.Unavailable: _BUSY,
        errors.Infected: _DENIED,
        errors.Corrupt: _FAULT,
        errors.TimedOut: Row(400, "RequestTimeout", "The body stopped arriving."),
        errors.Internal: _FAULT,
    }
)
# Why a signed request was refused helps whoever signs; nothing of the vault is told.
_OUTSPOKEN = (errors.Unauthenticated,)


def render(error: ConsigneError, scope: Scope) -> ASGIApp:
    """Return the XML document of a refusal."""
    row = TABLE.row(error)
    headers: list[tuple[str, str]] = []
    if row.status == 503:
        headers.append(("Retry-After", str(error.retry_after or 1)))
    if isinstance(error, errors.MethodNotAllowed):
        headers.append(("Allow", ", ".join(error.details.get("allowed", ()))))
    if isinstance(error, errors.RangeNotSatisfiable) and "size" in error.details:
        headers.append(("Content-Range", f"bytes */{error.details['size']}"))
    outspoken = isinstance(error, _OUTSPOKEN) and row.code == "AccessDenied"
    message = error.message if outspoken else row.message
    request_id = (scope.get("state") or {}).get("request_id", "")
    return error_document(row.status, row.code, message, request_id, headers)
