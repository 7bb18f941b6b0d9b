"""Signed URLs of files: who signs, which object is meant, and whether it may be touched (C-42).

A space is a bucket by its short name. Its objects are the contents of files
(``organizations/<space>/storage/<file>``) and the places for bytes that are expected
(``organizations/<space>/incoming/<file>/<upload>``), ids spelled in letters. We sign with one
secret per space; the access key names who asked and with which key, so that whoever loses the
right, or the key, loses the URL. Key pairs that we issue sign URLs of their own.
"""

import hmac
import re
import secrets
import time
from collections.abc import Mapping

import msgspec

from consigne.catalog import principals, signing_keys, spaces
from consigne.catalog.engine import Catalog, Tx
from consigne.core.access import Caller, Seat
from consigne.core.arrivals import WHOLE, Arrivals
from consigne.core.clock import now_ms
from consigne.core.history import record
from consigne.core.secrets import Secrets
from consigne.core.signing import Presigned, parse, presign, split_base, verify
from consigne.errors import (
    BadCredentials,
    FileNotFound,
    Forbidden,
    KeyNotFound,
    NoContent,
    Unauthenticated,
)
from consigne.model.entities import File, Principal, SigningKey, Space, Upload
from consigne.model.identity import from_letters, new_id, to_letters
from consigne.settings import Settings

PREFIX = "/s3"
PAIR_PREFIX = "CSGK"
_OWN = re.compile(r"csg-(\d{1,19})-(\d{1,19})-(\d{1,19})")
_KEY = re.compile(
    r"organizations/(?P<space>[0-9a-z]{16})/"
    r"(?:storage/(?P<stored>[0-9a-z]{16})"
    r"|incoming/(?P<expected>[0-9a-z]{16})/(?P<upload>[0-9a-z]{16}))"
)


class ObjectKey(msgspec.Struct, frozen=True):
    """What an object's key names; ``upload_id`` None: the content of the file."""

    space_id: int
    file_id: int
    upload_id: int | None


class Signed(msgspec.Struct, frozen=True):
    """A request as it arrived: ``host`` with port, ``path`` decoded, header names in lower case."""

    method: str
    host: str
    path: str
    query: bytes
    headers: Mapping[str, str]


class Grant(msgspec.Struct, frozen=True):
    """Who signed a request and what for. ``issued``: with a key pair of his own, so that only
    reading and filling is meant; ``payload``: the SHA-256 that the body must have, if signed."""

    seat: Seat
    issued: bool
    payload: bytes | None


class Objects:
    """Making signed URLs, and checking them."""

    def __init__(
        self, catalog: Catalog, vault: Secrets, arrivals: Arrivals, settings: Settings
    ) -> None:
        self._catalog = catalog
        self._secrets = vault
        self._arrivals = arrivals
        self._settings = settings

    async def upload_url(self, seat: Seat, upload: Upload) -> str:
        """Return the URL to PUT the announced bytes to; their number is signed.

        It leads to the object store where that is set and so many bytes go in one request.
        """
        assert upload.file_id is not None
        assert upload.length is not None
        if self._arrivals.most and upload.length <= self._arrivals.most:
            expires = self._settings.s3_put_expiry
            return (await self._arrivals.put_url(upload, WHOLE, upload.length, expires)).url
        key = (
            f"organizations/{to_letters(seat.space_id)}/incoming/"
            f"{to_letters(upload.file_id)}/{to_letters(upload.id)}"
        )
        headers = {"content-length": str(upload.length)}
        return await self._url("PUT", seat, key, self._settings.s3_put_expiry, headers, {})

    async def download_url(self, seat: Seat, file: File) -> str:
        """Return the URL of the present content. Raises NoContent."""
        return await self._content_url("GET", seat, file, self._settings.s3_get_expiry)

    async def share(self, seat: Seat, file: File, seconds: int) -> str:
        """Return a URL of the present content for someone else, good for so many seconds.

        It is told in the history of the file; it ends sooner where the caller loses the right.
        Raises NoContent.
        """
        url = await self._content_url("GET", seat, file, seconds)
        until = now_ms() + seconds * 1000

        def work(tx: Tx) -> None:
            record(
                tx, seat.space_id, seat.principal_id, "file.shared", file.id,
                version=file.version, until=until,
            )  # fmt: skip

        await self._catalog.write(work)
        return url

    async def empty_url(self, seat: Seat, file: File) -> str:
        """Return the URL whose DELETE takes the present content out. Raises NoContent."""
        return await self._content_url("DELETE", seat, file, self._settings.s3_delete_expiry)

    async def authorize(self, request: Signed, bucket: str) -> Grant:
        """Check a request's signed query for a bucket.

        Raises Unauthenticated (unsigned, malformed, expired), BadCredentials (unknown key, wrong
        signature), Forbidden (the signer has no place in the space any more).
        """
        claim = parse(request.query)
        if claim is None:
            raise Unauthenticated("Access Denied")
        own = _OWN.fullmatch(claim.access_key)
        if own is not None:
            caller_id, key_id = int(own[2]), int(own[3])
            secret = await self._own_secret(int(own[1]))
            self._verify(claim, secret, request, issued=False)
            seat = await self._catalog.look(lambda tx: _seat(tx, bucket, caller_id, key_id, None))
            if seat.space_id != int(own[1]):
                raise BadCredentials("The request signature does not match")
        else:
            key = await self._catalog.look(
                lambda tx: signing_keys.by_access_key(tx, claim.access_key)
            )
            if key is None or (key.expires_at is not None and key.expires_at <= now_ms()):
                raise BadCredentials("The request signature does not match")
            secret = self._secrets.unseal(key.access_key, key.sealed).decode()
            self._verify(claim, secret, request, issued=True)
            seat = await self._catalog.look(lambda tx: _seat(tx, bucket, key.principal_id, 0, key))
        payload = None if claim.payload == "UNSIGNED-PAYLOAD" else bytes.fromhex(claim.payload)
        return Grant(seat, own is None, payload)

    async def create_key(
        self,
        owner: Principal,
        name: str,
        *,
        space: Space | None = None,
        expires_at: int | None = None,
    ) -> tuple[SigningKey, str]:
        """Issue a key pair and return it with its secret, which is not shown again."""
        access_key, secret = PAIR_PREFIX + secrets.token_hex(8).upper(), secrets.token_urlsafe(30)
        key = SigningKey(
            id=new_id(),
            access_key=access_key,
            principal_id=owner.id,
            space_id=space.id if space else None,
            name=name.strip()[:256] or "s3",
            sealed=self._secrets.seal(access_key, secret.encode()),
            expires_at=expires_at,
            created_at=now_ms(),
        )

        def work(tx: Tx) -> None:
            signing_keys.add(tx, key)
            if space is not None:
                record(tx, space.id, owner.id, "key.created", key.id, name=key.name)

        await self._catalog.write(work)
        return key, secret

    async def keys(self, owner: Principal) -> list[SigningKey]:
        """Return the key pairs of a user, oldest first."""
        return await self._catalog.look(lambda tx: signing_keys.of(tx, owner.id))

    async def revoke_key(self, caller: Caller, access_key: str) -> None:
        """Delete a key pair: one's own, or any as operator. Raises KeyNotFound."""
        operator = caller.principal.is_operator and caller.space_id is None

        def work(tx: Tx) -> None:
            key = signing_keys.by_access_key(tx, access_key)
            if key is None or not (operator or key.principal_id == caller.id):
                raise KeyNotFound
            signing_keys.remove(tx, access_key)
            if key.space_id is not None:
                record(tx, key.space_id, caller.id, "key.revoked", key.id, name=key.name)

        await self._catalog.write(work)

    async def _content_url(self, method: str, seat: Seat, file: File, expires: int) -> str:
        if file.content_id is None:
            raise NoContent
        query = {"versionId": str(file.version)}
        return await self._url(method, seat, storage_key(file), expires, {}, query)

    async def _url(
        self,
        method: str,
        seat: Seat,
        key: str,
        expires: int,
        headers: Mapping[str, str],
        query: Mapping[str, str],
    ) -> str:
        return presign(
            method,
            self._settings.base_url,
            f"{PREFIX}/{seat.space.short}/{key}",
            access_key=f"csg-{seat.space_id}-{seat.principal_id}-{seat.caller.key_id or 0}",
            secret=await self._own_secret(seat.space_id),
            region=self._settings.s3_region,
            expires=expires,
            headers=headers,
            query=query,
        )

    async def _own_secret(self, space_id: int) -> str:
        """Return the secret that all URLs of a space are signed with."""
        root = await self._secrets.get("s3")
        return derive(root, space_id)

    def _verify(self, claim: Presigned, secret: str, request: Signed, *, issued: bool) -> None:
        """Check signature, then time; ours only against the public URL, whatever a proxy says."""
        _, host, prefix = split_base(self._settings.base_url)
        places = [(host, prefix + request.path)]
        if issued:
            places.append((request.host, request.path))
        method = request.method
        methods = ("HEAD", "GET") if method == "HEAD" else (method,)
        verify(claim, secret, methods=methods, places=places, headers=request.headers)
        claim.require_valid(time.time())


def storage_key(file: File) -> str:
    """Return the key of a file's content inside its bucket."""
    return f"organizations/{to_letters(file.space_id)}/storage/{to_letters(file.id)}"


def read_key(text: str) -> ObjectKey:
    """Return what a key names. Raises FileNotFound."""
    found = _KEY.fullmatch(text)
    numbers = [from_letters(part) for part in found.groups() if part] if found else [None]
    if found is None or None in numbers:
        raise FileNotFound
    space_id, file_id, *rest = (number or 0 for number in numbers)
    return ObjectKey(space_id, file_id, rest[0] if rest else None)


def derive(root: bytes, space_id: int) -> str:
    """Return the signing secret of a space."""
    return hmac.digest(root, f"s3:{space_id}".encode(), "sha256").hex()


def _seat(tx: Tx, bucket: str, principal_id: int, key_id: int, pair: SigningKey | None) -> Seat:
    """Return the signer's place in the bucket's space, as it is now. Raises Forbidden."""
    space = spaces.by_short(tx, bucket)
    user = principals.by_id(tx, principal_id)
    if space is None or user is None or not user.is_active:
        raise Forbidden("Access Denied")
    bound = pair.space_id if pair else None
    if key_id:
        key = principals.key_by_id(tx, key_id)
        if key is None or (key.expires_at is not None and key.expires_at <= now_ms()):
            raise Forbidden("Access Denied")
        bound = key.space_id
    member = spaces.member_of(tx, space.id, user.id)
    if member is None or bound not in (None, space.id):
        raise Forbidden("Access Denied")
    return Seat(Caller(user, bound, None, key_id or None), space, member.role)
