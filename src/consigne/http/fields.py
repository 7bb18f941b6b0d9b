"""Header fields as ASGI carries them, and the small grammars that several fields share.

ASGI hands over names and values as bytes, names in lower case. Values are decoded as Latin-1 here
(RFC 9110 §5.5); a module that expects UTF-8 re-encodes and tries that first.
"""

import re
from collections.abc import Iterable, Iterator, Mapping

Header = tuple[bytes, bytes]

TOKEN = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"

_UNSAFE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_NAME = re.compile(TOKEN)


def pick(headers: Iterable[Header], names: frozenset[bytes]) -> dict[str, str]:
    """Return the fields whose lower-case name is in ``names``, in one pass over the raw headers.

    A field that occurs several times is joined with commas (RFC 9110 §5.2).

    >>> pick([(b"range", b"bytes=0-1"), (b"host", b"a")], frozenset({b"range"}))
    {'range': 'bytes=0-1'}
    """
    found: dict[str, str] = {}
    for name, value in headers:
        if name in names:
            key, text = name.decode("latin-1"), value.decode("latin-1")
            found[key] = f"{found[key]}, {text}" if key in found else text
    return found


def value_of(headers: Iterable[Header], name: bytes) -> str | None:
    """Return the first value of a field, or None; ``name`` in lower case."""
    for key, value in headers:
        if key == name:
            return value.decode("latin-1")
    return None


def split_outside_quotes(text: str, separator: str) -> Iterator[str]:
    """Yield the stripped pieces of a list or of parameters, leaving quoted strings whole.

    A backslash protects only a quote or another backslash: browsers put plain Windows paths between
    quotes, and those must not swallow the closing quote of what follows.

    >>> list(split_outside_quotes('a="x;y"; b', ";"))
    ['a="x;y"', 'b']
    """
    start, quoted, index = 0, False, 0
    while index < len(text):
        character = text[index]
        if quoted and character == "\\" and text[index + 1 : index + 2] in ('"', "\\"):
            index += 1
        elif character == '"':
            quoted = not quoted
        elif character == separator and not quoted:
            yield text[start:index].strip(" \t")
            start = index + 1
        index += 1
    yield text[start:].strip(" \t")


def utf8_else_latin1(text: str) -> str:
    """Return a Latin-1 decoded value as the UTF-8 that it may have been on the wire."""
    if text.isascii():
        return text
    try:
        return text.encode("latin-1").decode()
    except UnicodeError:  # not UTF-8, or never Latin-1: the caller had real text already
        return text


def encode_headers(headers: Mapping[str, str] | Iterable[tuple[str, str]]) -> list[Header]:
    """Return headers as ASGI wants them, names in lower case.

    Raises ValueError for a name that is no token and for control characters in a value, so that no
    header can be smuggled in through data (RFC 9110 §5.5).
    """
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    encoded: list[Header] = []
    for name, value in pairs:
        if not _NAME.fullmatch(name) or _UNSAFE.search(value):
            raise ValueError(f"Not a safe header: {name!r}")
        encoded.append((name.lower().encode("ascii"), value.encode("latin-1")))
    return encoded
