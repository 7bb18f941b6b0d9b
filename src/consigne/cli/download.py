"""Fetching one file, and going on with it after an interruption of this command."""

import hashlib
import os
from pathlib import Path
from typing import BinaryIO

from consigne.cli import states
from consigne.cli.exits import Failure
from consigne.cli.places import shown_path
from consigne.cli.progress import Meter, advancing
from consigne.cli.remote import Remote
from consigne.cli.states import DownloadState
from consigne.client import Corrupt, File
from consigne.client.fetching import part_path


def fetch(remote: Remote, file: File, path: Path, meter: Meter, number: int) -> bool:
    """Fetch a file to a path; return whether an earlier attempt was continued.

    Raises Failure, ClientError, Stopped; the part file then stays for the next attempt, unless it
    is wrong.
    """
    part = part_path(path)
    key = states.key_of("get", remote.url, file.id, os.path.abspath(part))
    state = states.load(key, DownloadState)
    resume = state is not None and state.sha256 == file.sha256
    states.save(key, DownloadState(file.sha256 or ""))
    try:
        continued = resume and part.exists() and part.stat().st_size > 0
        progress = advancing(meter, number, remote)
        remote.download(file, path, resume=resume, progress=progress)
    except Corrupt:
        states.drop(key)
        raise
    except OSError as error:
        raise Failure(f"{shown_path(path)} cannot be written: {error.strerror}.") from error
    states.drop(key)
    return continued


def pour(remote: Remote, file: File, target: BinaryIO) -> None:
    """Write a file to a stream that cannot be taken back. Raises ClientError where it was wrong."""
    remote.download(file, target)
    target.flush()


def is_same(path: Path, file: File) -> bool:
    """Tell whether a path has the bytes of a file."""
    try:
        if path.stat().st_size != file.size:
            return False
        with path.open("rb") as source:
            return hashlib.file_digest(source, "sha256").hexdigest() == file.sha256
    except OSError:
        return False
