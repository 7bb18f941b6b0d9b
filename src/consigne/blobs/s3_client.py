"""The few requests that the driver makes of an object store, with limits on each of them.

aiobotocore signs, sends and repeats (``docs/decisions/0015``). Here stand the limits: a time-out
for the connection, one for silence, one for a request with all its repetitions, and a number of
repetitions; and the one table of what a store's errors mean:

- no answer, a 5xx, a request to slow down: Unavailable with ``retry_after``;
- 507, or a code that says that there is no room: NoSpace;
- refused credentials, no such bucket, anything else: Unavailable that says what to correct.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import aiohttp
from aiobotocore.config import AioConfig
from aiobotocore.session import get_session
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError, SSLError
from botocore.exceptions import ConnectionError as NotConnected

from consigne.blobs.driver import KeyMissing, NoSpace
from consigne.errors import Unavailable

CONNECTIONS = 32
RETRY_AFTER = 2

_IN_ONE = 1 << 20

_FULL = {
    "InsufficientStorage",
    "InsufficientCapacity",
    "QuotaExceeded",
    "XMinioStorageFull",
    "XMinioStorageQuotaExceeded",
}
_SLOWER = {"SlowDown", "SlowDownRead", "SlowDownWrite", "RequestTimeout", "ServiceUnavailable"}
_REFUSED = {
    "AccessDenied",
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "RequestTimeTooSkewed",
    "AuthorizationHeaderMalformed",
}


@dataclass(frozen=True)
class Place:
    """Where the store is and how long we wait for it. Times in seconds.

    ``endpoint``: base URL; empty: Amazon's for the region. ``public_endpoint``: what clients use,
    if that is another. Without ``access_key`` the credentials are looked for where Amazon's
    tools look for them. ``retries``: repetitions of a request.
    """

    bucket: str
    endpoint: str = ""
    public_endpoint: str = ""
    region: str = "us-east-1"
    access_key: str = ""
    secret_key: str = ""
    connect_time: float = 5
    idle_time: float = 30
    total_time: float = 120
    retries: int = 3


@dataclass(frozen=True)
class Listed:
    """One object of a listing. ``modified_at`` in milliseconds since 1970."""

    key: str
    size: int
    modified_at: int


class S3Client:
    """One bucket."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._open = AsyncExitStack()
        self._client: Any = None
        self._signer: Any = None

    async def open(self) -> None:
        """Make the connection pool and ask for the bucket once. Raises Unavailable."""
        with self._telling():
            try:
                self._client = await self._connected(self._place.endpoint)
                self._signer = self._client
                if self._place.public_endpoint:
                    self._signer = await self._connected(self._place.public_endpoint)
                await self._ask("list_objects_v2", MaxKeys=1)
            except ValueError as error:
                raise Unavailable(f"The object store's address is wrong: {error}") from error
            except BaseException:
                await self.close()
                raise

    async def close(self) -> None:
        """Close all connections."""
        await self._open.aclose()
        self._client = self._signer = None

    async def put(self, key: str, data: bytes | bytearray) -> None:
        """Store an object. Raises NoSpace, Unavailable."""
        with self._telling():
            await self._ask("put_object", Key=key, Body=_body(data))

    async def get(self, key: str, offset: int, length: int) -> bytes:
        """Return the bytes of the range that exist. Raises KeyMissing, Unavailable.

        Asked for nothing it asks for one byte: the answer to HEAD cannot tell a missing key from a
        missing bucket, which must never look like a lost content.
        """
        last = offset + max(1, length) - 1
        for left in range(self._place.retries, -1, -1):
            try:
                with self._telling(key):
                    async with asyncio.timeout(self._place.total_time):
                        return (await self._body(key, f"bytes={offset}-{last}"))[:length]
            except _CutBody as error:
                if not left:
                    raise _down("breaks its answers off") from error
        raise AssertionError

    async def size(self, key: str) -> int:
        """Return how many bytes an object has. Raises KeyMissing, Unavailable.

        By GET of one byte, for the same reason as in ``get``.
        """
        with self._telling(key):
            try:
                answer = await self._ask("get_object", Key=key, Range="bytes=0-0")
            except ClientError as error:
                if _status(error) == 416:
                    return 0
                raise
            async with answer["Body"] as body:
                await body.read()
            return int(answer["ContentRange"].rpartition("/")[2])

    async def copy(self, source: str, target: str) -> None:
        """Copy a whole object of at most 5 GiB, without what its sender has said of it.

        Raises NoSpace, Unavailable, KeyMissing.
        """
        with self._telling(source):
            await self._ask(
                "copy_object",
                Key=target,
                CopySource=self._source(source),
                MetadataDirective="REPLACE",
                ContentType="application/octet-stream",
            )

    async def sign(self, verb: str, expires: int, **fields: Any) -> str:
        """Return a URL for a request of these fields, good for so many seconds."""
        fields["Bucket"] = self._place.bucket
        with self._telling():
            url = await self._signer.generate_presigned_url(verb, Params=fields, ExpiresIn=expires)
            return str(url)

    async def delete(self, key: str) -> None:
        """Delete an object; an unknown key is no error. Raises Unavailable."""
        try:
            with self._telling(key):
                await self._ask("delete_object", Key=key)
        except KeyMissing:
            return

    async def begin(self, key: str) -> str:
        """Begin a multi-part upload; return its id. Raises NoSpace, Unavailable."""
        with self._telling():
            answer = await self._ask("create_multipart_upload", Key=key)
            return str(answer["UploadId"])

    async def piece(self, key: str, upload: str, number: int, data: bytes | bytearray) -> str:
        """Send one piece (from 1); return its ETag. Raises NoSpace, Unavailable."""
        with self._telling():
            answer = await self._ask(
                "upload_part", Key=key, UploadId=upload, PartNumber=number, Body=_body(data)
            )
            return str(answer["ETag"])

    async def copied_piece(
        self, key: str, upload: str, number: int, source: str, start: int, length: int
    ) -> str:
        """Let the store copy one piece out of another object; return its ETag.

        Raises NoSpace, Unavailable, KeyMissing.
        """
        with self._telling(source):
            answer = await self._ask(
                "upload_part_copy",
                Key=key,
                UploadId=upload,
                PartNumber=number,
                CopySource=self._source(source),
                CopySourceRange=f"bytes={start}-{start + length - 1}",
            )
            return str(answer["CopyPartResult"]["ETag"])

    async def complete(self, key: str, upload: str, etags: list[str], size: int) -> None:
        """Put the pieces together. Raises NoSpace, Unavailable.

        A repetition of a request whose answer was lost finds no upload any more: then what counts
        is whether the object, whose key nobody else has, is there in full.
        """
        parts = [{"ETag": etag, "PartNumber": at} for at, etag in enumerate(etags, start=1)]
        try:
            with self._telling(key):
                await self._ask(
                    "complete_multipart_upload",
                    Key=key,
                    UploadId=upload,
                    MultipartUpload={"Parts": parts},
                )
        except KeyMissing:
            with self._telling(key):
                answer = await self._ask("head_object", Key=key)
            if answer["ContentLength"] != size:
                raise _wrong("an upload is gone before it was complete") from None

    async def abort(self, key: str, upload: str) -> None:
        """Give a multi-part upload up; an unknown one is no error. Raises Unavailable."""
        try:
            with self._telling(key):
                await self._ask("abort_multipart_upload", Key=key, UploadId=upload)
        except KeyMissing:
            return

    async def objects(self, prefix: str) -> AsyncGenerator[Listed, None]:
        """Yield the objects below ``prefix``, by key. Raises Unavailable."""
        more: dict[str, str] = {}
        while True:
            with self._telling():
                page = await self._ask("list_objects_v2", Prefix=prefix, **more)
            for each in page.get("Contents", ()):
                at = int(each["LastModified"].timestamp() * 1000)
                yield Listed(each["Key"], each["Size"], at)
            if not page.get("IsTruncated"):
                return
            more = {"ContinuationToken": page["NextContinuationToken"]}

    async def uploads(self, prefix: str) -> AsyncGenerator[tuple[Listed, str], None]:
        """Yield the unfinished multi-part uploads below ``prefix`` and their ids."""
        more: dict[str, str] = {}
        while True:
            with self._telling():
                page = await self._ask("list_multipart_uploads", Prefix=prefix, **more)
            for each in page.get("Uploads") or ():
                if each["Key"].startswith(prefix):
                    at = int(each["Initiated"].timestamp() * 1000)
                    yield Listed(each["Key"], 0, at), each["UploadId"]
            if not page.get("IsTruncated"):
                return
            more = {
                "KeyMarker": page["NextKeyMarker"],
                "UploadIdMarker": page["NextUploadIdMarker"],
            }

    async def _connected(self, endpoint: str) -> Any:
        """Return a client of the library for an endpoint; presigning does not send anything."""
        place = self._place
        config = AioConfig(
            signature_version="s3v4",  # else presigning in us-east-1 falls back to version 2
            s3={"addressing_style": "path"},
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            connect_timeout=place.connect_time,
            read_timeout=place.idle_time,
            max_pool_connections=CONNECTIONS,
            retries={"mode": "standard", "total_max_attempts": place.retries + 1},
        )
        keys = {}
        if place.access_key:
            keys = {
                "aws_access_key_id": place.access_key,
                "aws_secret_access_key": place.secret_key,
            }
        making = get_session().create_client(
            "s3", endpoint_url=endpoint or None, region_name=place.region, config=config, **keys
        )
        return await self._open.enter_async_context(making)

    async def _body(self, key: str, span: str) -> bytes:
        try:
            answer = await self._client.get_object(Bucket=self._place.bucket, Key=key, Range=span)
        except ClientError as error:
            if _status(error) == 416:  # nothing there: the object ends before
                return b""
            raise
        try:
            async with answer["Body"] as body:
                data = bytes(await body.read())
        except (BotoCoreError, aiohttp.ClientError, ConnectionError) as error:
            raise _CutBody from error
        if len(data) != answer["ContentLength"]:
            raise _CutBody
        return data

    async def _ask(self, verb: str, **fields: Any) -> Any:
        async with asyncio.timeout(self._place.total_time):
            return await getattr(self._client, verb)(Bucket=self._place.bucket, **fields)

    def _source(self, key: str) -> dict[str, str]:
        return {"Bucket": self._place.bucket, "Key": key}

    @contextmanager
    def _telling(self, key: str = "") -> Iterator[None]:
        """Turn the store's errors into ours; a missing ``key`` or upload is KeyMissing."""
        try:
            yield
        except ClientError as error:
            code, status = str(error.response.get("Error", {}).get("Code", "")), _status(error)
            if code in _FULL or status == 507:
                raise NoSpace(f"the object store has no room ({code})") from error
            if code == "NoSuchBucket":
                raise _wrong(f"there is no bucket {self._place.bucket!r}") from error
            if key and (code in ("NoSuchKey", "NoSuchUpload") or status == 404):
                raise KeyMissing(key) from error
            if code in _SLOWER or status >= 500 or status == 429:
                raise _down(f"answers {status} {code}") from error
            if code in _REFUSED or status in (401, 403):
                raise _wrong(f"it refuses our credentials ({code or status})") from error
            raise _wrong(f"it answers {status} {code}") from error
        except SSLError as error:
            raise _wrong(str(error)) from error
        except (NotConnected, HTTPClientError, aiohttp.ClientError, OSError) as error:
            raise _down("does not answer") from error
        except BotoCoreError as error:
            raise _wrong(str(error)) from error


class _CutBody(Exception):
    """An answer ended before all of its bytes had come."""


def _body(data: bytes | bytearray) -> bytes | bytearray | BytesIO:
    """Return a body that does not go to the socket in one piece if it is large."""
    return data if len(data) <= _IN_ONE else BytesIO(data)


def _status(error: ClientError) -> int:
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def _down(what: str) -> Unavailable:
    return Unavailable(f"The object store {what}.", retry_after=RETRY_AFTER)


def _wrong(what: str) -> Unavailable:
    return Unavailable(f"The object store cannot be used: {what}.", retry_after=RETRY_AFTER)
