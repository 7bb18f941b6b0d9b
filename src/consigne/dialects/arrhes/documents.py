"""What Arrhes shows: files, folders, years, organizations, keys, jobs. Pure functions.

Keys stand in the order of the real server's answers; absent values are null (AR-10).
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from consigne.core.objects import storage_key
from consigne.dialects.arrhes.wire import FOLDER_SORTS, Page
from consigne.model.entities import ApiKey, File, Folder, Job, JobState, Principal, Space, Year
from consigne.model.identity import to_letters

UNLIMITED = (1 << 53) - 1
_STATES = {JobState.CANCELLED: "failed"}


def timestamp(milliseconds: int | None) -> str | None:
    """Return a moment in ISO 8601 with offset, in whole seconds (AR-07).

    >>> timestamp(1770106540123)
    '2026-02-03T08:15:40+00:00'
    """
    if milliseconds is None:
        return None
    return datetime.fromtimestamp(milliseconds // 1000, UTC).isoformat()


def letters(number: int | None) -> str | None:
    """Return an id as it is spelled here, null for none."""
    return None if number is None else to_letters(number)


def file_document(file: File) -> dict[str, Any]:
    """Return a file (AR-10)."""
    there = file.content_id is not None
    computed = file.sha256.hex() if file.sha256 else None
    return {
        "id": to_letters(file.id),
        "idOrganization": to_letters(file.space_id),
        "idYear": letters(file.year_id),
        "idFolder": letters(file.folder_id) if file.year_id is not None else None,
        "idFileParent": letters(file.parent_id),
        "reference": file.reference,
        "name": file.name,
        "storageKey": storage_key(file) if there else None,
        "type": (file.declared_type or file.detected_type) if there else None,
        "size": file.size if there else None,
        "createdAt": timestamp(file.created_at),
        "lastUpdatedAt": timestamp(file.updated_at),
        "hash": file.client_hash or computed,
        "date": file.date,
        "createdBy": letters(file.owner_id),
        "lastUpdatedBy": letters(file.updated_by),
        "detectedType": file.detected_type if there else None,
    }


def folder_document(folder: Folder) -> dict[str, Any]:
    """Return a folder (section 4)."""
    return {
        "id": to_letters(folder.id),
        "idOrganization": to_letters(folder.space_id),
        "idYear": letters(folder.year_id),
        "idFolderParent": letters(folder.parent_id),
        "name": folder.name,
        "createdAt": timestamp(folder.created_at),
        "lastUpdatedAt": timestamp(folder.updated_at),
        "createdBy": to_letters(folder.created_by),
        "lastUpdatedBy": letters(folder.updated_by),
    }


def year_document(year: Year) -> dict[str, Any]:
    """Return an accounting year (AR-09)."""
    return {
        "id": to_letters(year.id),
        "idOrganization": to_letters(year.space_id),
        "idYearPrevious": letters(year.previous_id),
        "isClosed": year.is_closed,
        "closedAt": timestamp(year.closed_at),
        "label": year.label,
        "startingAt": year.starting_at,
        "endingAt": year.ending_at,
        "createdAt": timestamp(year.created_at),
        "lastUpdatedAt": timestamp(year.updated_at),
        "createdBy": to_letters(year.created_by),
        "lastUpdatedBy": letters(year.updated_by),
    }


def organization_document(space: Space) -> dict[str, Any]:
    """Return an organization; usage counts what is reserved too (AR-09, AR-16)."""
    return {
        "id": to_letters(space.id),
        "scope": space.short,
        "name": space.name,
        "siren": None,
        "email": None,
        "subcriptionEndingAt": None,
        "storageLimit": UNLIMITED if space.quota is None else space.quota,
        "storageCurrentUsage": space.used + space.reserved,
        "createdAt": timestamp(space.created_at),
        "lastUpdatedAt": None,
        "createdBy": None,
        "lastUpdatedBy": None,
        "ocrPagesTotalLeft": space.ocr_credits,
    }


def user_document(user: Principal) -> dict[str, Any]:
    """Return a user, as the client's log-in probe wants it."""
    return {"id": to_letters(user.id), "email": user.email, "name": user.name or user.username}


def key_document(key: ApiKey) -> dict[str, Any]:
    """Return an API key without its value."""
    return {
        "id": to_letters(key.id),
        "idOrganization": letters(key.space_id),
        "name": key.name,
        "hint": key.hint,
        "createdAt": timestamp(key.created_at),
        "createdBy": to_letters(key.principal_id),
    }


def job_document(job: Job, file: File | None) -> dict[str, Any]:
    """Return an OCR job (AR-21)."""
    return {
        "id": to_letters(job.id),
        "idFile": letters(job.subject),
        "state": _STATES.get(job.state, job.state.value),
        "pages": job.total,
        "createdAt": timestamp(job.created_at),
        "endedAt": timestamp(job.ended_at),
        "error": _reason(job),
        "file": file_document(file) if file else None,
    }


def _reason(job: Job) -> str | None:
    """Return why a job has failed; an attempt that is made again is no failure yet."""
    if job.state is JobState.CANCELLED:
        return JobState.CANCELLED.value
    failure = job.failure if job.state is JobState.FAILED else None
    return failure.code if failure else None


def cut(folders: Sequence[Folder], page: Page) -> list[Folder]:
    """Return the folders of a page in its order; ties, and no order, go by id."""
    found = sorted(folders, key=lambda folder: folder.id)
    if page.sort is not None:
        column = FOLDER_SORTS[page.sort]
        there = [each for each in found if getattr(each, column) is not None]
        absent = [each for each in found if getattr(each, column) is None]
        there.sort(key=lambda each: getattr(each, column), reverse=page.descending)
        found = [*absent, *there]
    end = None if page.limit is None else page.offset + page.limit
    return found[page.offset : end]
