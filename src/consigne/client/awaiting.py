"""The asynchronous client: as the blocking one, awaited. Progress is told in the event loop."""

import io
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from typing import Any, Self

import httpx

from consigne.client import verbs
from consigne.client.asking import (
    LONGEST_PAUSE,
    PAGE,
    TRIES,
    Manners,
    Params,
    ask,
    ask_json,
    ask_pages,
)
from consigne.client.effects import T, Talk
from consigne.client.fetching import Download, Target, fetch, file_of
from consigne.client.leading import AsyncLeader
from consigne.client.sending import Resuming, Wishes, replace, send
from consigne.client.sources import Progress, Source
from consigne.client.things import File, Folder, Hit, Version
from consigne.client.wires import headers_of, limits_of, timeout_of


class AsyncClient:
    """A Consigne at the other end of HTTP, for one event loop.

    ``space`` is the short name of the space meant, by default the key's own, else its owner's home.
    A request that may be sent twice is tried ``tries`` times where the connection breaks or the
    server is busy, and never waits longer than ``longest_pause`` seconds at a time. ``timeout`` is
    that of one step of a request, in seconds; lists come ``page_size`` things at a time. ``http``
    is a client of your own instead of ours, for proxies and certificates. Every method
    raises ``ClientError``.
    """

    def __init__(
        self,
        url: str,
        key: str = "",
        *,
        space: str | None = None,
        tries: int = TRIES,
        longest_pause: float = LONGEST_PAUSE,
        timeout: float = 60.0,
        page_size: int = PAGE,
        agent: str = "",
        http: httpx.AsyncClient | None = None,
    ) -> None:
        self.url = url.rstrip("/")
        self.space = space or ""
        self._manners = Manners(self.url, tries, longest_pause, page_size)
        self._is_ours = http is None
        self._http = http or httpx.AsyncClient(timeout=timeout_of(timeout), limits=limits_of())
        self._leader = AsyncLeader(self.url, self._http, headers_of(key, space, agent))

    async def close(self) -> None:
        """Close the connections."""
        if self._is_ours:
            await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    # Bytes in

    async def upload(
        self,
        source: Source,
        *,
        name: str | None = None,
        folder: str | None = None,
        type: str | None = None,
        access: str | None = None,
        reference: str | None = None,
        tags: Iterable[str] = (),
        meta: Mapping[str, str] | None = None,
        hold: bool = False,
        expires_in: int | None = None,
        progress: Progress | None = None,
        resume: str | None = None,
        on_open: Callable[[str], object] | None = None,
    ) -> File:
        """Send a new file and return it, once it is durable and its digest was compared.

        Small ones go in one request, large ones in parts. ``folder`` is a path or an id;
        ``expires_in`` the seconds for which a held file stays. ``on_open`` is told the id of an
        upload in parts; ``resume`` goes on with such an upload if it is of the same bytes. Raises
        OSError where the source cannot be read.
        """
        wishes = Wishes(
            name, folder, type, access, reference, tuple(tags), dict(meta or {}), hold, expires_in
        )
        resuming = Resuming(resume, on_open)
        return await self._run(send(self._manners, source, wishes, progress, resuming))

    async def replace(
        self,
        file: File | str,
        source: Source,
        *,
        name: str | None = None,
        match: str | None = None,
        progress: Progress | None = None,
    ) -> File:
        """Send a new version of a file; what was there stays as undo.

        ``match``: the SHA-256 of the version that is to be replaced, else whichever is there.
        """
        number = verbs.id_of(file)
        return await self._run(replace(self._manners, number, source, name, match, progress))

    # Bytes out

    async def download(
        self,
        file: File | str,
        target: Target,
        *,
        resume: bool = False,
        progress: Progress | None = None,
    ) -> File:
        """Fetch a file to a path or into a stream, and return what it was.

        At a path it arrives as ``NAME.part`` and gets its name when its digest is right; with
        ``resume`` such a part file of an earlier attempt is gone on with. Raises OSError.
        """
        return await self._run(fetch(self._manners, file, target, progress, resume=resume))

    async def read(self, file: File | str) -> bytes:
        """Return the bytes of a file, checked."""
        target = io.BytesIO()
        await self.download(file, target)
        return target.getvalue()

    async def stream(self, file: File | str) -> AsyncIterator[bytes]:
        """Yield the bytes of a file block by block; Corrupt comes at the end if they are wrong."""
        found = await self._run(file_of(self._manners, file))
        async for block in self._leader.iterate(Download(self._manners, found).blocks()):
            yield block

    # Files

    async def file(self, file: File | str) -> File:
        """Return a file as it is now."""
        return await self._run(verbs.look(self._manners, file))

    def files(
        self,
        *filters: str,
        folder: str | None = None,
        sort: str | None = None,
        state: str | None = None,
        mine: bool = False,
    ) -> AsyncIterator[File]:
        """Yield all files that match every filter, such as ``name~invoice`` or ``size>1000``.

        ``folder`` (a path, an id, ``root``) means directly in it; ``sort`` is such as ``-size``.
        """
        return self._each(verbs.listing(self._manners, filters, folder, sort, state, mine))

    async def count(
        self, *filters: str, folder: str | None = None, state: str | None = None
    ) -> int:
        """Return how many files match."""
        return await self._run(verbs.count(self._manners, filters, folder, state))

    def search(self, words: str, *filters: str, folder: str | None = None) -> AsyncIterator[Hit]:
        """Yield the files in which words were found, best first."""
        return self._each(verbs.search(self._manners, words, filters, folder))

    async def change(self, file: File | str, **changes: Any) -> File:
        """Change ``name``, ``folder``, ``type``, ``access``, ``reference``, ``tags``, ``meta``."""
        return await self._run(verbs.change(self._manners, file, changes))

    async def copy(self, file: File | str, **changes: Any) -> File:
        """Make a new file of the same bytes."""
        return await self._run(verbs.step(self._manners, file, "copy", changes))

    async def keep(self, file: File | str) -> File:
        """Keep a held file."""
        return await self._run(verbs.step(self._manners, file, "keep"))

    async def delete(self, file: File | str, *, purge: bool = False) -> None:
        """Move a file into the trash; with ``purge`` remove it for good."""
        await self._run(verbs.delete(self._manners, file, purge))

    async def restore(self, file: File | str) -> File:
        """Take a file out of the trash."""
        return await self._run(verbs.step(self._manners, file, "restore"))

    async def versions(self, file: File | str) -> list[Version]:
        """Return the versions of a file, the current one first."""
        return await self._run(verbs.versions(self._manners, file))

    # Folders

    def folders(self, parent: Folder | str | None = None) -> AsyncIterator[Folder]:
        """Yield the folders directly in a folder (a path, an id), by default the top."""
        words = None if parent is None else verbs.id_of(parent)
        return self._each(verbs.folders(self._manners, words))

    async def ensure_folder(self, path: str) -> Folder:
        """Return the folder of a path such as ``Invoices/2026``, making what is missing of it."""
        return await self._run(verbs.ensure_folder(self._manners, path))

    # Everything else

    async def call(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Send any request of the native API and return the successful answer.

        ``path`` comes behind ``/consigne/v1``. Options: ``params``, a list of pairs; ``body``, sent
        as JSON; ``content`` and ``headers``; ``again``, whether it may be sent twice.
        """
        return await self._run(ask(self._manners, method, path, **options))

    async def json(self, method: str, path: str, **options: Any) -> Any:
        """As ``call``; return the JSON of the answer, None where it has none."""
        return await self._run(ask_json(self._manners, method, path, **options))

    def pages(self, path: str, name: str, params: Params = ()) -> AsyncIterator[Any]:
        """Yield the documents of any list; ``name`` is the member that they are in."""
        return self._each(ask_pages(self._manners, path, name, params))

    async def _run(self, talk: Talk[T]) -> T:
        return await self._leader.run(talk)

    async def _each(self, talk: Talk[None]) -> AsyncIterator[Any]:
        async for page in self._leader.iterate(talk):
            for each in page:
                yield each
