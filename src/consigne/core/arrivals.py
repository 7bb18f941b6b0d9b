"""Bytes that clients send straight to the object store, by URLs that it checks (C-21).

A body arrives under a name that says which upload and which part it is for, and is nothing before
it is taken: copied by the store into the upload's stage, where it is measured like bytes that came
through here. What arrives late, twice or for nothing stays an arrival, and goes with its upload or
with the sweeper.
"""

from contextlib import suppress

from consigne.blobs.assembly import Receipt
from consigne.blobs.bucket import Bucket
from consigne.blobs.driver import SignedPut
from consigne.errors import ConsigneError
from consigne.model.entities import Upload
from consigne.settings import Settings

WHOLE = 1
"""The number of a body that comes in one piece."""


class Arrivals:
    """Where clients send to, and what has come of it."""

    def __init__(self, bucket: Bucket, settings: Settings) -> None:
        self._bucket = bucket
        self._allowed = settings.s3_direct_uploads

    @property
    def most(self) -> int:
        """Most bytes of one body; 0 where clients send everything through here."""
        return self._bucket.capabilities.direct if self._allowed else 0

    async def put_url(
        self, upload: Upload, number: int, length: int, expires: int, md5: bytes | None = None
    ) -> SignedPut:
        """Sign a PUT of a part of exactly so many bytes. ``expires`` in seconds."""
        name = arrival_name(upload.id, number)
        return await self._bucket.direct.put_url(name, length, md5, expires)

    async def take(
        self, upload: Upload, number: int, stage: str, offset: int, length: int
    ) -> Receipt:
        """Copy a part that has arrived into a stage, and measure the copy.

        Raises UploadMissing, SizeMismatch, StorageFull.
        """
        return await self._bucket.take(arrival_name(upload.id, number), stage, offset, length)

    async def numbers(self, upload: Upload) -> list[int]:
        """Return the numbers of the parts that have arrived and are not taken, in order."""
        if not self._bucket.capabilities.direct:
            return []
        found = self._bucket.direct.arrivals(arrival_name(upload.id, 0)[:16])
        return sorted([int(each.key[16:], 16) async for each in found])

    async def forget(self, upload: Upload, number: int = WHOLE) -> None:
        """Remove what has arrived; what cannot be removed now is left to the sweeper."""
        if self.most:
            with suppress(ConsigneError, OSError):
                await self._bucket.direct.forget(arrival_name(upload.id, number))


def arrival_name(upload_id: int, number: int) -> str:
    """Return the name under which a part arrives: 32 hex digits.

    >>> arrival_name(255, 3)
    '00000000000000ff0000000000000003'
    """
    return f"{upload_id:016x}{number:016x}"


def upload_of(name: str) -> int:
    """Return the id of the upload that a name is for.

    >>> upload_of("00000000000000ff0000000000000003")
    255
    """
    return int(name[:16], 16)
