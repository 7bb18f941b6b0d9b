"""Refusals in Dynacase's words (section 6 of the spec): one table from the core's errors (C-41).

A row is a status, a code and a text, whose braces are filled with what the request names:
``{document}``, ``{family}``, ``{attribute}``, ``{token}``, ``{message}`` (the core's own words),
``{request}``. Where code or text depend on what was asked for, the row is a function of the error
and the request. A refusal of the dialect itself is a BadParameter with the detail ``code``.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from starlette.types import ASGIApp, Scope

from consigne import errors
from consigne.core.records.change import Failure, Refusal
from consigne.dialects.dynacase.envelope import Envelopes, Message
from consigne.errors import BadParameter, ConsigneError
from consigne.http.faults import FaultTable


class Row(NamedTuple):
    """Status, code and text of a class of refusals."""

    status: int
    code: str
    text: str = "{message}"


class Asked(NamedTuple):
    """What a refused request asked for: its method and the variables of its path."""

    method: str
    names: dict[str, str]

    @property
    def reads(self) -> bool:
        return self.method in ("GET", "HEAD")

    @property
    def is_about_file(self) -> bool:
        return "attrid" in self.names or "docid" not in self.names


Chooser = Callable[[ConsigneError, Asked], Row]


def refuse(code: str, text: str, **details: Any) -> BadParameter:
    """Return a refusal of the dialect's own: 400 with this code and text."""
    return BadParameter(text, code=code, **details)


def _right(error: ConsigneError, asked: Asked) -> Row:
    right = error.details.get("right")
    if right in ("view", "read"):
        return Row(403, "API0010", 'Need acl "view" to access to the document')
    if right == "modify":
        return Row(403, "API0101", 'Attribute "{attribute}" may not be modified')
    if right == "create":
        return Row(403, "API0100", 'Need acl "create"')
    if right == "delete":
        return Row(403, "API0011", 'Need acl "DELETE" to access to the document')
    if asked.method == "DELETE":
        return Row(403, "API0011", 'Need acl "edit" to access to the document')
    if asked.is_about_file:
        return Row(403, "API0106", 'Need acl "edit" to insert file')
    return Row(403, "API0106", 'Need acl "edit" to modify the document')


def _parameter(error: ConsigneError, _: Asked) -> Row:
    if error.details.get("parameter") == "index":
        return Row(400, "CRUD0612", "Bad index")
    return Row(400, "CSG0400")


def _infected(error: ConsigneError, asked: Asked) -> Row:
    if "files" in error.details:
        return _constraint(error, asked)
    return Row(422, "CSG0422", "File is quarantined")


def _file(_: ConsigneError, asked: Asked) -> Row:
    if "token" in asked.names:
        return Row(404, "CRUD0617", 'Temporary file "{token}" not found')
    return Row(404, "CRUD0608", "File not found")


def _link(_: ConsigneError, asked: Asked) -> Row:
    if "vaultid" in asked.names or asked.names.get("attrid", "").isdigit():
        return Row(404, "CRUD0608", "File not found")
    return Row(404, "CRUD0607", 'No file in attribute "{attribute}"')


def _trashed(_: ConsigneError, asked: Asked) -> Row:
    return Row(404 if asked.reads else 403, "API0108", 'Document "{document}" is deleted')


def _hook(_: ConsigneError, asked: Asked) -> Row:
    changes = asked.method == "PUT" and not asked.is_about_file
    return Row(400, "API0107" if changes else "API0103")


def _constraint(error: ConsigneError, _: Asked) -> Row:
    failures = failures_of(error)
    names = ", ".join(dict.fromkeys(each["attribute"] for each in failures or ()))
    told = error.details.get("failures", ())
    if told and all(each.code == "required" for each in told):
        return Row(400, "API0105", f"Needed attribute empty: {names}")
    return Row(400, "API0104", f"Constraint error on attribut {names}")


def failures_of(error: ConsigneError) -> list[dict[str, Any]] | None:
    """Return what is wrong with attributes as the data of the message (DY-59), None for nothing.

    That is the core's failures of values and files, or the files that cannot be linked.
    """
    if "failures" in error.details:
        return [_failure(each) for each in error.details["failures"]]
    if "files" in error.details:
        return [_refusal(each) for each in error.details["files"]]
    return None


def _failure(failure: Failure) -> dict[str, Any]:
    told: dict[str, Any] = {
        "attribute": failure.field,
        "label": failure.label or failure.field,
        "error": failure.message,
    }
    if failure.index is not None:
        told["index"] = failure.index
    if failure.suggests:
        told["suggests"] = failure.suggests
    return told


def _refusal(refusal: Refusal) -> dict[str, Any]:
    told: dict[str, Any] = {
        "attribute": refusal.field,
        "label": refusal.field,
        "error": _WHY[refusal.why],
    }
    if refusal.index is not None:
        told["index"] = refusal.index
    return told


_WHY = {
    "unknown": "File not found",
    "linked": "The file is used by another document",
    "infected": "The file is quarantined",
}
_FULL = Row(507, "API0200", "No more space available")
_CUT = Row(400, "CRUD0303", "Upload incomplete")
_ABSENT = Row(404, "CRUD0608", "File not found")
_DOCUMENT = Row(404, "API0010", 'Document "{document}" not found')
_STATE = Row(409, "CSG0409")
_LARGE = Row(413, "CSG0413", "Too large")
_DOWN = Row(503, "CSG0503", "Maintenance")
_FAULT = Row(500, "CSG0500", "Internal error {request}")

TABLE: FaultTable[Row | Chooser] = FaultTable(
    {
        errors.Unauthenticated: Row(401, "CSG0401", "User must be authenticated"),
        errors.Forbidden: Row(403, "CSG0403", "Request refused"),
        errors.MethodRefused: Row(403, "CRUD0105", "Method not allowed for this key"),
        errors.RightMissing: _right,
        errors.NotFound: Row(404, "API0004", "Route not found"),
        errors.SpaceNotFound: Row(404, "CSG0404", "Space not found"),
        errors.NotMember: Row(404, "CSG0404", "Space not found"),
        errors.FileNotFound: _file,
        errors.VersionNotFound: _ABSENT,
        errors.TypeNotFound: Row(404, "API0102", 'Family "{family}" not found'),
        errors.RecordNotFound: _DOCUMENT,
        errors.FieldNotFound: Row(400, "CRUD0605", 'Attribute "{attribute}" not found'),
        errors.LinkNotFound: _link,
        errors.Gone: _ABSENT,
        errors.Conflict: _STATE,
        errors.AlreadyLinked: _constraint,
        errors.LinkRefused: _constraint,
        errors.RecordLocked: Row(403, "API0109", 'Document "{document}" is locked'),
        errors.RecordTrashed: _trashed,
        errors.Protected: _STATE,
        errors.PreconditionFailed: Row(412, "CSG0412", "File was changed"),
        errors.TooLarge: _LARGE,
        errors.QuotaExceeded: _FULL,
        errors.CreditsExhausted: _STATE,
        errors.Throttled: Row(429, "CSG0429", "Too many requests"),
        errors.TooManyUploads: _FULL,
        errors.TypeRefused: _constraint,
        errors.DigestMismatch: _CUT,
        errors.IncompleteBody: _CUT,
        errors.SizeMismatch: _CUT,
        errors.LengthRequired: Row(411, "CSG0411"),
        errors.BadParameter: _parameter,
        errors.BadBody: Row(400, "CRUD0208", "Bad JSON"),
        errors.BadMultipart: _CUT,
        errors.NoContent: Row(400, "CRUD0302", "No file transferred"),
        errors.UnsupportedMedia: Row(415, "CSG0415", "Unsupported type"),
        errors.RangeNotSatisfiable: Row(416, "CSG0416", "Range not satisfiable"),
        errors.MethodNotAllowed: Row(501, "CRUD0103", "Method not available"),
        errors.HostUnknown: Row(421, "CSG0421"),
        errors.HookRefused: _hook,
        errors.ConstraintFailed: _constraint,
        errors.Busy: _DOWN,
        errors.Unavailable: _DOWN,
        errors.Infected: _infected,
        errors.Corrupt: _FAULT,
        errors.TimedOut: Row(408, "CSG0408", "Upload timed out"),
        errors.Internal: _FAULT,
    }
)


class Refusals:
    """Renders any refusal; what ``FaultMiddleware`` asks for."""

    def __init__(self, envelopes: Envelopes) -> None:
        self._envelopes = envelopes

    def __call__(self, error: ConsigneError, scope: Scope) -> ASGIApp:
        """Return the envelope of a refusal."""
        state = scope.get("state") or {}
        asked = Asked(str(state.get("method", scope["method"])), scope.get("path_params") or {})
        found = TABLE.row(error)
        row = found if isinstance(found, Row) else found(error, asked)
        code = str(error.details.get("code", row.code))
        text = error.message if "code" in error.details else filled(row.text, error, asked, state)
        message = Message("error", text, code, failures_of(error))
        return self._envelopes.failure(
            scope, message, status=row.status, headers=headers_of(error, row.status)
        )


def filled(text: str, error: ConsigneError, asked: Asked, state: dict[str, Any]) -> str:
    told = error.details
    known = {
        "document": told.get("document", asked.names.get("docid", "")),
        "family": told.get("family", asked.names.get("fam", "")),
        "attribute": told.get("field", asked.names.get("attrid", "")),
        "token": asked.names.get("token", ""),
        "message": error.message,
        "request": state.get("request_id", ""),
    }
    for name, value in known.items():
        text = text.replace(f"{{{name}}}", str(value))
    return text


def headers_of(error: ConsigneError, status: int) -> list[tuple[str, str]]:
    headers = []
    if status == 401:
        headers.append(("WWW-Authenticate", 'Basic realm="Consigne"'))
    if error.retry_after is not None:
        headers.append(("Retry-After", str(error.retry_after)))
    elif status == 503:
        headers.append(("Retry-After", "1"))
    if isinstance(error, errors.MethodNotAllowed):
        headers.append(("Allow", ", ".join(error.details.get("allowed", ()))))
    if isinstance(error, errors.RangeNotSatisfiable):
        headers.append(("Content-Range", f"bytes */{error.details.get('size', 0)}"))
    return headers
