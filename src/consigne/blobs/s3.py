"""The driver for object stores that speak S3: a bucket, or what is below a prefix in one.

::

    objects/<32 hex>                contents, key ``f-<32 hex>``
    staging/<32 hex>/<part>         bytes on their way in (``consigne.blobs.s3_parts``)
    incoming/<32 hex>               what clients have sent by signed URLs

A small content is one PUT; a larger one comes in by a stage (``consigne.blobs.s3_stage``). Keys are
random and an object is written once, so nothing here depends on a conditional PUT, which not every
store makes atomic: the catalog decides who wins. What is asked of the store: an object that was
answered is durable, and is seen by the next GET and the next listing (Amazon S3, SeaweedFS, Ceph
and MinIO do so; OpenStack Swift does not).
"""

import asyncio
import base64
import re
import secrets
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing

from consigne.blobs.driver import Capabilities, KeyMissing, SignedPut, Stored
from consigne.blobs.s3_client import Place, S3Client
from consigne.blobs.s3_parts import Part, parse_part
from consigne.blobs.s3_stage import MOST_COPIED, MOST_PIECES, PART, S3Stage, Waiting
from consigne.errors import Unavailable

SMALL_LIMIT = 256 * 1024
"""One request instead of four (list, part, copy, delete); it waits in memory meanwhile."""

_WAITING = 64 << 20
_ABANDONED = 24 * 3600.0
_DELETES = 8
_KEY = re.compile(r"f-[0-9a-f]{32}")
_NAME = re.compile(r"[0-9a-f]{32}")
_LOCATION = re.compile(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:/([A-Za-z0-9._/-]*))?")


def parse_location(text: str) -> tuple[str, str]:
    """Return bucket and prefix of ``s3://bucket[/prefix]``; the prefix is empty or ends in ``/``.

    Raises Unavailable.
    """
    match = _LOCATION.fullmatch(text)
    steps = [step for step in (match[2] or "").split("/") if step] if match else []
    if match is None or not {".", ".."}.isdisjoint(steps):
        raise Unavailable(f"The store {text!r} is not of the form s3://bucket[/prefix].")
    return match[1], "".join(f"{step}/" for step in steps)


class S3Driver:
    """A store of bytes in a bucket, below ``prefix`` (empty, or ending in ``/``).

    ``small_limit``: contents up to so many bytes are one PUT. ``waiting``: bytes in memory over all
    stages after which their parts get shorter. ``abandoned``: seconds after which a multi-part
    upload without an end is listed as a stage.
    """

    def __init__(
        self,
        place: Place,
        prefix: str = "",
        *,
        small_limit: int = SMALL_LIMIT,
        waiting: int = _WAITING,
        part_size: int = PART,
        most_pieces: int = MOST_PIECES,
        abandoned: float = _ABANDONED,
    ) -> None:
        self.capabilities = Capabilities(
            small=small_limit, durable=True, shared=True, direct=MOST_COPIED
        )
        self._client = S3Client(place)
        self._objects = f"{prefix}objects/"
        self._staging = f"{prefix}staging/"
        self._incoming = f"{prefix}incoming/"
        self._waiting = Waiting(waiting)
        self._part_size = part_size
        self._most_pieces = most_pieces
        self._abandoned = abandoned

    async def open(self) -> None:
        """Connect. The bucket must be there: one that is made because of a slip in its name would
        look like a vault without its bytes. Raises Unavailable."""
        await self._client.open()

    async def close(self) -> None:
        """Close all connections."""
        await self._client.close()

    async def put(self, data: bytes) -> str:
        """Store a small content with one request. Raises NoSpace, Unavailable."""
        key, target = self.fresh()
        await self._client.put(target, data)
        return key

    def promise(self, data: bytes) -> None:
        """Return None: a row's transaction must not wait for a store that is far away."""

    def fresh_stage(self) -> str:
        """Return a name that no stage has."""
        return secrets.token_hex(16)

    async def stage(self, name: str) -> S3Stage:
        """Open the stage ``name``; raises ValueError unless it is 32 hex digits. Raises
        Unavailable."""
        folder = f"{self._staging}{_checked(name)}/"
        parts: list[Part] = []
        async with aclosing(self._client.objects(folder)) as found:
            async for each in found:
                part = parse_part(each.key.removeprefix(folder))
                if part is not None:
                    parts.append(part)
        return S3Stage(
            self,
            self._client,
            name,
            folder,
            parts,
            self._waiting,
            part_size=self._part_size,
            most_pieces=self._most_pieces,
        )

    async def get(self, key: str, offset: int, length: int) -> bytes:
        """Return the bytes of the range that exist. Raises KeyMissing, Unavailable."""
        if not _KEY.fullmatch(key):
            raise KeyMissing(key)
        try:
            return await self._client.get(self._objects + key[2:], offset, length)
        except KeyMissing:
            raise KeyMissing(key) from None

    async def delete(self, key: str) -> None:
        """Remove a content; an unknown key is no error. Raises Unavailable."""
        if _KEY.fullmatch(key):
            await self._client.delete(self._objects + key[2:])

    async def keys(self) -> AsyncGenerator[Stored, None]:
        """Yield every content, a page of the store's listing at a time."""
        async with aclosing(self._client.objects(self._objects)) as found:
            async for each in found:
                name = each.key.removeprefix(self._objects)
                if _NAME.fullmatch(name):
                    yield Stored(f"f-{name}", each.size, each.modified_at)

    async def stages(self) -> AsyncGenerator[Stored, None]:
        """Yield every stage that has bytes, then what crashed commits have left (size 0)."""
        present: Stored | None = None
        async with aclosing(self._client.objects(self._staging)) as found:
            async for each in found:
                name, _, rest = each.key.removeprefix(self._staging).partition("/")
                part = parse_part(rest)
                if part is None or not _NAME.fullmatch(name):
                    continue
                if present is not None and present.key != name:
                    yield present
                    present = None
                size, at = (present.size, present.modified_at) if present else (0, 0)
                present = Stored(name, max(size, part.end), max(at, each.modified_at))
        if present is not None:
            yield present
        before = (time.time() - self._abandoned) * 1000
        async with aclosing(self._client.uploads(self._objects)) as begun:
            async for each, _ in begun:
                name = each.key.removeprefix(self._objects)
                if _NAME.fullmatch(name) and each.modified_at <= before:
                    yield Stored(name, 0, each.modified_at)

    async def drop_stage(self, name: str) -> None:
        """Delete the parts of a stage, and what a commit that crashed has left under this name.

        An unknown name is no error. Raises Unavailable.
        """
        if not _NAME.fullmatch(name):
            return
        folder = f"{self._staging}{name}/"
        async with aclosing(self._client.objects(folder)) as found:
            keys = [each.key async for each in found]
        for at in range(0, len(keys), _DELETES):
            await asyncio.gather(*map(self._client.delete, keys[at : at + _DELETES]))
        async with aclosing(self._client.uploads(self._objects + name)) as begun:
            left = [(each.key, upload) async for each, upload in begun]
        for key, upload in left:
            await self._client.abort(key, upload)

    async def put_url(self, name: str, length: int, md5: bytes | None, expires: int) -> SignedPut:
        """Sign a PUT to the incoming object ``name``. Raises Unavailable."""
        key, headers = self._incoming + _checked(name), {"Content-Length": str(length)}
        more = {}
        if md5 is not None:
            more["ContentMD5"] = headers["Content-MD5"] = base64.b64encode(md5).decode()
        url = await self._client.sign("put_object", expires, Key=key, ContentLength=length, **more)
        return SignedPut(url, headers)

    async def get_url(self, key: str, media_type: str, disposition: str, expires: int) -> str:
        """Sign a GET of a content. Raises KeyMissing, Unavailable."""
        if not _KEY.fullmatch(key):
            raise KeyMissing(key)
        return await self._client.sign(
            "get_object",
            expires,
            Key=self._objects + key[2:],
            ResponseContentType=media_type,
            ResponseContentDisposition=disposition,
            ResponseCacheControl="private, no-cache",
        )

    async def take(self, name: str, stage: str, offset: int, length: int) -> int:
        """Let the store copy an incoming object into a stage. Raises KeyMissing, NoSpace,
        Unavailable."""
        into = await self.stage(stage)
        return await into.take(self._incoming + _checked(name), offset, length)

    async def forget(self, name: str) -> None:
        """Remove an incoming object; an unknown name is no error. Raises Unavailable."""
        await self._client.delete(self._incoming + _checked(name))

    async def arrivals(self, prefix: str = "") -> AsyncGenerator[Stored, None]:
        """Yield the incoming objects, a page of the store's listing at a time."""
        async with aclosing(self._client.objects(self._incoming + prefix)) as found:
            async for each in found:
                name = each.key.removeprefix(self._incoming)
                if _NAME.fullmatch(name):
                    yield Stored(name, each.size, each.modified_at)

    def fresh(self) -> tuple[str, str]:
        """Return a fresh content key and the object that it stands for."""
        name = secrets.token_hex(16)
        return f"f-{name}", self._objects + name


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError(f"not a stage name: {name!r}")
    return name
