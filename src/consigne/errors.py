"""Everything that Consigne refuses, as one closed list without HTTP in it (core rule C-41).

A dialect maps each class to its own words in one table; the class is looked up along the MRO, so
a row for a family serves its members until one needs a row of its own. ``leaves()`` gives the
list that a table must cover; a test per dialect proves that it does.

::

    ConsigneError
    ├─ Unauthenticated ─ BadCredentials
    ├─ Forbidden ─ NotMember, RightMissing, SignupClosed, OriginRefused, MethodRefused
    ├─ NotFound ─ SpaceNotFound, UserNotFound, KeyNotFound, FileNotFound, VersionNotFound,
    │             FolderNotFound, YearNotFound, UploadNotFound, JobNotFound, TypeNotFound,
    │             RecordNotFound, FieldNotFound, LinkNotFound, WebhookNotFound, RouteNotFound
    ├─ Gone ─ UploadExpired
    ├─ Conflict ─ NameTaken, AlreadyLinked, IdempotencyConflict, UploadComplete,
    │             UploadIncomplete, UploadMissing, ChunkConflict, ChunkOutOfOrder, WrongState,
    │             YearClosed, YearNotEmpty, FolderNotEmpty, RecordLocked, RecordTrashed,
    │             TypeInUse, SpaceNotEmpty
    ├─ Protected
    ├─ PreconditionFailed
    ├─ TooLarge ─ FileTooLarge, BodyTooLarge, HeadersTooLarge
    ├─ QuotaExceeded ─ StorageFull
    ├─ CreditsExhausted
    ├─ Throttled ─ LoginThrottled, TooManyUploads
    ├─ TypeRefused
    ├─ DigestMismatch
    ├─ IncompleteBody
    ├─ SizeMismatch
    ├─ LengthRequired
    ├─ BadParameter ─ BadName, BadHeader, BadFilter, BadSort, BadCursor, BadBody, BadMultipart,
    │                 FolderUnknown, FolderCycle, FolderDepth, FolderAmbiguous, IdConflict,
    │                 NoContent, LinkRefused, DocumentUnreadable ─ OcrUnreadable,
    │                 TooManyPixels
    ├─ UnsupportedMedia
    ├─ RangeNotSatisfiable
    ├─ MethodNotAllowed
    ├─ HostUnknown
    ├─ HookRefused
    ├─ ConstraintFailed
    ├─ Busy
    ├─ Unavailable ─ EngineMissing
    ├─ Infected
    ├─ Corrupt
    ├─ TimedOut
    └─ Internal
"""

from collections.abc import Iterator, Mapping
from typing import Any


class ConsigneError(Exception):
    """Base of all refusals.

    ``message`` says what was refused, in one English sentence; ``hint`` what to do about it;
    ``details`` are the facts a dialect may render (``parameter``, ``expected``, ``quota`` …).
    The class attribute ``code`` is stable and safe to match on.
    """

    code = "error"
    default = "The request was refused."

    def __init__(self, message: str = "", *, hint: str = "", **details: Any) -> None:
        self.message = message or self.default
        self.hint = hint
        self.details: Mapping[str, Any] = details
        super().__init__(self.message)

    @property
    def retry_after(self) -> int | None:
        """Seconds after which trying again makes sense, where that is known."""
        value = self.details.get("retry_after")
        return None if value is None else max(1, int(value))


class Unauthenticated(ConsigneError):
    code = "unauthenticated"
    default = "Missing or invalid credentials."


class BadCredentials(Unauthenticated):
    code = "bad_credentials"
    default = "Wrong user name or password."


class Forbidden(ConsigneError):
    code = "forbidden"
    default = "Not allowed."


class NotMember(Forbidden):
    code = "not_member"
    default = "The caller is not a member of this space."


class RightMissing(Forbidden):
    """The role in the space does not carry the right; details: ``right``."""

    code = "right_missing"
    default = "The caller's role does not allow this."


class SignupClosed(Forbidden):
    code = "signup_closed"
    default = "Sign-up is closed in this space."


class OriginRefused(Forbidden):
    code = "origin_refused"
    default = "Requests from this origin are refused."


class MethodRefused(Forbidden):
    code = "method_refused"
    default = "This key may not use this method."


class NotFound(ConsigneError):
    code = "not_found"
    default = "Not found."


class SpaceNotFound(NotFound):
    code = "space_not_found"
    default = "No such space."


class UserNotFound(NotFound):
    code = "user_not_found"
    default = "No such user."


class KeyNotFound(NotFound):
    code = "key_not_found"
    default = "No such key."


class FileNotFound(NotFound):
    code = "file_not_found"
    default = "No such file."


class VersionNotFound(NotFound):
    code = "version_not_found"
    default = "No such version of this file."


class FolderNotFound(NotFound):
    code = "folder_not_found"
    default = "No such folder."


class YearNotFound(NotFound):
    code = "year_not_found"
    default = "No such accounting year."


class UploadNotFound(NotFound):
    code = "upload_not_found"
    default = "No such upload."


class JobNotFound(NotFound):
    code = "job_not_found"
    default = "No such job."


class TypeNotFound(NotFound):
    code = "type_not_found"
    default = "No such record type."


class RecordNotFound(NotFound):
    code = "record_not_found"
    default = "No such record."


class FieldNotFound(NotFound):
    code = "field_not_found"
    default = "No such field."


class LinkNotFound(NotFound):
    code = "link_not_found"
    default = "No file is linked there."


class WebhookNotFound(NotFound):
    code = "webhook_not_found"
    default = "No such webhook."


class RouteNotFound(NotFound):
    code = "route_not_found"
    default = "No such route."


class Gone(ConsigneError):
    code = "gone"
    default = "This no longer exists."


class UploadExpired(Gone):
    code = "upload_expired"
    default = "The upload has expired."


class Conflict(ConsigneError):
    code = "conflict"
    default = "The present state does not allow this."


class NameTaken(Conflict):
    code = "name_taken"
    default = "This name is already used."


class AlreadyLinked(Conflict):
    code = "already_linked"
    default = "The file is or was linked to a record and cannot be used again."


class IdempotencyConflict(Conflict):
    code = "idempotency_conflict"
    default = "This idempotency key was used for another request."


class UploadComplete(Conflict):
    code = "upload_complete"
    default = "The upload is already complete."


class UploadIncomplete(Conflict):
    """Details: ``missing``, the part numbers or bytes that are still expected."""

    code = "upload_incomplete"
    default = "The upload is not complete."


class UploadMissing(Conflict):
    code = "upload_missing"
    default = "Nothing was uploaded yet."


class ChunkConflict(Conflict):
    code = "chunk_conflict"
    default = "This chunk was already received with other bytes."


class ChunkOutOfOrder(Conflict):
    """Details: ``expected``, the number or offset that is accepted next."""

    code = "chunk_out_of_order"
    default = "An earlier chunk is missing."


class WrongState(Conflict):
    """A transition that the life-cycle table lacks; details: ``state``, ``verb``."""

    code = "wrong_state"


class YearClosed(Conflict):
    code = "year_closed"
    default = "The accounting year is closed."


class YearNotEmpty(Conflict):
    code = "year_not_empty"
    default = "The accounting year still has files or folders."


class FolderNotEmpty(Conflict):
    code = "folder_not_empty"
    default = "The folder is not empty."


class RecordLocked(Conflict):
    code = "record_locked"
    default = "The record is locked by another user."


class RecordTrashed(Conflict):
    code = "record_trashed"
    default = "The record is in the trash."


class TypeInUse(Conflict):
    code = "type_in_use"
    default = "The record type has values that this change would break."


class SpaceNotEmpty(Conflict):
    code = "space_not_empty"
    default = "The space is not empty."


class Protected(ConsigneError):
    """A guard stands on the file (C-12); details: ``guards``, a list of their names."""

    code = "file_protected"
    default = "The file is protected."


class PreconditionFailed(ConsigneError):
    code = "precondition_failed"
    default = "The file was changed in the meantime."


class TooLarge(ConsigneError):
    """Details: ``limit`` in bytes, ``size`` where it is known."""

    code = "too_large"
    default = "Too large."


class FileTooLarge(TooLarge):
    code = "file_too_large"
    default = "The file is too large."


class BodyTooLarge(TooLarge):
    code = "body_too_large"
    default = "The request body is too large."


class HeadersTooLarge(TooLarge):
    code = "headers_too_large"
    default = "The request headers are too large."


class QuotaExceeded(ConsigneError):
    """Details: ``quota``, ``used`` (reservations included), ``needed`` in bytes."""

    code = "quota_exceeded"
    default = "The storage quota of the space is exceeded."


class StorageFull(QuotaExceeded):
    """The store itself, not the quota, has no room."""

    code = "storage_full"
    default = "The store has no space left."


class CreditsExhausted(ConsigneError):
    code = "credits_exhausted"
    default = "Not enough OCR page credits."


class Throttled(ConsigneError):
    """Details: ``retry_after`` in seconds."""

    code = "throttled"
    default = "Too many requests."


class LoginThrottled(Throttled):
    code = "login_throttled"
    default = "Too many failed log-ins."


class TooManyUploads(Throttled):
    code = "too_many_uploads"
    default = "Too many unfinished uploads."


class TypeRefused(ConsigneError):
    code = "type_refused"
    default = "Files of this type are not accepted here."


class DigestMismatch(ConsigneError):
    """Details: ``algorithm``, ``expected``, ``actual``."""

    code = "digest_mismatch"
    default = "The bytes received do not have the announced digest."


class IncompleteBody(ConsigneError):
    code = "incomplete_body"
    default = "The request body ended early."


class SizeMismatch(ConsigneError):
    """Details: ``expected``, ``actual`` in bytes."""

    code = "size_mismatch"
    default = "The number of bytes received is not the announced one."


class LengthRequired(ConsigneError):
    code = "length_required"
    default = "A Content-Length is required."


class BadParameter(ConsigneError):
    """Details: ``parameter``, its name."""

    code = "bad_parameter"
    default = "A parameter is not valid."


class BadName(BadParameter):
    code = "bad_name"
    default = "The name is not valid."


class BadHeader(BadParameter):
    code = "bad_header"
    default = "A header is not valid."


class BadFilter(BadParameter):
    code = "bad_filter"
    default = "The filter is not valid."


class BadSort(BadParameter):
    code = "bad_sort"
    default = "The sort order is not valid."


class BadCursor(BadParameter):
    code = "bad_cursor"
    default = "The cursor is not valid."


class BadBody(BadParameter):
    code = "bad_body"
    default = "The request body is not valid."


class BadMultipart(BadParameter):
    code = "bad_multipart"
    default = "The multipart body is not valid."


class FolderUnknown(BadParameter):
    code = "folder_unknown"
    default = "The folder named in the request does not exist here."


class FolderCycle(BadParameter):
    code = "folder_cycle"
    default = "A folder cannot be moved into itself or one of its subfolders."


class FolderDepth(BadParameter):
    code = "folder_depth"
    default = "Folders are nested too deeply."


class FolderAmbiguous(BadParameter):
    code = "folder_ambiguous"
    default = "More than one folder has this path."


class IdConflict(BadParameter):
    code = "id_conflict"
    default = "An id in the body contradicts the path."


class NoContent(BadParameter):
    code = "no_content"
    default = "The file has no content yet."


class LinkRefused(BadParameter):
    """Files that are not there for the caller; details: ``files``, a list of them."""

    code = "link_refused"
    default = "A file named in the request does not exist here, or cannot be linked."


class DocumentUnreadable(BadParameter):
    code = "document_unreadable"
    default = "The document cannot be read."


class OcrUnreadable(DocumentUnreadable):
    code = "ocr_unreadable"
    default = "The document cannot be read."


class TooManyPixels(DocumentUnreadable):
    code = "too_many_pixels"
    default = "The image has more pixels than are decoded."


class UnsupportedMedia(ConsigneError):
    code = "unsupported_media"
    default = "This content type is not accepted here."


class RangeNotSatisfiable(ConsigneError):
    """Details: ``size`` of the whole content in bytes."""

    code = "range_not_satisfiable"
    default = "The range lies outside the content."


class MethodNotAllowed(ConsigneError):
    """Details: ``allowed``, the methods that the path has."""

    code = "method_not_allowed"
    default = "The path does not have this method."


class HostUnknown(ConsigneError):
    code = "host_unknown"
    default = "This host name is not served here."


class HookRefused(ConsigneError):
    code = "hook_refused"
    default = "A hook refused the change."


class ConstraintFailed(ConsigneError):
    """Details: ``failures``, a list of what failed."""

    code = "constraint_failed"
    default = "A constraint failed."


class Busy(ConsigneError):
    code = "busy"
    default = "Busy. Try again."


class Unavailable(ConsigneError):
    code = "unavailable"
    default = "A part of the service is not available."


class EngineMissing(Unavailable):
    code = "engine_missing"
    default = "No engine for this work is available."


class Infected(ConsigneError):
    code = "quarantined"
    default = "The file is quarantined."


class Corrupt(ConsigneError):
    code = "corrupt"
    default = "The stored bytes are damaged."


class TimedOut(ConsigneError):
    code = "timed_out"
    default = "The request took too long."


class Internal(ConsigneError):
    code = "internal"
    default = "Internal error."


def leaves(family: type[ConsigneError] = ConsigneError) -> Iterator[type[ConsigneError]]:
    """Yield every class of the list below ``family``, families included, the base excluded."""
    for child in family.__subclasses__():
        yield child
        yield from leaves(child)
