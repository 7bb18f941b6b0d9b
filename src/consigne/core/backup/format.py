"""The format of a backup (``docs/backup.md``): names and documents.

::

    cuts/<cut>/manifest.json             Manifest, never encrypted
    cuts/<cut>/catalog.json[.age]        Summary
    cuts/<cut>/tables/<name>.jsonl.gz[.age]
    cuts/<cut>/contents.jsonl.gz[.age]   which object has the bytes of which contents
    cuts/<cut>/objects.gz                which objects there must be, never encrypted
    contents/<ab>/<name>[.age]           the bytes of a content
"""

import hmac
import secrets
import zlib
from collections.abc import AsyncIterable, AsyncIterator, Sequence
from datetime import UTC, datetime
from hashlib import sha256

import msgspec

from consigne.errors import Corrupt

FORMAT, VERSION = "consigne-backup", 1
MANIFEST = "manifest.json"
SEALED = ".age"
PARTITIONS = [f"{number:02x}" for number in range(256)]
_INFLATED = 1 << 20


class Part(msgspec.Struct, frozen=True):
    """A file of a cut as it is stored; ``path`` is below ``cuts/<cut>/``."""

    path: str
    size: int
    sha256: str


class Amounts(msgspec.Struct, frozen=True):
    """Contents of a cut: different ones, their bytes, and how many of them were copied for it."""

    objects: int
    size: int
    copied: int
    copied_size: int
    damaged: int


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a cut is. ``vault`` tells vaults apart; ``master_key`` is the fingerprint of the key
    that the secrets in the catalog are sealed under.
    """

    format: str = FORMAT
    version: int = VERSION
    cut: str
    vault: str
    taken_at: str
    finished_at: str
    consigne: str
    schema: str
    engine: str
    recipients: list[str]
    master_key: str
    carries_master_key: bool
    files: list[Part]
    contents: Amounts


class TableHead(msgspec.Struct, frozen=True):
    """A table: columns in the order of each row, those that hold bytes, count and digest."""

    name: str
    columns: list[str]
    binary: list[str]
    rows: int
    sha256: str


class Damaged(msgspec.Struct, frozen=True):
    """A content whose bytes could not be saved, as they are not what came in."""

    id: str
    sha256: str
    size: int
    problem: str


class Summary(msgspec.Struct, frozen=True):
    """What a cut has of the catalog. ``numbers``: the last serial number given out, by table."""

    tables: list[TableHead]
    numbers: dict[str, int]
    damaged: list[Damaged]
    master_key: str | None


class Indexed(msgspec.Struct, frozen=True, array_like=True):
    """One line of ``contents.jsonl.gz``: an object and the contents (ids) that have its bytes."""

    name: str
    size: int
    sha256: str
    ids: list[int]


def new_cut(now: float) -> str:
    """Return the name of a new cut; names sort by time."""
    moment = datetime.fromtimestamp(now, UTC)
    return f"{moment:%Y%m%dT%H%M%S}.{moment.microsecond // 1000:03d}Z-{secrets.token_hex(3)}"


def object_name(key: bytes, digest: bytes, recipients: Sequence[str]) -> str:
    """Return the name of the object with a content's bytes, which tells nobody what they are."""
    text = digest + "\n".join(sorted(recipients)).encode()
    return hmac.new(key, text, sha256).hexdigest()[:32]


def vault_name(key: bytes) -> str:
    """Return what tells one vault's cuts from another's."""
    return hmac.new(key, b"vault", sha256).hexdigest()[:16]


def fingerprint(master_key: bytes) -> str:
    """Return what names a master key without telling it."""
    return sha256(b"consigne master key" + master_key).hexdigest()[:16]


def object_path(name: str, sealed: bool) -> str:
    """Return where an object is."""
    return f"contents/{name[:2]}/{name}{SEALED if sealed else ''}"


async def lines(pieces: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    """Yield the lines of a gzip stream, without their ends. Raises Corrupt."""
    inflate, rest = zlib.decompressobj(wbits=31), b""
    try:
        async for piece in pieces:
            more = piece
            while more:
                found = (rest + inflate.decompress(more, _INFLATED)).split(b"\n")
                more = inflate.unconsumed_tail
                rest = found.pop()
                for line in found:
                    yield line
        found = (rest + inflate.flush()).split(b"\n")
    except zlib.error as error:
        raise Corrupt("A file of the backup cannot be unpacked.") from error
    if not inflate.eof or found.pop():
        raise Corrupt("A file of the backup is cut off.")
    for line in found:
        yield line
