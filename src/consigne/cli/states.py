"""What an interrupted transfer leaves on this disk, so that the same command goes on with it.

Small JSON files in ``$XDG_STATE_HOME/consigne`` (``~/.local/state/consigne``), one per transfer,
written by rename: they are whole or not there.
"""

import hashlib
import os
from pathlib import Path
from typing import TypeVar

import msgspec

S = TypeVar("S", bound=msgspec.Struct)


class UploadState(msgspec.Struct, frozen=True):
    """An upload under way."""

    upload: str


class DownloadState(msgspec.Struct, frozen=True):
    """A download under way: the digest of the bytes that the part file has the start of."""

    sha256: str


def folder() -> Path:
    """Return where states are kept."""
    home = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(home) / "consigne"


def load(key: str, kind: type[S]) -> S | None:
    """Return what was saved under a key; None where there is nothing that can be read."""
    try:
        return msgspec.json.decode(_path(key).read_bytes(), type=kind)
    except (OSError, msgspec.MsgspecError):
        return None


def save(key: str, state: msgspec.Struct) -> None:
    """Keep a state under a key; without one a transfer only starts again."""
    path = _path(key)
    fresh = path.with_suffix(f".{os.getpid()}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fresh.write_bytes(msgspec.json.encode(state))
        fresh.rename(path)
    except OSError:
        return


def drop(key: str) -> None:
    """Forget a state."""
    try:
        _path(key).unlink(missing_ok=True)
    except OSError:
        return


def key_of(*parts: str) -> str:
    """Return the key of a transfer: what, from where, to where."""
    text = "\0".join(parts).encode("utf-8", "surrogateescape")
    return hashlib.sha256(text).hexdigest()[:32]


def _path(key: str) -> Path:
    return folder() / f"{key}.json"
