"""What requests and answers of Resumable Uploads for HTTP say. Pure functions.

draft-ietf-httpbis-resumable-upload-12 (interop version 8), and the versions back to 3 that clients
in the field speak: they differ in names of fields and in what an answer carries, not in the steps.
A client without a version, or with one that we do not know, is answered as the newest, without
interim responses (Appendix B).
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

import msgspec
from starlette.datastructures import Headers

from consigne.core.entry import entry_of
from consigne.core.sessions import Progress
from consigne.errors import BadHeader, UnsupportedMedia

PARTIAL = "application/partial-upload"
PROBLEMS = "https://iana.org/assignments/http-problem-types#"
NEWEST = 8

_OLDEST = 3
_RENAMED = 4  # from here on Upload-Complete, before it the opposite Upload-Incomplete
_TYPED = 6  # from here on an append has a media type, and there are limits
_MAX_AGE = 7  # from here on the limit of time is called max-age
_TOLD_LENGTH = 7  # from here on the length is told while the upload is incomplete

_PARAMETERS = r"(?:;[ ]*[a-z*][a-z0-9_\-.*]*(?:=[^;,]*)?)*"
_INTEGER = re.compile(rf"(\d{{1,15}}){_PARAMETERS}")
_BOOLEAN = re.compile(rf"\?([01]){_PARAMETERS}")


class Told(NamedTuple):
    """What a request says of its upload: the ``version`` spoken, and whether interim responses may
    be sent; whether its content is the last (``complete``), and the length of the whole."""

    version: int
    has_interim: bool
    complete: bool
    length: int | None


class Words(msgspec.Struct, frozen=True, array_like=True, tag="resumable"):
    """What is remembered of a creation: the digests that the whole must have, in hexadecimal."""

    digests: dict[str, str] = {}


def read_told(headers: Headers) -> Told | None:
    """Return what a request says of its upload; None where it does not ask for this protocol."""
    sent = _integer(headers, "upload-draft-interop-version")
    known = sent is not None and _OLDEST <= sent <= NEWEST
    version = sent if known and sent is not None else NEWEST
    if version < _RENAMED:
        incomplete = _boolean(headers, "upload-incomplete")
        complete = None if incomplete is None else not incomplete
    else:
        complete = _boolean(headers, "upload-complete")
    if complete is None:
        return None
    return Told(version, known, complete, _integer(headers, "upload-length"))


def version_of(headers: Headers) -> int:
    """Return the interop version that a request without content is answered in."""
    sent = _integer(headers, "upload-draft-interop-version")
    return sent if sent is not None and _OLDEST <= sent <= NEWEST else NEWEST


def read_offset(headers: Headers) -> int:
    """Return ``Upload-Offset``. Raises BadHeader where it is missing or no such number."""
    offset = _integer(headers, "upload-offset")
    if offset is None:
        raise BadHeader("Upload-Offset is missing or not a number.", parameter="Upload-Offset")
    return offset


def require_partial(headers: Headers, version: int) -> None:
    """Raise UnsupportedMedia unless a body is a piece of an upload."""
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != PARTIAL and version >= _TYPED:
        raise UnsupportedMedia(f"The Content-Type must be {PARTIAL}.", parameter="Content-Type")


def write_words(digests: Mapping[str, bytes]) -> str:
    """Return what an entry remembers of a creation."""
    words = Words({name: value.hex() for name, value in digests.items()})
    return msgspec.json.encode(words).decode()


def read_words(progress: Progress) -> Words | None:
    """Return what was remembered; None where the upload was begun in another way."""
    text = entry_of(progress.upload.intent).words
    try:
        return msgspec.json.decode(text, type=Words) if text else None
    except msgspec.ValidationError:
        return None


def digests_of(words: Words) -> dict[str, bytes]:
    """Return the digests that the whole must have."""
    return {name: bytes.fromhex(value) for name, value in words.digests.items()}


def state_headers(progress: Progress, version: int) -> list[tuple[str, str]]:
    """Return how far an upload is: offset, completeness, length where it is known."""
    upload, complete = progress.upload, progress.complete
    headers = [completeness(complete, version), ("Upload-Offset", str(upload.received))]
    # Older clients take an offset that equals the length for completeness.
    if upload.length is not None and (complete or version >= _TOLD_LENGTH):
        headers.append(("Upload-Length", str(upload.length)))
    return headers


def completeness(complete: bool, version: int) -> tuple[str, str]:
    """Return the field that says whether an upload is complete."""
    if version < _RENAMED:
        return ("Upload-Incomplete", "?0" if complete else "?1")
    return ("Upload-Complete", "?1" if complete else "?0")


def limit_headers(
    max_size: int, version: int = NEWEST, expires_at: int | None = None, now: int = 0
) -> list[tuple[str, str]]:
    """Return the limits of uploads, or of the one that ends at ``expires_at`` (ms)."""
    if version < _TYPED:
        return []
    limits = [f"max-size={max_size}"]
    if expires_at is not None:
        name = "max-age" if version >= _MAX_AGE else "expires"
        limits.append(f"{name}={max(0, expires_at - now) // 1000}")
    return [("Upload-Limit", ", ".join(limits))]


def _integer(headers: Headers, name: str) -> int | None:
    """Return a field that is an Integer (RFC 9651 §3.3.1); any other value counts as absent."""
    values = headers.getlist(name)
    found = _INTEGER.fullmatch(values[0].strip(" ")) if len(values) == 1 else None
    return int(found[1]) if found and found[1].isascii() else None


def _boolean(headers: Headers, name: str) -> bool | None:
    """Return a field that is a Boolean (RFC 9651 §3.3.6); any other value counts as absent."""
    values = headers.getlist(name)
    found = _BOOLEAN.fullmatch(values[0].strip(" ")) if len(values) == 1 else None
    return found[1] == "1" if found else None
