"""Where things are at the other end: files and folders by id or by path, and names on this disk."""

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote, unquote

import msgspec

from consigne.cli.exits import Exit, Failure
from consigne.cli.remote import Remote
from consigne.model.identity import Kind, from_uuid
from consigne.model.names import clean_label, shorten

ROOT = "root"
_LOCAL_BYTES = 255  # of one name, on all common file systems


class RemoteFile(msgspec.Struct, frozen=True):
    """What the commands need of a file of the native API."""

    id: str
    name: str
    size: int
    sha256: str | None = None
    state: str = "kept"
    type: str = ""
    created_at: str = ""
    completed_at: str | None = None
    folder: str | None = None
    version: int = 0


class RemoteFolder(msgspec.Struct, frozen=True):
    """A folder: its id (``root`` at the top) and its name."""

    id: str
    name: str


TOP = RemoteFolder(ROOT, "")
FILE_FIELDS = ",".join(RemoteFile.__struct_fields__)


def file_of(document: Any) -> RemoteFile:
    """Return the file of a JSON document. Raises Failure where that is none."""
    try:
        return msgspec.convert(document, RemoteFile)
    except msgspec.ValidationError as error:
        raise Failure(f"The server's answer is not understood: {error}.") from error


def files_in(remote: Remote, folder: RemoteFolder, *filters: str) -> Iterator[RemoteFile]:
    """Yield the files directly in a folder."""
    params = [("folder", folder.id), ("fields", FILE_FIELDS)]
    params += [("filter", each) for each in filters]
    for document in remote.pages("/files", "files", params):
        yield file_of(document)


def folders_in(remote: Remote, folder: RemoteFolder) -> Iterator[RemoteFolder]:
    """Yield the folders directly in a folder."""
    for document in remote.pages("/folders", "folders", [("parent", folder.id)]):
        yield RemoteFolder(document["id"], document["name"])


def folder_at(remote: Remote, words: str) -> RemoteFolder | None:
    """Return the folder of an id or a path; None where there is none. Raises Failure (ambiguous).

    In a path ``/`` separates; a slash in a name is written ``%2F``.
    """
    if from_uuid(Kind.FOLDER, words) is not None:
        document = remote.json("GET", f"/folders/{words}")
        return RemoteFolder(document["id"], document["name"])
    if words.strip("/") in ("", ROOT):
        return TOP
    try:
        # Only a folder that is there can be listed; its own id is its parent's to tell.
        remote.json("GET", "/folders", params=[("parent", words), ("limit", "1")])
    except Failure as failure:
        if failure.rule in ("folder_unknown", "folder_not_found"):
            return None
        raise
    parent, name = _split(words)
    above = folder_at(remote, parent) or TOP
    wanted = clean_label(unquote(name))
    found = [each for each in folders_in(remote, above) if each.name == wanted]
    return found[0] if found else None


def require_folder(remote: Remote, words: str) -> RemoteFolder:
    """Return the folder of an id or a path. Raises Failure."""
    found = folder_at(remote, words)
    if found is None:
        raise Failure(f"There is no folder {words!r}.", rule="folder_not_found", exit=Exit.MISSING)
    return found


def ensure_folder(remote: Remote, path: str) -> RemoteFolder:
    """Return the folder of a path, making what is missing of it."""
    if path.strip("/") in ("", ROOT):
        return TOP
    document = remote.json("PUT", "/folders", params=[("path", path)])
    return RemoteFolder(document["id"], document["name"])


def find(remote: Remote, words: str) -> RemoteFile | RemoteFolder:
    """Return what an id or a path names. Raises Failure where it is nothing, or several things."""
    if from_uuid(Kind.FILE, words) is not None:
        return file_of(remote.json("GET", f"/files/{words}"))
    folder = folder_at(remote, words)
    if folder is not None:
        return folder
    parent, name = _split(words)
    above = folder_at(remote, parent)
    found = list(files_in(remote, above, f"name={unquote(name)}")) if above else []
    if not found:
        raise Failure(f"There is nothing at {words!r}.", rule="not_found", exit=Exit.MISSING)
    if len(found) > 1:
        ids = ", ".join(each.id for each in found[:5])
        raise Failure(
            f"{len(found)} files are called {words!r}.",
            rule="ambiguous",
            hint=f"Name one by its id: {ids}.",
        )
    return found[0]


def path_segment(name: str) -> str:
    """Return a folder's name as a segment of a path."""
    return quote(name, safe=" ")


def local_name(name: str) -> str:
    """Return a name under which this disk can hold a file or folder of that name.

    Names are data: ``..``, ``a/b`` or a control character lead nowhere.

    >>> local_name("../a")
    '.._a'
    """
    kept = "".join("_" if c in "/\\\0" or not c.isprintable() else c for c in name)
    kept = shorten(kept.strip() or "_", _LOCAL_BYTES, _LOCAL_BYTES)
    return "_" if kept in (".", "..") else kept


def free_name(name: str, taken: set[str]) -> str:
    """Return a name that is not taken, and take it: names at the other end need not be unique.

    >>> free_name("a.txt", {"a.txt"})
    'a (2).txt'
    """
    number, candidate = 1, name
    while candidate.casefold() in taken:
        number += 1
        tail = f" ({number}){PurePosixPath(name).suffix}"
        room = _LOCAL_BYTES - len(tail.encode())
        candidate = shorten(PurePosixPath(name).stem, room, room) + tail
    taken.add(candidate.casefold())
    return candidate


def part_name(name: str) -> str:
    """Return the name under which a file arrives.

    >>> part_name("a.txt")
    'a.txt.part'
    """
    room = _LOCAL_BYTES - len(".part")
    return shorten(name, room, room) + ".part"


def shown_path(path: Path) -> str:
    """Return a path of this disk as text, also where its name is not valid UTF-8."""
    return os.fsencode(path).decode("utf-8", "replace")


def _split(words: str) -> tuple[str, str]:
    parent, _, name = words.strip("/").rpartition("/")
    return parent, name
