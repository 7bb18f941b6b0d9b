"""Digests over pieces equal digests over the whole."""

import hashlib
import zlib

import pytest
from blob_support import marks
from hypothesis import given
from hypothesis import strategies as st

from consigne.blobs.digests import ALGORITHMS, Digester, marks_of


@given(st.lists(st.binary(max_size=70), max_size=12), st.integers(1, 64))
def test_pieces_make_no_difference(parts: list[bytes], block: int) -> None:
    """Any cut of the bytes gives the same measures (C-22: block checksums)."""
    digester = Digester(("sha-512", "crc32", "md5"), block_size=block, head=50)
    for part in parts:
        digester.update(part)
    data = b"".join(parts)
    assert digester.size == len(data)
    assert digester.head == data[:50]
    assert digester.sha256 == hashlib.sha256(data).digest()
    assert digester.md5 == hashlib.md5(data).digest()
    assert digester.blocks == marks(data, block) == marks_of(data, block)
    assert digester.extra == {
        "sha-512": hashlib.sha512(data).digest(),
        "crc32": zlib.crc32(data).to_bytes(4, "big"),
        "md5": hashlib.md5(data).digest(),
    }


@pytest.mark.parametrize("size", [0, 1, 2047, 2048, 4094, 4095, 40_000])
def test_inline_gives_the_same(size: int) -> None:
    """Measures taken on the event loop are those taken in threads, at every border."""
    data = bytes(number % 251 for number in range(size))
    inline, plain = Digester(("crc32", "md5", "sha-512")), Digester(("crc32", "md5", "sha-512"))
    inline.update_inline(data)
    plain.update(data)
    assert (inline.size, inline.head, inline.blocks) == (plain.size, plain.head, plain.blocks)
    assert (inline.sha256, inline.md5) == (plain.sha256, plain.md5)
    assert inline.extra == plain.extra


@given(st.binary(max_size=99), st.binary(max_size=99))
def test_a_snapshot_is_independent(first: bytes, second: bytes) -> None:
    """Carrying on with a copy leaves the original as it was (C-23)."""
    digester = Digester(("adler",), block_size=32)
    digester.update(first)
    copy, plain = digester.copy(), digester.copy(extra=False)
    copy.update(second)
    assert (digester.size, digester.blocks) == (len(first), marks(first, 32))
    assert digester.extra == {"adler": zlib.adler32(first).to_bytes(4, "big")}
    assert copy.sha256 == hashlib.sha256(first + second).digest()
    assert copy.blocks == marks(first + second, 32)
    assert copy.head == first + second
    assert plain.extra == {}


@pytest.mark.parametrize("name", sorted(ALGORITHMS))
def test_algorithms(name: str) -> None:
    """Every algorithm can be fed views and copied."""
    one, two = Digester((name,)), Digester((name,))
    one.update(memoryview(b"abcdef"))
    two.update(bytearray(b"abc"))
    two = two.copy()
    two.update(b"def")
    assert one.extra == two.extra
    assert one.extra[name]


def test_known_values() -> None:
    """Check values of the CRC catalogue, RFC 1950 and RFC 1321."""
    digester = Digester(("crc32", "adler", "md5", "sha"))
    digester.update(b"123456789")
    assert digester.extra["crc32"].hex() == "cbf43926"
    assert digester.extra["adler"].hex() == "091e01de"
    assert digester.extra["md5"].hex() == "25f9e794323b453885f5181f1b624d0b"
    assert digester.extra["sha"].hex() == "f7c3bc1d808e04732adf679965ccc34ca7ae3441"


def test_unknown_algorithm() -> None:
    with pytest.raises(ValueError, match="nonsense"):
        Digester(("nonsense",))
