"""What can be asked about files and folders, as conversations."""

from collections.abc import Iterable, Mapping
from typing import Any

from consigne.client.asking import Manners, ask, ask_json, ask_pages
from consigne.client.effects import Talk
from consigne.client.things import File, Folder, Hit, Version, as_a

_HITS = 100


def listing(
    manners: Manners,
    filters: Iterable[str],
    folder: str | None,
    sort: str | None,
    state: str | None,
    mine: bool,
) -> Talk[None]:
    """Give files, a page at a time."""
    params = [("filter", each) for each in filters]
    told = {"folder": folder, "sort": sort, "state": state, "owner": "me" if mine else None}
    params += [(name, value) for name, value in told.items() if value is not None]
    return ask_pages(manners, "/files", "files", params, File)


def count(
    manners: Manners, filters: Iterable[str], folder: str | None, state: str | None
) -> Talk[int]:
    """Return how many files match."""
    params = [("filter", each) for each in filters]
    told = {"folder": folder, "state": state}
    params += [(name, value) for name, value in told.items() if value is not None]
    document = yield from ask_json(manners, "GET", "/files/count", params=params)
    number: int = document["count"]
    return number


def search(manners: Manners, words: str, filters: Iterable[str], folder: str | None) -> Talk[None]:
    """Give hits, a page at a time."""
    params = [("q", words), *(("filter", each) for each in filters)]
    if folder is not None:
        params.append(("folder", folder))
    return ask_pages(manners, "/search", "hits", params, Hit, min(_HITS, manners.page_size))


def folders(manners: Manners, parent: str | None) -> Talk[None]:
    """Give the folders directly in a folder, a page at a time."""
    return ask_pages(manners, "/folders", "folders", [("parent", parent or "root")], Folder)


def ensure_folder(manners: Manners, path: str) -> Talk[Folder]:
    """Return the folder of a path, making what is missing of it."""
    document = yield from ask_json(manners, "PUT", "/folders", params=[("path", path)])
    return as_a(Folder, document)


def look(manners: Manners, file: File | str) -> Talk[File]:
    """Return a file as it is now."""
    return as_a(File, (yield from ask_json(manners, "GET", f"/files/{id_of(file)}")))


def change(manners: Manners, file: File | str, changes: Mapping[str, Any]) -> Talk[File]:
    """Change what is named, and return the file."""
    document = yield from ask_json(manners, "PATCH", f"/files/{id_of(file)}", body=dict(changes))
    return as_a(File, document)


def step(manners: Manners, file: File | str, verb: str, body: Any = None) -> Talk[File]:
    """Have ``copy``, ``keep`` or ``restore`` done, once, and return the file that comes of it."""
    path = f"/files/{id_of(file)}/{verb}"
    return as_a(File, (yield from ask_json(manners, "POST", path, body=body or {})))


def delete(manners: Manners, file: File | str, purge: bool) -> Talk[None]:
    """Move a file into the trash; with ``purge`` remove it for good."""
    path = f"/files/{id_of(file)}"
    yield from ask(manners, "DELETE", path, again=False)
    if purge:
        yield from ask(manners, "DELETE", path, params=[("purge", "true")], again=False)


def versions(manners: Manners, file: File | str) -> Talk[list[Version]]:
    """Return the versions of a file, the current one first."""
    document = yield from ask_json(manners, "GET", f"/files/{id_of(file)}/versions")
    return [as_a(Version, each) for each in document["versions"]]


def id_of(thing: File | Folder | str) -> str:
    """Return an id."""
    return thing if isinstance(thing, str) else thing.id
