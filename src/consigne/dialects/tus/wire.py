"""What the headers of tus 1.0 say, and what is said in them. Pure functions."""

import base64
import binascii
import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

import msgspec
from starlette.datastructures import Headers

from consigne.core.entry import Entry, clean_type, entry_of
from consigne.core.sessions import Progress
from consigne.errors import BadHeader, BadParameter, UnsupportedMedia
from consigne.http.dates import http_date
from consigne.model.identity import Kind, from_uuid, to_uuid

VERSION = "1.0.0"
EXTENSIONS = (
    "creation",
    "creation-with-upload",
    "creation-defer-length",
    "expiration",
    "termination",
    "concatenation",
    "checksum",
    "checksum-trailer",
)
ALGORITHMS = {"sha1": "sha", "md5": "md5", "sha256": "sha-256", "crc32": "crc32"}
LENGTHS = {"sha": 20, "md5": 16, "sha-256": 32, "crc32": 4}
BODY = "application/offset+octet-stream"
FILE_HEADER = "X-Consigne-File"

_MAX_METADATA = 16 * 1024
_MAX_PIECES = 1000
_FINAL = "final;"
_KEY = re.compile(r"[\x21-\x2b\x2d-\x7e]{1,64}")
_UNTOLD = "application/octet-stream"
# What the key of the protocol's examples says, and what Uppy says beside it.
_OWN = frozenset({"filename", "name", "filetype", "type", "space", "folder", "tags", "hold"})


class Words(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a client said when it created an upload, as it is told to it again."""

    metadata: str = ""
    concat: str = ""


class Creation(NamedTuple):
    """What a creation asks for: ``length`` None where it comes later, ``pieces`` where the file is
    made of other uploads (their ids)."""

    length: int | None
    metadata: dict[str, str]
    words: Words
    is_partial: bool
    pieces: list[int]


def read_creation(headers: Headers) -> Creation:
    """Return what a creation asks for. Raises BadHeader."""
    words = Words(single(headers, "upload-metadata") or "", single(headers, "upload-concat") or "")
    length, deferred = count(headers, "upload-length"), single(headers, "upload-defer-length")
    if deferred not in (None, "1"):
        raise BadHeader("Upload-Defer-Length can only be 1.", parameter="Upload-Defer-Length")
    is_final = words.concat.startswith(_FINAL)
    if words.concat and not is_final and words.concat != "partial":
        raise BadHeader(
            "Upload-Concat is 'partial', or 'final;' and URLs.", parameter="Upload-Concat"
        )
    told = (length is not None) + (deferred is not None)
    if told != (0 if is_final else 1):
        what = "neither" if is_final else "one"
        raise BadHeader(
            f"This upload needs {what} of Upload-Length and Upload-Defer-Length.",
            parameter="Upload-Length",
        )
    pieces = _pieces(words.concat) if is_final else []
    metadata = parse_metadata(words.metadata)
    return Creation(length, metadata, words, words.concat == "partial", pieces)


def _pieces(concat: str) -> list[int]:
    """Return the uploads named by URLs, with or without scheme and host."""
    urls = concat.removeprefix(_FINAL).split()
    numbers = [upload_number(unquote(urlsplit(url).path).rpartition("/")[2]) for url in urls]
    found = [number for number in numbers if number is not None]
    if not found or len(found) != len(urls) or len(found) > _MAX_PIECES:
        raise BadHeader("Upload-Concat names no uploads of this server.", parameter="Upload-Concat")
    return found


def upload_number(text: str) -> int | None:
    """Return the number of an upload, which is that of its file; None for what is no id."""
    return from_uuid(Kind.FILE, text)


def upload_id(number: int) -> str:
    """Return the id of an upload's file as the native API writes it."""
    return to_uuid(Kind.FILE, number)


def parse_metadata(text: str) -> dict[str, str]:
    """Return the pairs of ``Upload-Metadata``; a key without a value has an empty one.

    Raises BadHeader.
    """
    if len(text) > _MAX_METADATA:
        raise _bad_metadata(f"has more than {_MAX_METADATA} bytes")
    found: dict[str, str] = {}
    for pair in text.split(",") if text.strip() else ():
        key, _, value = pair.strip().partition(" ")
        if not _KEY.fullmatch(key) or key in found:
            raise _bad_metadata("has a key that is empty, too long or there twice")
        try:
            found[key] = base64.b64decode(value.strip(), validate=True).decode()
        except (binascii.Error, UnicodeDecodeError, ValueError):
            raise _bad_metadata(f"has a value of {key!r} that is not UTF-8 in base64") from None
    return found


def entry_from(
    creation: Creation, *, folder_id: int | None, now: int, hold_seconds: float
) -> Entry:
    """Return what the file shall be; keys that are not ours become its fields.

    ``hold_seconds``: how long a held file stays. Raises BadParameter.
    """
    told = creation.metadata
    kind = clean_type(told.get("filetype") or told.get("type"))
    hold = _flag(told.get("hold", "false"))
    return Entry(
        name=told.get("filename") or told.get("name") or "",
        declared_type=None if kind is None or kind.lower() == _UNTOLD else kind,
        folder_id=folder_id,
        hold=hold,
        expires_at=now + int(hold_seconds * 1000) if hold else None,
        guess_type=True,
        fields={key: value for key, value in told.items() if key not in _OWN},
        tags=[tag.strip() for tag in told.get("tags", "").split(",") if tag.strip()],
        is_partial=creation.is_partial,
        words=msgspec.json.encode(creation.words).decode(),
    )


def read_words(progress: Progress) -> Words | None:
    """Return what the client said of an upload; None where it came by another door."""
    text = entry_of(progress.upload.intent).words
    try:
        return msgspec.json.decode(text, type=Words) if text else None
    except msgspec.ValidationError:
        return None


def is_final(words: Words) -> bool:
    """Tell whether an upload was made of others."""
    return words.concat.startswith(_FINAL)


def state_headers(progress: Progress) -> list[tuple[str, str]]:
    """Return how far an upload is, until when it may go on, and the file that it has become."""
    upload = progress.upload
    headers = [("Upload-Offset", str(upload.received))]
    if progress.complete:
        headers.append((FILE_HEADER, upload_id(progress.file.id)))
    else:
        headers.append(("Upload-Expires", http_date(upload.expires_at)))
    return headers


def description_headers(progress: Progress, words: Words) -> list[tuple[str, str]]:
    """Return what was said of an upload when it was created."""
    length = progress.upload.length
    headers = [("Upload-Defer-Length", "1") if length is None else ("Upload-Length", str(length))]
    if words.metadata:
        headers.append(("Upload-Metadata", words.metadata))
    if words.concat:
        headers.append(("Upload-Concat", words.concat))
    return headers


def read_checksum(text: str) -> dict[str, bytes]:
    """Return the digest in ``Upload-Checksum`` by the core's name. Raises BadHeader."""
    name, _, value = text.strip().partition(" ")
    algorithm = ALGORITHMS.get(name)
    if algorithm is None:
        raise BadHeader(
            f"Upload-Checksum: use one of {', '.join(ALGORITHMS)}.", parameter="Upload-Checksum"
        )
    try:
        digest = base64.b64decode(value.strip(), validate=True)
    except (binascii.Error, ValueError):
        digest = b""
    if len(digest) != LENGTHS[algorithm]:
        raise BadHeader(
            f"Upload-Checksum is no {name} digest in base64.", parameter="Upload-Checksum"
        )
    return {algorithm: digest}


def announces_trailer(headers: Headers) -> bool:
    """Tell whether the checksum comes behind the body."""
    names = (name.strip().lower() for value in headers.getlist("trailer") for name in
             value.split(","))  # fmt: skip
    return "upload-checksum" in names


def trailer_checksum(trailers: Iterable[tuple[bytes, bytes]]) -> Mapping[str, bytes]:
    """Return the digest behind a body that was to have one. Raises BadHeader."""
    found = [value for name, value in trailers if name == b"upload-checksum"]
    if len(found) != 1:
        raise BadHeader(
            "The Upload-Checksum that Trailer announces did not come.", parameter="Trailer"
        )
    return read_checksum(found[0].decode("latin-1"))


def require_body_type(headers: Headers) -> None:
    """Raise UnsupportedMedia unless a body is one of this protocol."""
    if headers.get("content-type", "").partition(";")[0].strip().lower() != BODY:
        raise UnsupportedMedia(f"The Content-Type must be {BODY}.")
    if headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
        raise UnsupportedMedia("A content coding is not accepted: files are kept as they are sent.")


def count(headers: Headers, name: str) -> int | None:
    """Return a header that is a number of bytes. Raises BadHeader."""
    text = single(headers, name)
    if text is None:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise BadHeader(f"{name.title()} is not a number of bytes.", parameter=name.title())
    return int(text)


def single(headers: Headers, name: str) -> str | None:
    """Return the value of a header, None without one.

    Raises BadHeader where it is repeated, or could not be told again in an answer.
    """
    values = headers.getlist(name)
    if len(values) > 1:
        raise BadHeader(f"{name.title()} is there more than once.", parameter=name.title())
    if values and not values[0].isprintable():
        raise BadHeader(f"{name.title()} has control characters.", parameter=name.title())
    return values[0].strip() if values else None


def _bad_metadata(what: str) -> BadHeader:
    return BadHeader(f"Upload-Metadata {what}.", parameter="Upload-Metadata")


def _flag(text: str) -> bool:
    lowered = text.strip().lower()
    if lowered in ("true", "1", ""):
        return True
    if lowered in ("false", "0"):
        return False
    raise BadParameter("hold must be true or false.", parameter="hold")
