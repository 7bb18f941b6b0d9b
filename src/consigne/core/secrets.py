"""Secrets that must sign, sealed under a master key (C-05): AES-256-GCM, the name authenticated.

The master key comes from the settings (64 hex digits), else from ``master.key`` in the data folder,
which is made with mode 0600 at the first start. Backups name it and do not carry it unless told to.
"""

import os
import secrets
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from consigne.catalog import principals
from consigne.catalog.engine import Catalog, Tx
from consigne.errors import Internal, Unavailable

_NONCE = 12


def master_key(configured: str, folder: Path) -> bytes:
    """Return the 32 bytes of the master key, making the file where there is none.

    Raises Unavailable where the configured key is malformed or the file cannot be read.
    """
    if configured:
        return _decode(configured, "CONSIGNE_MASTER_KEY")
    path = folder / "master.key"
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return _decode(path.read_text(), str(path))
    with os.fdopen(handle, "w") as file:
        text = secrets.token_hex(32)
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    return bytes.fromhex(text)


def _decode(text: str, source: str) -> bytes:
    try:
        key = bytes.fromhex(text.strip())
    except ValueError:
        key = b""
    if len(key) != 32:
        raise Unavailable(f"{source} must be 64 hexadecimal digits.")
    return key


class Secrets:
    """Named random secrets, made at first use, readable only with the master key."""

    def __init__(self, catalog: Catalog, key: bytes) -> None:
        self._catalog = catalog
        self._cipher = AESGCM(key)
        self._known: dict[str, bytes] = {}

    async def get(self, name: str, size: int = 32) -> bytes:
        """Return the secret of this name. Raises Internal where the master key is another one."""
        found = self._known.get(name)
        if found is None:
            found = self._known[name] = await self._load(name, size)
        return found

    def seal(self, name: str, value: bytes) -> bytes:
        """Return a value encrypted for storage."""
        nonce = secrets.token_bytes(_NONCE)
        return nonce + self._cipher.encrypt(nonce, value, name.encode())

    def unseal(self, name: str, sealed: bytes) -> bytes:
        """Return what ``seal`` was given. Raises Internal."""
        try:
            return self._cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], name.encode())
        except InvalidTag:
            raise Internal(f"The secret {name!r} was sealed under another master key.") from None

    async def _load(self, name: str, size: int) -> bytes:
        fresh = self.seal(name, secrets.token_bytes(size))

        def work(tx: Tx) -> bytes:
            sealed = principals.sealed_secret(tx, name)
            if sealed is None:
                principals.add_secret(tx, name, fresh)
                sealed = principals.sealed_secret(tx, name)
            assert sealed is not None
            return sealed

        return self.unseal(name, await self._catalog.always.write(work))
