"""Refusals in Arrhes' words (section 6 of the spec): one table from the core's errors (C-41).

The body is ``{"message","cause"}``: ``message`` is for people and French, but for three that the
real server has in English; ``cause`` is stable, and absent where the real server gives none. A
field that is missing or of the wrong type is told as JSON text in ``cause``.
"""

from typing import NamedTuple

import msgspec
from starlette.types import ASGIApp, Scope

from consigne import errors
from consigne.errors import ConsigneError
from consigne.http.answers import json_response
from consigne.http.faults import FaultTable


class Row(NamedTuple):
    """Status, cause (None: none) and message of a class of refusals."""

    status: int
    cause: str | None
    message: str


_ABSENT = "Élément introuvable"
_BAD = "Requête incorrecte"
_RIGHTS = "Droits insuffisants"
_STATE = "Opération impossible dans cet état"
_FOLDER = "Dossier parent incorrect"
_OCR = "Document non lisible par l'OCR"
_CONTENT = "Contenu reçu différent du contenu annoncé"
_BODY = "Corps de requête refusé"
_DOWN = "Service indisponible"
_FAULT = "Internal error"
_INVALID = "Invalid request"

TABLE: FaultTable[Row] = FaultTable(
    {
        errors.Unauthenticated: Row(401, "unauthorized", "Authentification requise"),
        errors.Forbidden: Row(403, "forbidden", _RIGHTS),
        errors.NotMember: Row(404, "organization_not_found", _ABSENT),
        errors.NotFound: Row(404, "not_found", _ABSENT),
        errors.SpaceNotFound: Row(404, "organization_not_found", _ABSENT),
        errors.YearNotFound: Row(404, "year_not_found", _ABSENT),
        errors.FileNotFound: Row(404, "file_not_found", _ABSENT),
        errors.VersionNotFound: Row(404, "file_not_found", _ABSENT),
        errors.FolderNotFound: Row(404, "folder_not_found", _ABSENT),
        errors.JobNotFound: Row(404, "job_not_found", _ABSENT),
        errors.KeyNotFound: Row(404, "api_key_not_found", _ABSENT),
        errors.RouteNotFound: Row(404, None, "Endpoint not found"),
        errors.Gone: Row(404, "not_found", _ABSENT),
        errors.Conflict: Row(409, "conflict", _STATE),
        errors.UploadMissing: Row(409, "upload_missing", _STATE),
        errors.YearClosed: Row(409, "year_closed", _STATE),
        errors.YearNotEmpty: Row(409, "year_not_empty", _STATE),
        errors.FolderNotEmpty: Row(409, "folder_not_empty", _STATE),
        errors.Protected: Row(409, "file_protected", _STATE),
        errors.PreconditionFailed: Row(409, "conflict", _STATE),
        errors.TooLarge: Row(413, "body_too_large", _BODY),
        errors.FileTooLarge: Row(400, "file_too_large", "Taille maximale de 50 Mo dépassée"),
        errors.QuotaExceeded: Row(400, "quota_exceeded", "Espace de stockage épuisé"),
        errors.StorageFull: Row(503, "storage_full", _DOWN),
        errors.CreditsExhausted: Row(429, "ocr_pages", "Crédit de pages OCR insuffisant"),
        errors.Throttled: Row(429, "throttled", "Trop de requêtes en cours"),
        errors.TypeRefused: Row(400, "ocr_type", _OCR),
        errors.OcrUnreadable: Row(400, "ocr_unreadable", _OCR),
        errors.DigestMismatch: Row(400, "hash_mismatch", _CONTENT),
        errors.SizeMismatch: Row(400, "size_mismatch", _CONTENT),
        errors.IncompleteBody: Row(400, "bad_json", _BAD),
        errors.LengthRequired: Row(411, "bad_parameter", _BAD),
        errors.BadParameter: Row(400, "bad_parameter", _BAD),
        errors.BadName: Row(400, "bad_parameter", _INVALID),
        errors.BadBody: Row(400, "bad_json", _BAD),
        errors.FolderUnknown: Row(400, "folder_unknown", _FOLDER),
        errors.FolderCycle: Row(400, "folder_cycle", _FOLDER),
        errors.FolderDepth: Row(400, "folder_depth", _FOLDER),
        errors.FolderAmbiguous: Row(400, "folder_unknown", _FOLDER),
        errors.IdConflict: Row(400, "id_conflict", _BAD),
        errors.NoContent: Row(400, "no_content", "Aucun contenu pour ce fichier"),
        errors.UnsupportedMedia: Row(415, "not_json", _BODY),
        errors.RangeNotSatisfiable: Row(416, "bad_parameter", _BAD),
        errors.MethodNotAllowed: Row(405, "method_not_allowed", "Méthode non autorisée"),
        errors.HostUnknown: Row(421, "host_unknown", _BAD),
        errors.HookRefused: Row(422, "refused", _STATE),
        errors.ConstraintFailed: Row(422, "refused", _STATE),
        errors.Busy: Row(503, "busy", _DOWN),
        errors.Unavailable: Row(503, "busy", _DOWN),
        errors.EngineMissing: Row(503, "ocr_unavailable", _DOWN),
        errors.Infected: Row(422, "quarantined", "Fichier mis en quarantaine"),
        errors.Corrupt: Row(500, None, _FAULT),
        errors.TimedOut: Row(408, "timeout", _BAD),
        errors.Internal: Row(500, None, _FAULT),
    }
)


def render(error: ConsigneError, scope: Scope) -> ASGIApp:
    """Return the JSON answer of a refusal."""
    row = TABLE.row(error)
    cause, message = row.cause, row.message
    field = error.details.get("field")
    if isinstance(error, errors.BadName):
        field = error.details.get("parameter")
    if field is not None and row.status == 400:
        cause, message = _nested(str(field), error.message), _INVALID
    cause = error.details.get("cause", cause)
    body = {"message": message} if cause is None else {"message": message, "cause": cause}
    return json_response(body, row.status, _headers(error, row))


def _nested(field: str, problem: str) -> str:
    """Return the first problem of a body as the real server's validator tells it."""
    return msgspec.json.encode({"nested": {field: [problem]}}).decode()


def _headers(error: ConsigneError, row: Row) -> list[tuple[str, str]]:
    headers = [("Cache-Control", "no-store")]
    if row.status == 401:
        headers.append(("WWW-Authenticate", "Bearer"))
    if error.retry_after is not None:
        headers.append(("Retry-After", str(error.retry_after)))
    elif row.status == 503:
        headers.append(("Retry-After", "1"))
    if isinstance(error, errors.MethodNotAllowed):
        headers.append(("Allow", ", ".join(error.details.get("allowed", ()))))
    return headers
