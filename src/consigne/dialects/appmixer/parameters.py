"""What requests say beside their bodies: the ``uploader-*`` headers and the query's parameters."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, unquote_to_bytes

import msgspec

from consigne.core.sessions import MAX_PARTS
from consigne.dialects.appmixer.filters import FIELDS, METADATA, OWNER
from consigne.dialects.appmixer.wire import file_number
from consigne.errors import BadHeader, BadParameter, BadSort
from consigne.http.dispositions import OCTETS
from consigne.http.fields import Header, utf8_else_latin1
from consigne.model.names import clean_name
from consigne.model.query import Order

MAX_LIMIT = 10_000
MAX_SORT = 10

_LARGEST = (1 << 63) - 1
_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_KEY = re.compile(r"[0-9]{1,20}")
_NUMBER = re.compile(r"[0-9]{1,19}")
_EXTENDED = re.compile(r"utf-8'[^']*'(.*)", re.IGNORECASE | re.DOTALL)
HEADERS = {
    name.encode(): name
    for name in (
        "uploader-file-id",
        "uploader-file-name",
        "uploader-chunk-size",
        "uploader-chunk-number",
        "uploader-chunks-total",
    )
}


class Chunk(msgspec.Struct, frozen=True):
    """What the ``uploader-*`` headers say (AM-14).

    One of ``file_id`` (number of a file of ours) and ``key`` (digits of the client's own choice) is
    set, or neither: a new file. ``number`` counts from 1, with a ``key`` from 0 (AM-18).
    """

    file_id: int | None = None
    key: str | None = None
    name: str = ""
    size: int | None = None
    number: int | None = None
    total: int | None = None


class Projection(msgspec.Struct, frozen=True):
    """Which properties of the file JSON are shown (AM-21): all but, or only, these names."""

    names: frozenset[str]
    only: bool

    def apply(self, document: dict[str, Any]) -> dict[str, Any]:
        """Return the document with what is wanted; metadata keys may be named one by one."""
        shown = {}
        for name, value in document.items():
            if name == "metadata" and name not in self.names:
                value = {k: v for k, v in value.items() if self._shows(METADATA + k)}
                if value or not self.only:
                    shown[name] = value
            elif self._shows(name):
                shown[name] = value
        return shown

    def _shows(self, name: str) -> bool:
        return (name in self.names) is self.only


# Headers


def parse_chunk(headers: Iterable[Header]) -> Chunk:
    """Read the five headers. Raises BadHeader, FileNotFound (a UUID that is none of ours)."""
    found: dict[str, str] = {}
    for raw, value in headers:
        name = HEADERS.get(raw)
        if name is not None:
            if name in found:
                raise BadHeader(f"{name}: sent more than once", parameter=name)
            found[name] = value.decode("latin-1").strip()
    chunk = Chunk(
        name=decode_name(found.get("uploader-file-name", "")),
        size=_decimal(found, "uploader-chunk-size"),
        number=_decimal(found, "uploader-chunk-number"),
        total=_decimal(found, "uploader-chunks-total"),
    )
    target = found.get("uploader-file-id")
    if target is not None and _KEY.fullmatch(target):
        chunk = msgspec.structs.replace(chunk, key=target)
        _check_keyed(chunk)
        return chunk
    _check_numbers(chunk, new=target is None)
    if target is None:
        return chunk
    if not _UUID.fullmatch(target):
        raise BadHeader("uploader-file-id: neither a UUID nor digits", parameter="uploader-file-id")
    return msgspec.structs.replace(chunk, file_id=file_number(target))


def decode_name(text: str) -> str:
    """Return a file name out of a header: UTF-8, else Latin-1; ``UTF-8''caf%C3%A9`` is decoded."""
    extended = _EXTENDED.fullmatch(text)
    if extended:
        try:
            return unquote_to_bytes(extended[1].encode("latin-1")).decode()
        except UnicodeDecodeError:
            pass  # then it is a strange name, and not an encoded one
    return utf8_else_latin1(text)


def choose_name(header: str, filename: str | None) -> str:
    """Return a new file's name: the header's, else the part's, else ``file`` (AM-14)."""
    return clean_name(header) or clean_name(filename or "") or "file"


def choose_type(content_type: str | None) -> str | None:
    """Return the type that a part declares; ``application/octet-stream`` declares nothing."""
    essence = (content_type or "").partition(";")[0].strip().lower()
    return None if essence in ("", OCTETS) else content_type


def _decimal(found: Mapping[str, str], name: str) -> int | None:
    text = found.get(name)
    if text is not None and not _NUMBER.fullmatch(text):
        raise BadHeader(f"{name}: not a decimal number", parameter=name)
    return None if text is None else int(text)


def _check_numbers(chunk: Chunk, *, new: bool) -> None:
    """Refuse what no sequence of chunks can have (AM-15)."""
    number, total = chunk.number, chunk.total
    if total is not None and not 1 <= total <= MAX_PARTS:
        raise _bad_total(f"from 1 to {MAX_PARTS}")
    if number is not None and not 1 <= number <= (total or MAX_PARTS):
        raise _bad_number(f"from 1 to {total or MAX_PARTS}")
    if new and number not in (None, 1):
        raise _bad_number("a new file begins with 1")


def _check_keyed(chunk: Chunk) -> None:
    """Refuse what huge-uploader never sends: its numbers are 0-based, and always there (AM-18)."""
    if chunk.number is None or chunk.total is None:
        missing = _bad_number if chunk.number is None else _bad_total
        raise missing("required with a key of digits")
    if chunk.total > MAX_PARTS:
        raise _bad_total(f"from 0 to {MAX_PARTS}")
    if chunk.number > max(0, chunk.total - 1):
        raise _bad_number(f"from 0 to {max(0, chunk.total - 1)}")


def _bad_number(why: str) -> BadHeader:
    return BadHeader(f"uploader-chunk-number: {why}", parameter="uploader-chunk-number")


def _bad_total(why: str) -> BadHeader:
    return BadHeader(f"uploader-chunks-total: {why}", parameter="uploader-chunks-total")


# Parameters


def parse_query(raw: bytes) -> dict[str, list[str]]:
    """Return the query's parameters with all their values; ``filter[]`` is ``filter``.

    Raises BadParameter where it is not UTF-8: a filter that is guessed at could delete too much.
    """
    try:
        pairs = parse_qsl(raw.decode(), keep_blank_values=True, errors="strict")
    except UnicodeDecodeError:
        raise BadParameter("The query is not UTF-8.", parameter="query") from None
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault("filter" if name == "filter[]" else name, []).append(value)
    return found


def single(query: Mapping[str, Sequence[str]], name: str) -> str | None:
    """Return the one value of a parameter, None without it. Raises BadParameter."""
    values = query.get(name, ())
    if len(values) > 1:
        raise BadParameter(f"{name}: sent more than once", parameter=name)
    return values[0] if values else None


def parse_count(
    query: Mapping[str, Sequence[str]], name: str, default: int, least: int, most: int = _LARGEST
) -> int:
    """Return ``limit`` or ``offset``; empty is absent, final backslashes are dropped (AM-27)."""
    text = (single(query, name) or "").rstrip("\\")
    if not text:
        return default
    if not _NUMBER.fullmatch(text) or not least <= int(text) <= most:
        bounds = f"{least} to {most}" if most < _LARGEST else f"{least} upwards"
        raise BadParameter(f"{name}: a number from {bounds}", parameter=name)
    return int(text)


def parse_flag(query: Mapping[str, Sequence[str]], name: str) -> bool:
    """Return a boolean parameter, False without it. Raises BadParameter."""
    text = single(query, name)
    if text not in (None, "true", "1", "false", "0"):
        raise BadParameter(f"{name}: true, 1, false or 0", parameter=name)
    return text in ("true", "1")


def parse_sort(text: str | None) -> tuple[Order, ...]:
    """Return the sort keys of ``field:1,field:-1``; none: order of creation (AM-20).

    Raises BadSort.
    """
    orders: list[Order] = []
    for item in text.split(",") if text else ():
        name, _, direction = item.strip().rpartition(":")
        if direction not in ("1", "-1") or "\0" in name:
            raise BadSort("sort: write field:1 or field:-1", parameter="sort")
        descending = direction == "-1"
        if name in FIELDS:
            orders.append(Order(FIELDS[name], descending))
        elif name.startswith(METADATA) and len(name) > len(METADATA):
            if name != OWNER:  # the same for all files of a list
                orders.append(Order(None, descending, name.removeprefix(METADATA)))
        else:
            raise BadSort(f"sort: there is no field {name!r}", parameter="sort")
    if len(orders) > MAX_SORT:
        raise BadSort(f"sort: at most {MAX_SORT} fields", parameter="sort")
    return tuple(orders)


def parse_projection(text: str | None) -> Projection | None:
    """Return what ``a,b`` or ``-a,-b`` leaves of a file; None: all. Raises BadParameter."""
    names = [name.strip() for name in text.split(",") if name.strip()] if text else []
    if not names:
        return None
    excluded = [name.startswith("-") for name in names]
    if any(excluded) and not all(excluded):
        raise BadParameter("projection: either names or -names, not both", parameter="projection")
    if excluded[0]:
        return Projection(frozenset(name[1:] for name in names), only=False)
    return Projection(frozenset([*names, "fileId"]), only=True)
