"""Where things are at the other end: files and folders by id or by path, and names on this disk."""

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from urllib.parse import quote, unquote

from consigne.cli.exits import Exit, Failure
from consigne.cli.remote import Remote
from consigne.client import File, Folder, Refused
from consigne.client.things import as_a
from consigne.model.identity import Kind, from_uuid
from consigne.model.names import clean_label, shorten

ROOT = "root"
_LOCAL_BYTES = 255  # of one name, on all common file systems


TOP = Folder(ROOT, "")
FILE_FIELDS = "id,name,size,sha256,state,type,created_at,completed_at,folder,version"


def files_in(remote: Remote, folder: Folder, *filters: str) -> Iterator[File]:
    """Yield the files directly in a folder."""
    params = [("folder", folder.id), ("fields", FILE_FIELDS)]
    params += [("filter", each) for each in filters]
    for document in remote.pages("/files", "files", params):
        yield as_a(File, document)


def folder_at(remote: Remote, words: str) -> Folder | None:
    """Return the folder of an id or a path; None where there is none. Raises Failure (ambiguous).

    In a path ``/`` separates; a slash in a name is written ``%2F``.
    """
    if from_uuid(Kind.FOLDER, words) is not None:
        return as_a(Folder, remote.json("GET", f"/folders/{words}"))
    if words.strip("/") in ("", ROOT):
        return TOP
    try:
        # Only a folder that is there can be listed; its own id is its parent's to tell.
        remote.json("GET", "/folders", params=[("parent", words), ("limit", "1")])
    except Refused as refusal:
        if refusal.code in ("folder_unknown", "folder_not_found"):
            return None
        raise
    parent, name = _split(words)
    above = folder_at(remote, parent) or TOP
    wanted = clean_label(unquote(name))
    found = [each for each in remote.folders(above) if each.name == wanted]
    return found[0] if found else None


def require_folder(remote: Remote, words: str) -> Folder:
    """Return the folder of an id or a path. Raises Failure."""
    found = folder_at(remote, words)
    if found is None:
        raise Failure(f"There is no folder {words!r}.", rule="folder_not_found", exit=Exit.MISSING)
    return found


def ensure_folder(remote: Remote, path: str) -> Folder:
    """Return the folder of a path, making what is missing of it."""
    return TOP if path.strip("/") in ("", ROOT) else remote.ensure_folder(path)


def find(remote: Remote, words: str) -> File | Folder:
    """Return what an id or a path names. Raises Failure where it is nothing, or several things."""
    if from_uuid(Kind.FILE, words) is not None:
        return remote.file(words)
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


def shown_path(path: Path) -> str:
    """Return a path of this disk as text, also where its name is not valid UTF-8."""
    return os.fsencode(path).decode("utf-8", "replace")


def _split(words: str) -> tuple[str, str]:
    parent, _, name = words.strip("/").rpartition("/")
    return parent, name
