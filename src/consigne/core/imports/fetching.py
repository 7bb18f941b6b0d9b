"""Files that a row names by URL: fetched before its transaction, and held for it (DX-43)."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

import msgspec

from consigne.core.clock import ms, now_ms
from consigne.core.entry import Entry
from consigne.core.imports.cells import Asked
from consigne.core.imports.faults import faults_of
from consigne.core.imports.wishes import Ready
from consigne.core.intake import Intake
from consigne.core.jobs import may_pass
from consigne.core.seat import Seat
from consigne.errors import ConsigneError
from consigne.model.entities import Policy
from consigne.model.imports import Fault
from consigne.settings import Settings

_LANES = 4


class FetchFailed(Exception):
    """A URL gives no file; the text says why, for people."""


class Fetched(msgspec.Struct, frozen=True):
    """An answer whose body is on its way. ``length`` in bytes, where it was announced."""

    name: str
    media_type: str | None
    length: int | None
    body: AsyncIterator[bytes]


class Fetch(Protocol):
    """Opens a URL; raises FetchFailed then or while the body is read."""

    def __call__(self, url: str) -> AbstractAsyncContextManager[Fetched]: ...


class Fetching:
    """The verb ``fetch``."""

    def __init__(self, intake: Intake, settings: Settings) -> None:
        self._intake = intake
        self._settings = settings

    async def fetch(self, seat: Seat, batch: Sequence[Ready], fetch: Fetch) -> None:
        """Put fetched files, or faults, in the place of the URLs of rows, a few at a time."""
        wishes = [
            (row, field, index, asked.url)
            for row in batch
            for field, listed in row.read.files.items()
            for index, asked in enumerate(listed)
            if asked.url is not None
        ]
        if not wishes:
            return
        lanes = asyncio.Semaphore(_LANES)

        async def one(row: Ready, field: str, index: int, url: str) -> None:
            async with lanes:
                found = await self._one(seat, field, url, fetch)
            if isinstance(found, Fault):
                row.read.faults.append(found)
            else:
                row.read.files[field][index] = Asked(found)

        try:
            async with asyncio.TaskGroup() as group:
                for row, field, index, url in wishes:
                    group.create_task(one(row, field, index, url))
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None
        for row in batch:
            self._drop_unfetched(row)

    async def _one(self, seat: Seat, field: str, url: str, fetch: Fetch) -> int | Fault:
        settings = self._settings
        try:
            async with asyncio.timeout(settings.import_fetch_time), fetch(url) as got:
                entry = Entry(
                    name=got.name,
                    fallback="download",
                    declared_type=got.media_type,
                    policy=Policy.SINGLE,
                    hold=True,
                    expires_at=now_ms() + ms(settings.hold_expiry),
                )
                limit = settings.import_fetch_max_size
                file = await self._intake.receive(
                    seat, got.body, entry, length=got.length, limit=limit
                )
        except FetchFailed as error:
            return Fault(field, "FILE_DOWNLOAD_FAILED", str(error))
        except TimeoutError:
            text = f"The download took longer than {settings.import_fetch_time:g} s."
            return Fault(field, "FILE_DOWNLOAD_FAILED", text)
        except ConsigneError as error:
            if may_pass(error):
                raise
            return msgspec.structs.replace(faults_of(error)[0], field=field)
        return file.id

    def _drop_unfetched(self, row: Ready) -> None:
        """Take fields out of a row that could not be filled: their fault says it already."""
        for field, listed in list(row.read.files.items()):
            if any(asked.url is not None for asked in listed):
                del row.read.files[field]
