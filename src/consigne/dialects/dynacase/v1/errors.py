"""Refusals in the words of level 2 (DY-83): one table from the core's errors (C-41).

Rows and their texts are as in level 1. A refusal of the dialect's own is a BadParameter with the
detail ``code`` and, where it is not 400, ``status``; ``location`` sends the client elsewhere.
"""

from collections.abc import Callable
from typing import Any

from starlette.types import ASGIApp, Scope

from consigne import errors
from consigne.dialects.dynacase.envelope import Message
from consigne.dialects.dynacase.errors import Asked, Row, failures_of, filled, headers_of, refuse
from consigne.dialects.dynacase.v1.envelope import Envelopes
from consigne.dialects.dynacase.v1.paths import suffix_of
from consigne.errors import BadParameter, ConsigneError
from consigne.http.answers import text_response
from consigne.http.faults import FaultTable

Chooser = Callable[[ConsigneError, Asked], Row]


def turned_away(status: int, code: str, text: str, **details: Any) -> BadParameter:
    """Return a refusal of the dialect's own with a status of its own."""
    return refuse(code, text, status=status, **details)


def _right(error: ConsigneError, asked: Asked) -> Row:
    right = error.details.get("right")
    if right == "modify":
        return _unsettable(asked, 'Attribute "{attribute}" may not be modified')
    if right == "create":
        return Row(403, "API0204", 'Need acl "create"')
    if right == "delete":
        return Row(403, "CRUD0216", 'Need acl "delete" to delete the document')
    told = right if right in ("view", "edit") else "view" if asked.reads else "edit"
    return Row(403, "CRUD0201", f'Need acl "{told}" to access to the document')


def _unsettable(asked: Asked, text: str) -> Row:
    """Return the row for an attribute that a save may not or cannot set."""
    return Row(500, "CRUD0205" if asked.method == "POST" else "CRUD0211", text)


def _field(_: ConsigneError, asked: Asked) -> Row:
    text = 'Attribute "{attribute}" not found'
    return Row(400, "CRUD0605", text) if asked.reads else _unsettable(asked, text)


def _family(_: ConsigneError, asked: Asked) -> Row:
    is_family = asked.reads and "docid" not in asked.names
    return Row(404, "CRUD0203" if is_family else "CRUD0200", 'Family "{family}" not found')


def _file(_: ConsigneError, asked: Asked) -> Row:
    if "token" in asked.names:
        return Row(404, "CRUD0617", 'Temporary file "{token}" not found')
    return _ABSENT


def _empty(_: ConsigneError, asked: Asked) -> Row:
    return _ABSENT if asked.reads else Row(400, "CRUD0302", "No file transferred")


def _hook(_: ConsigneError, asked: Asked) -> Row:
    return _vetoed(asked, "{message}")


def _vetoed(asked: Asked, text: str) -> Row:
    return Row(400, "CRUD0206", text) if asked.method == "POST" else Row(500, "CRUD0212", text)


def _constraint(error: ConsigneError, asked: Asked) -> Row:
    told = failures_of(error) or ()
    names = ", ".join(dict.fromkeys(each["attribute"] for each in told))
    failures = error.details.get("failures", ())
    if failures and all(each.code == "required" for each in failures):
        return _vetoed(asked, f"Needed attribute empty: {names}")
    return _vetoed(asked, f"Constraint error on attribut {names}")


def _type(error: ConsigneError, asked: Asked) -> Row:
    return _NO_IMAGE if asked.reads else _constraint(error, asked)


def _infected(error: ConsigneError, asked: Asked) -> Row:
    if "files" in error.details:
        return _constraint(error, asked)
    return Row(422, "CSG0422", "File is quarantined")


_ABSENT = Row(404, "CRUD0608", "File not found")
_NO_IMAGE = Row(400, "CRUD0601", "Not an image")
_FULL = Row(400, "CRUD0300", "No more space available")
_CUT = Row(400, "CRUD0303", "Upload incomplete")
_STATE = Row(409, "CSG0409")
_DOWN = Row(503, "CSG0503", "Maintenance")
_FAULT = Row(500, "CSG0500", "Internal error {request}")
_SPACE = Row(404, "CSG0404", "Space not found")

TABLE: FaultTable[Row | Chooser] = FaultTable(
    {
        errors.Unauthenticated: Row(403, "", "User must be authenticated"),
        errors.Forbidden: Row(403, "CSG0403", "Request refused"),
        errors.MethodRefused: Row(403, "CRUD0105", "Method not allowed for this key"),
        errors.RightMissing: _right,
        errors.NotFound: Row(404, "API0004", "Route not found"),
        errors.SpaceNotFound: _SPACE,
        errors.NotMember: _SPACE,
        errors.FileNotFound: _file,
        errors.VersionNotFound: _ABSENT,
        errors.TypeNotFound: _family,
        errors.RecordNotFound: Row(404, "CRUD0200", 'Document "{document}" not found'),
        errors.FieldNotFound: _field,
        errors.LinkNotFound: Row(404, "CRUD0607", 'No file in attribute "{attribute}"'),
        errors.Gone: _ABSENT,
        errors.Conflict: _STATE,
        errors.AlreadyLinked: _constraint,
        errors.LinkRefused: _constraint,
        errors.RecordLocked: Row(403, "CRUD0201", 'Document "{document}" is locked'),
        errors.RecordTrashed: Row(404, "CRUD0219", 'Document "{document}" is deleted'),
        errors.Protected: _STATE,
        errors.PreconditionFailed: Row(412, "CSG0412", "File was changed"),
        errors.TooLarge: Row(400, "CRUD0302", "Too large"),
        errors.QuotaExceeded: _FULL,
        errors.CreditsExhausted: _STATE,
        errors.Throttled: Row(429, "CSG0429", "Too many requests"),
        errors.TooManyUploads: _FULL,
        errors.TypeRefused: _type,
        errors.DigestMismatch: _CUT,
        errors.IncompleteBody: _CUT,
        errors.SizeMismatch: _CUT,
        errors.LengthRequired: Row(411, "CSG0411"),
        errors.BadParameter: Row(400, "CSG0400"),
        errors.BadBody: Row(400, "CRUD0208", "Bad JSON"),
        errors.BadMultipart: _CUT,
        errors.NoContent: _empty,
        errors.DocumentUnreadable: Row(400, "CRUD0602", "The image cannot be converted"),
        errors.TooManyPixels: Row(400, "CRUD0601", "The image is too large to be converted"),
        errors.UnsupportedMedia: Row(415, "CSG0415", "Unsupported type"),
        errors.RangeNotSatisfiable: Row(416, "CSG0416", "Range not satisfiable"),
        errors.MethodNotAllowed: Row(405, "CRUD0103", "Method not available"),
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
        """Return the envelope of a refusal, on a path with the suffix of a file a line of text."""
        state = scope.get("state") or {}
        asked = Asked(str(state.get("method", scope["method"])), scope.get("path_params") or {})
        found = TABLE.row(error)
        row = found if isinstance(found, Row) else found(error, asked)
        own = error.details if "code" in error.details else {}
        status, code = int(own.get("status", row.status)), str(own.get("code", row.code))
        text = error.message if own else filled(row.text, error, asked, state)
        headers = headers_of(error, status)
        if "location" in own:
            headers.append(("Location", own["location"]))
        if suffix_of(scope["path"]) not in ("", "json"):
            return _line(status, code, text, headers)
        message = Message("error", text, code, _wrong(error, code, text))
        return self._envelopes.failure(scope, message, status=status, headers=headers)


def _line(status: int, code: str, text: str, headers: list[tuple[str, str]]) -> ASGIApp:
    told = f"error ({code}): {text}" if code else f"error: {text}"
    every = [("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff"), *headers]
    return text_response(f"{told}\n", status, every)


def _wrong(error: ConsigneError, code: str, text: str) -> dict[str, Any] | None:
    """Return what is wrong with attributes as the data of the message (DY-83)."""
    told = failures_of(error)
    if told is not None:
        return {f"{each['attribute']}{each.get('index', '')}": _failure(each) for each in told}
    if code in ("CRUD0205", "CRUD0211"):
        return {"id": str(error.details.get("field", "")), "index": -1, "err": text}
    return None


def _failure(told: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": told["attribute"],
        "label": told["label"],
        "sug": told.get("suggests", []),
        "err": told["error"],
        "index": told.get("index", -1),
    }
