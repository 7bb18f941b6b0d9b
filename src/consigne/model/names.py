"""The one rule for names of files and folders (C-31). Names are data, never paths."""

import unicodedata

from consigne.errors import BadName

MAX_CHARACTERS = 256
MAX_BYTES = 1024
MAX_EXTENSION = 32

# Characters that reorder or hide the text around them (Unicode TR 36, bidirectional controls).
_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def clean_name(text: str, *, default: str = "") -> str:
    """Return the name that is stored for a client's file name.

    NFC, the part after the last ``/`` or ``\\``, no control or bidi characters, no blanks at the
    ends, at most 256 characters and 1,024 bytes (the extension is kept when cut). Where nothing is
    left, ``default``.

    >>> clean_name("../../etc/passwd")
    'passwd'
    """
    base = text.replace("\\", "/").rsplit("/", 1)[-1]
    name = clean_label(base)
    if name in (".", ".."):
        name = ""
    return shorten(name) or default


def clean_label(text: str) -> str:
    """Return a label (a folder's name): as ``clean_name``, but slashes are ordinary characters."""
    if text.isascii() and text.isprintable():
        return text.strip()
    whole = text.encode("utf-8", "replace").decode()
    # Composed at last: what was hidden may have stood between a letter and its accent.
    visible = "".join(c for c in whole if not _hidden(c))
    return unicodedata.normalize("NFC", visible).strip()


def require_label(text: str, *, parameter: str = "name") -> str:
    """Return the clean label, or raise BadName where nothing is left or it is too long."""
    label = clean_label(text)
    if not label or len(label) > MAX_CHARACTERS or len(label.encode()) > MAX_BYTES:
        raise BadName(
            f"The {parameter} must have 1 to {MAX_CHARACTERS} visible characters.",
            parameter=parameter,
        )
    return label


def shorten(name: str, characters: int = MAX_CHARACTERS, size: int = MAX_BYTES) -> str:
    """Cut a name to a number of characters and UTF-8 bytes, keeping a short extension."""
    if len(name) <= characters and len(name.encode()) <= size:
        return name
    stem, dot, extension = name.rpartition(".")
    if not stem or len(extension.encode()) > MAX_EXTENSION:
        stem, dot, extension = name, "", ""
    tail = dot + extension
    stem = stem[: characters - len(tail)]
    stem = stem.encode()[: size - len(tail.encode())].decode("utf-8", "ignore")
    return stem.rstrip() + tail


def extension_of(name: str) -> str:
    """Return the extension in lower case without the dot, or an empty string."""
    stem, dot, extension = name.rpartition(".")
    return extension.lower() if dot and stem else ""


def fold(text: str) -> str:
    """Return the form in which names are searched without regard to case (C-55)."""
    return unicodedata.normalize("NFC", text).casefold()


def _hidden(character: str) -> bool:
    return character in _BIDI or unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp")
