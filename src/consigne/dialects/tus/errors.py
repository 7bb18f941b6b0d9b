"""From refusals to the statuses of tus 1.0, with a problem document (RFC 9457) for people.

tus gives statuses and no bodies. 423 and 460 are not of RFC 9110: 423 (RFC 4918) is what tusd
answers while another request writes, and clients try again after it; 460 is the protocol's own.
"""

from http import HTTPStatus

from starlette.types import ASGIApp, Scope

from consigne import errors
from consigne.dialects.tus.wire import VERSION
from consigne.errors import ConsigneError
from consigne.http.answers import problem
from consigne.http.faults import FaultTable

TABLE = FaultTable[int](
    {
        errors.Unauthenticated: 401,
        errors.Forbidden: 403,
        errors.NotFound: 404,
        errors.MethodNotAllowed: 405,
        errors.TimedOut: 408,
        errors.Conflict: 409,
        errors.Protected: 409,
        errors.Gone: 410,
        errors.LengthRequired: 411,
        errors.PreconditionFailed: 412,
        errors.TooLarge: 413,
        errors.HeadersTooLarge: 431,
        errors.UnsupportedMedia: 415,
        errors.TypeRefused: 415,
        errors.RangeNotSatisfiable: 416,
        errors.HostUnknown: 421,
        errors.HookRefused: 422,
        errors.ConstraintFailed: 422,
        errors.Infected: 422,
        errors.Busy: 423,
        errors.Throttled: 429,
        errors.DigestMismatch: 460,
        errors.BadParameter: 400,
        errors.IncompleteBody: 400,
        errors.SizeMismatch: 400,
        errors.CreditsExhausted: 402,
        errors.QuotaExceeded: 507,
        errors.Unavailable: 503,
        errors.Corrupt: 500,
        errors.Internal: 500,
    }
)

_LATER = (423, 429, 503)


def render(error: ConsigneError, scope: Scope) -> ASGIApp:
    """Return a refusal, with the headers that belong to its status."""
    status = TABLE.row(error)
    headers = [("Tus-Resumable", VERSION), ("Cache-Control", "no-store")]
    if status == 401:
        headers.append(("WWW-Authenticate", 'Bearer realm="consigne"'))
    if status == 405:
        headers.append(("Allow", ", ".join(error.details.get("allowed", ()))))
    if status == 412:
        headers.append(("Tus-Version", VERSION))
    if status in _LATER:
        headers.append(("Retry-After", str(error.retry_after or 1)))
    if status == 500:
        return problem(500, "Internal Server Error", headers=headers)
    title = "Checksum Mismatch" if status == 460 else HTTPStatus(status).phrase
    detail = f"{error.message} {error.hint}".strip()
    return problem(status, title, detail=detail, extensions={"code": error.code}, headers=headers)
