"""Types of texts, after the WHATWG MIME Sniffing standard (sections 5 and 7.1)."""

import codecs
import re

import msgspec

BINARY = bytes([*range(9), 0x0B, *range(0x0E, 0x1B), *range(0x1C, 0x20)])
"""Binary data bytes: a text has none of them."""

_HIGH = bytes(range(0x80, 0x100))
_LOOK = 4096
_UTF8 = codecs.getincrementaldecoder("utf-8")
_BOMS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
_HTML = re.compile(
    rb"<(?:!doctype html|html|head|script|iframe|h1|div|font|table|a|style|title|b|body|br|p"
    rb"|meta|img|form|link|base|object|embed|video|audio|frameset)[\s/>]|<!--",
    re.IGNORECASE,
)
_BEFORE_ROOT = re.compile(
    rb"(?:\s++|<\?.*?\?>|<!--.*?-->|<!doctype[^>\[]*+(?:\[.*?\])?+\s*+>)*+",
    re.IGNORECASE | re.DOTALL,
)
_ROOT = re.compile(rb"(?:\s+|<\?.*?\?>|<!--.*?-->|<!doctype[^>\[]*(?:\[.*?\])?\s*>)*", re.I | re.S)
_ROOT = re.compile(rb"<(?:[\w.-]+:)?([\w.-]+)")
_JSON_OBJECT = re.compile(rb'\{\s*"(?:[^"\\]|\\.)*+"\s*:')
_JSON_ARRAY = re.compile(rb'\[\s*(?:\{\s*"|\[|"(?:[^"\\]|\\.)*+"\s*,|-?\d+(?:\.\d+)?\s*,)')
_HEADER = re.compile(
    rb"(?:Return-Path|Received|Delivered-To|From|To|Subject|Date|Message-ID|MIME-Version"
    rb"|DKIM-Signature|X-[\w-]+|ARC-[\w-]+|Content-Type): ?",
    re.IGNORECASE,
)
_MAIL = re.compile(rb"^(?:From|Subject|Message-ID|MIME-Version):", re.IGNORECASE | re.MULTILINE)
_SCRIPTS = (
    (b"python", "text/x-python"),
    (b"perl", "text/x-perl"),
    (b"ruby", "text/x-ruby"),
    (b"node", "text/javascript"),
    (b"php", "application/x-php"),
)


def text_type(head: bytes, size: int) -> str:
    """Name a text by its beginning; '' if it is not a text.

    ``size`` is the size of the whole content: only a complete one is parsed as JSON.
    """
    for mark, encoding in _BOMS:
        if head.startswith(mark):
            if encoding == "utf-8":
                return markup(head[3:], size - 3) or "text/plain"
            decoded = head[2:_LOOK].decode(encoding, "replace")
            return markup(decoded.encode(), 0) or "text/plain"
    start = head[:_LOOK]
    if b"\0" in head or len(start.translate(None, BINARY)) != len(start):
        return ""
    if not start.isascii() and not _is_text(start, len(start) == size):
        return ""
    return markup(head, size) or "text/plain"


def _is_text(start: bytes, complete: bool) -> bool:
    """Whether bytes above 127 are UTF-8, or so few that they can be accents of a Latin text."""
    try:
        _UTF8().decode(start, final=complete)
    except UnicodeDecodeError:
        return len(start.translate(None, _HIGH)) * 10 >= len(start) * 7
    return True


def markup(text: bytes, size: int) -> str:
    """Name a text in a format of its own: HTML, XML, SVG, JSON, mail, script; '' for plain text."""
    start = text[:_LOOK].lstrip()
    first = start[:1]
    if first == b"<":
        return _angle(start)
    if first in (b"{", b"["):
        return "application/json" if _is_json(text, start, len(text) == size) else ""
    if start.startswith(b"#!") and b"/" in start[2:12]:
        line = start[:128].split(b"\n", 1)[0]
        return next((type for name, type in _SCRIPTS if name in line), "text/x-shellscript")
    if _HEADER.match(start) and len({found.lower() for found in _MAIL.findall(start)}) > 1:
        return "message/rfc822"
    return ""


def _angle(start: bytes) -> str:
    """Name what begins with ``<``. What could be HTML to a browser is HTML."""
    is_xml = start[:5].lower() == b"<?xml"
    if not is_xml and _HTML.match(start) and not start.startswith(b"<!--"):
        return "text/html"
    before = _BEFORE_ROOT.match(start)
    root = _ROOT.match(start, before.end() if before else 0)
    name = root.group(1).lower() if root else b""
    if name == b"svg":
        return "image/svg+xml"
    if is_xml:
        return "application/xhtml+xml" if name == b"html" else "application/xml"
    if start.startswith(b"<!--") or (root and _HTML.match(start, root.start())):
        return "text/html"
    if b"xmlns" in start[:1024] and name:
        return "application/xml"
    return ""


def _is_json(text: bytes, start: bytes, complete: bool) -> bool:
    if not complete:
        return bool(_JSON_OBJECT.match(start) or _JSON_ARRAY.match(start))
    try:
        msgspec.json.decode(text, type=msgspec.Raw)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return False
    return True
