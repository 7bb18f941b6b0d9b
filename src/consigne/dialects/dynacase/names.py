"""File names as clients send them, and as they are stored (DY-13, DY-14)."""

import re
from urllib.parse import unquote_to_bytes

from starlette.datastructures import Headers

from consigne.dialects.dynacase.envelope import Message
from consigne.http.dispositions import parse_disposition
from consigne.model.names import clean_name, shorten

MAX_BYTES = 255
_REPLACED = re.compile(r"[?*:]")


def told_name(headers: Headers, query: dict[str, str]) -> str | None:
    """Return the name that a request with the bare file as its body gives it, None for none.

    The first of: Content-Disposition, ``?filename=``, ``X-File-Name`` (percent-encoded).
    """
    disposition = headers.get("content-disposition")
    if disposition and (name := parse_disposition(disposition).filename):
        return name
    if name := query.get("filename"):
        return name
    if plain := headers.get("x-file-name"):
        raw = unquote_to_bytes(plain.encode("latin-1"))
        try:
            return raw.decode()
        except UnicodeDecodeError:
            return raw.decode("latin-1")
    return None


def stored_name(told: str | None) -> tuple[str, list[Message]]:
    r"""Return the name to store, empty where nothing is left, and a warning where it was changed.

    >>> stored_name(r"C:\scans\why?.pdf")[0]
    'why-.pdf'
    """
    cleaned = clean_name(told or "")
    name = _REPLACED.sub("-", cleaned)
    warnings = []
    if name != cleaned:
        warnings.append(Message("warning", f'The file was renamed to "{name}"'))
    return shorten(name, MAX_BYTES, MAX_BYTES), warnings
