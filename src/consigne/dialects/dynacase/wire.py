"""What answers say about files: tokens, references, addresses, dates (DY-40 to DY-43, DY-50).

Pure functions, but for the configured base address and time zone that a ``Wire`` carries.
"""

import re
from datetime import UTC, datetime, tzinfo
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from consigne.core.sniff_tables import OCTETS
from consigne.errors import BadParameter
from consigne.model.entities import File
from consigne.model.identity import MAX, from_decimal
from consigne.settings import Settings

TEMPORARY = "file://tmp/"
SINGLE = -1
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_TOKEN = re.compile(r"[a-z]{14}")


def to_token(number: int) -> str:
    """Spell the identity of a temporary file in 14 letters, base 26.

    >>> to_token(27), from_token("aaaaaaaaaaaabb")
    ('aaaaaaaaaaaabb', 27)
    """
    text = ""
    for _ in range(14):
        number, digit = divmod(number, 26)
        text = _LETTERS[digit] + text
    return text


def from_token(text: str) -> int | None:
    """Read a token; None if it is malformed or out of range."""
    if not _TOKEN.fullmatch(text):
        return None
    number = 0
    for letter in text:
        number = number * 26 + _LETTERS.index(letter)
    return number if number <= MAX else None


def mime_of(file: File) -> str:
    """Return the type that the bytes have; an empty file has none in particular (DY-15)."""
    return (file.detected_type if file.size else None) or OCTETS


def reference_to(file: File) -> str:
    """Return the value of an attribute that names a file of the vault (DY-41)."""
    return f"{mime_of(file)}|{file.id}|{file.name}"


def named_by(reference: str) -> int | None:
    """Return the identity that a reference names, temporary or not; None where it names none.

    Of ``mime|id|name`` only the id counts (DY-52).
    """
    if reference.startswith(TEMPORARY):
        return from_token(reference.removeprefix(TEMPORARY))
    pieces = reference.split("|", 2)
    return from_decimal(pieces[1]) if len(pieces) == 3 else None


def temporary_etag(file: File) -> str:
    return f'"{to_token(file.id)}-{file.version}"'


def vault_etag(file: File) -> str:
    return f'"{file.id}-{file.version}"'


class Wire:
    """Documents and addresses under the configured base. Raises BadParameter (time zone)."""

    def __init__(self, settings: Settings) -> None:
        self._base = settings.base_url
        self.zone = _zone(settings.dynacase_timezone)

    def moment(self, milliseconds: int | None) -> str:
        """Return a time without zone, as the clocks of the time zone show it."""
        at = datetime.fromtimestamp((milliseconds or 0) // 1000, self.zone)
        return at.strftime("%Y-%m-%dT%H:%M:%S")

    def temporary_uri(self, file: File) -> str:
        return f"{self._base}/api/files/{to_token(file.id)}"

    def document_uri(self, number: int) -> str:
        return f"{self._base}/api/documents/{number}"

    def trash_uri(self, number: int) -> str:
        return f"{self._base}/api/trash/{number}"

    def vault_uri(self, number: int, file: File) -> str:
        return f"{self.document_uri(number)}/files/{file.id}"

    def download_url(self, number: int, file: File, attribute: str, index: int) -> str:
        """Return where the bytes are (DY-42)."""
        name = quote(file.name, safe="")
        return f"{self._base}/file/{number}/{file.id}/{index}/{attribute}/{name}"

    def temporary(self, file: File) -> dict[str, Any]:
        """Return ``data.file`` of a temporary file."""
        reference = f"{TEMPORARY}{to_token(file.id)}"
        return self._file(file, self.temporary_uri(file), reference, None)

    def vault(
        self, number: int, file: File, attribute: str, index: int, reference: str
    ) -> dict[str, Any]:
        """Return ``data.file`` of a file that an attribute of a document holds."""
        address = self.download_url(number, file, attribute, index)
        return self._file(file, self.vault_uri(number, file), reference, address)

    def _file(self, file: File, uri: str, reference: str, download: str | None) -> dict[str, Any]:
        return {
            "uri": uri,
            "mime": mime_of(file),
            "size": file.size,
            "cdate": self.moment(file.created_at),
            "mdate": self.moment(file.completed_at),
            "fileName": file.name,
            "reference": reference,
            "downloadUrl": download,
        }


def _zone(name: str) -> tzinfo:
    if name.upper() == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise BadParameter(f"CONSIGNE_DYNACASE_TIMEZONE: {name!r} is no time zone.") from None
