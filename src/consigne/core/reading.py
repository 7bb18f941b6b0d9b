"""Reading the bytes of a file or a version; every block is checked before it leaves."""

from collections.abc import AsyncIterator

import msgspec
import structlog

from consigne.blobs.bucket import Bucket
from consigne.blobs.driver import KeyMissing
from consigne.catalog import contents, copies, files
from consigne.catalog.engine import Catalog, Tx
from consigne.core.access import Seat, readable
from consigne.core.care import healing
from consigne.core.clock import now_ms
from consigne.errors import ConsigneError, Corrupt, Infected, NoContent, VersionNotFound
from consigne.model.entities import Content, ContentState, File, Version
from consigne.model.rights import Right
from consigne.settings import Settings

log = structlog.get_logger()

OCTETS = "application/octet-stream"


class Reading:
    """An opened content: what a dialect needs to deliver it.

    ``media_type`` is the declared type, else the detected one; ``modified_at`` in milliseconds.
    """

    __slots__ = ("_reader", "content", "detected_type", "file", "media_type", "modified_at", "name")

    def __init__(self, reader: "Reader", file: File, content: Content, version: Version | None):
        shown = version or file
        self._reader = reader
        self.file = file
        self.content = content
        self.name = shown.name
        self.detected_type = shown.detected_type
        self.media_type = shown.declared_type or shown.detected_type or OCTETS
        self.modified_at = (version.created_at if version else file.completed_at) or 0

    @property
    def subject(self) -> int:
        """What an alarm about the bytes names."""
        return self.file.id

    @property
    def size(self) -> int:
        return self.content.size

    @property
    def etag(self) -> str:
        return f'"{self.content.sha256.hex()}"'

    @property
    def sha256(self) -> bytes:
        return self.content.sha256

    @property
    def md5(self) -> bytes:
        return self.content.md5

    async def stream(self, offset: int, length: int) -> AsyncIterator[bytes]:
        """Yield checked bytes of a range. Raises Corrupt before any byte of a bad block."""
        content, at, end = self.content, offset, offset + length
        try:
            async for piece in self._reader.pieces(content, content.key, at, length):
                at += len(piece)
                yield piece
        except Corrupt as error:
            await self._reader.alarm(self.subject, content, error)
            other = await self._reader.elsewhere(content)
            if other is None:
                raise
            async for piece in self._reader.pieces(content, other, at, end - at):
                yield piece

    async def away(self, media_type: str, disposition: str, expires: int) -> str | None:
        """Return a URL of the bytes at the object store, None where they are read through here.

        It answers with this type and disposition for ``expires`` seconds, and checks no bytes.
        """
        if not self._reader.sends_away:
            return None
        key = self.content.key
        try:
            return await self._reader.bucket.direct.get_url(key, media_type, disposition, expires)
        except KeyMissing:
            return None  # these bytes lie in another store, which clients cannot ask

    async def small(self) -> bytes:
        """Return the whole content, checked; for contents of one block. Raises Corrupt."""
        content = self.content
        try:
            return await self._reader.bucket.read_all(
                content.key, content.size, content.block_size, content.blocks
            )
        except Corrupt:
            # Once more, from wherever they are right.
            return b"".join([piece async for piece in self.stream(0, content.size)])


class Reader:
    """The verb ``open``."""

    def __init__(self, catalog: Catalog, bucket: Bucket, settings: Settings) -> None:
        self._catalog = catalog
        self.bucket = bucket
        self.sends_away = settings.s3_direct_downloads and bucket.capabilities.direct > 0

    async def open(self, seat: Seat, file_id: int, version: int | None = None) -> Reading:
        """Open the current or a replaced version.

        Raises FileNotFound, VersionNotFound, NoContent, Infected, Corrupt.
        """
        seat.require(Right.READ)

        def work(tx: Tx) -> Reading:
            file = readable(tx, seat, files.by_id(tx, file_id), now_ms())
            old = None
            if version is not None and version != file.version:
                old = files.version_of(tx, file_id, version)
                if old is None:
                    raise VersionNotFound
            content_id = old.content_id if old else file.content_id
            content = contents.by_id(tx, content_id) if content_id is not None else None
            if content is None:
                raise NoContent
            if content.state is ContentState.QUARANTINED:
                raise Infected
            if content.state is ContentState.CORRUPT:
                copy = copies.of(tx, content.id)
                if copy is None:
                    raise Corrupt
                content = msgspec.structs.replace(content, key=copy.key)
            return Reading(self, file, content, old)

        return await self._catalog.look(work)

    def pieces(self, content: Content, key: str, offset: int, length: int) -> AsyncIterator[bytes]:
        """Yield checked bytes of a content from under a key. Raises Corrupt."""
        return self.bucket.read(
            key, content.size, content.block_size, content.blocks, offset, length
        )

    async def elsewhere(self, content: Content) -> str | None:
        """Return another key under which the bytes of a damaged content may be right."""

        def work(tx: Tx) -> str | None:
            present = contents.by_id(tx, content.id)
            if present is None:
                return None
            copy = copies.of(tx, content.id)
            if present.key != content.key and present.state is not ContentState.CORRUPT:
                return present.key
            return None if copy is None or copy.key == content.key else copy.key

        try:
            return await self._catalog.look(work)
        except ConsigneError:
            return None

    async def alarm(self, subject: int, content: Content, error: Corrupt) -> None:
        """Say loudly that stored bytes are damaged, and stop serving and sharing them (C-25)."""
        log.error(
            "content_corrupt",
            key=content.key,
            file=str(subject),
            problem=error.details.get("problem"),
        )

        try:
            await self._catalog.write(lambda tx: healing.mark(tx, content, subject))
        except ConsigneError as failure:
            log.error("content_alarm_failed", key=content.key, error=failure.message)
