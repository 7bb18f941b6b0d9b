"""Content-Disposition (RFC 6266, RFC 8187) and the headers that make a download safe.

* A name is data: no control character of it ever reaches a header.
* A browser shows a content only where the declared *and* the detected type are passive; anything
  else is an attachment under a sandbox policy. The type is never sniffed.
"""

import re
import unicodedata
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import quote, unquote_to_bytes

from consigne.core.sniff import is_passive
from consigne.http.fields import TOKEN, Header, split_outside_quotes, utf8_else_latin1

OCTETS = "application/octet-stream"

_ATTR_CHARS = "!#$&+-.^_`|~"
_PARAMETER = re.compile(rf"({TOKEN})[ \t]*=[ \t]*(.*)", re.DOTALL)
_MEDIA_TYPE = re.compile(rf"{TOKEN}/{TOKEN}(?:[ \t]*;[\x20-\x7e\t]*)?")
_CHARSETS = {"utf-8": "utf-8", "iso-8859-1": "latin-1", "us-ascii": "ascii"}
# ``"`` and ``\`` confuse parsers, ``%`` is decoded by some browsers, ``/`` is never a name's.
_FALLBACK_UNSAFE = re.compile(r'[^\x20-\x7e]|["\\%/]')

_NOSNIFF = (b"x-content-type-options", b"nosniff")
_SANDBOX = (b"content-security-policy", b"sandbox; default-src 'none'")


class Disposition(NamedTuple):
    """A parsed Content-Disposition. ``kind`` in lower case; a parameter that is absent is None."""

    kind: str
    name: str | None
    filename: str | None


def render_disposition(kind: str, name: str) -> str:
    """Return a Content-Disposition in pure ASCII: ``filename`` and, if it differs, ``filename*``.

    >>> render_disposition("attachment", "été.pdf")
    'attachment; filename="ete.pdf"; filename*=UTF-8\\'\\'%C3%A9t%C3%A9.pdf'
    """
    clean = "".join(c for c in name if unicodedata.category(c) not in ("Cc", "Cs"))
    if not clean:
        return kind
    base = "".join(c for c in unicodedata.normalize("NFKD", clean) if not unicodedata.combining(c))
    fallback = _FALLBACK_UNSAFE.sub("_", base)
    if fallback == clean:
        return f'{kind}; filename="{fallback}"'
    extended = quote(clean, safe=_ATTR_CHARS)
    return f"{kind}; filename=\"{fallback}\"; filename*=UTF-8''{extended}"


def parse_disposition(value: str, *, form: bool = False) -> Disposition:
    """Read a Content-Disposition as clients really send it; never fails.

    ``value`` is Latin-1 decoded bytes or real text. ``filename*`` wins over ``filename``; raw bytes
    are UTF-8, else Latin-1. ``form`` also undoes the escapes of HTML forms (``%22``, ``%0D``,
    ``%0A``). The file name is returned as sent: ``model.names.clean_name`` makes it storable.
    """
    pieces = split_outside_quotes(utf8_else_latin1(value), ";")
    kind = next(pieces).lower()
    parameters: dict[str, str] = {}
    for piece in pieces:
        found = _PARAMETER.fullmatch(piece)
        if found:
            parameters.setdefault(found[1].lower(), _unquoted(found[2]))
    filename = _extended(parameters.get("filename*"))
    if filename is None and "filename" in parameters:
        filename = _form_text(parameters["filename"]) if form else parameters["filename"]
    name = parameters.get("name")
    if name is not None and form:
        name = _form_text(name)
    return Disposition(kind, name, filename)


def safe_media_type(value: str | None) -> str:
    """Return a media type that is fit for a header, or ``application/octet-stream``."""
    if value and value.isascii() and _MEDIA_TYPE.fullmatch(value):
        return value
    return OCTETS


@lru_cache(maxsize=4096)
def safe_headers(
    declared: str | None, detected: str | None, name: str, inline_wanted: bool
) -> tuple[Header, ...]:
    """Return Content-Type, Content-Disposition, nosniff and, for active content, the sandbox.

    ``declared`` is the type that is sent; ``detected`` the one found in the bytes, None where no
    one looked (which counts as active).
    """
    media_type = safe_media_type(declared)
    passive = is_passive(media_type) and is_passive(detected or "")
    kind = "inline" if passive and inline_wanted else "attachment"
    headers = (
        (b"content-type", media_type.encode("ascii")),
        (b"content-disposition", render_disposition(kind, name).encode("ascii")),
        _NOSNIFF,
    )
    return headers if passive else (*headers, _SANDBOX)


def bare_headers(
    declared: str | None, detected: str | None, name: str, inline_wanted: bool
) -> tuple[str, str]:
    """Return type and disposition for a server that can send no other headers (C-22).

    What is active there is only ever saved, and as octets: neither nosniff nor a sandbox helps.
    """
    media_type = safe_media_type(declared)
    if not (is_passive(media_type) and is_passive(detected or "")):
        return OCTETS, render_disposition("attachment", name)
    return media_type, render_disposition("inline" if inline_wanted else "attachment", name)


def _unquoted(text: str) -> str:
    if not text.startswith('"'):
        return text
    inner = text[1:-1] if len(text) > 1 and text.endswith('"') else text[1:]
    # Only real quoted pairs: ``"C:\temp\a.txt"`` is what old browsers send for a path.
    return re.sub(r'\\(["\\])', r"\1", inner)


def _form_text(text: str) -> str:
    return text.replace("%22", '"').replace("%0D", "\r").replace("%0A", "\n")


def _extended(text: str | None) -> str | None:
    """Decode ``charset'language'percent-encoded`` (RFC 8187 §3.2.1); None if it is none."""
    charset, mark, rest = (text or "").partition("'")
    _language, second, encoded = rest.partition("'")
    codec = _CHARSETS.get(charset.lower())
    if not mark or not second or codec is None:
        return None
    try:
        return unquote_to_bytes(encoded).decode(codec)
    except UnicodeDecodeError:
        return None
