"""The checksum extension of tus 1.0, before and behind the body (issue 6)."""

import hashlib
import os
import socket
import zlib

import pytest
from tus_support import BODY, Tus, b64, refused


def _digest(name: str, data: bytes) -> str:
    if name == "crc32":
        return f"crc32 {b64(zlib.crc32(data).to_bytes(4, 'big'))}"
    return f"{name} {b64(hashlib.new(name, data).digest())}"


def _with_trailer(tus: Tus, url: str, offset: int, data: bytes, trailer: str) -> bytes:
    """Send a chunked body and what stands behind it; return the head of the answer."""
    head = (
        f"PATCH {url} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {tus.token}\r\n"
        f"Tus-Resumable: 1.0.0\r\nContent-Type: {BODY}\r\nUpload-Offset: {offset}\r\n"
        "Trailer: Upload-Checksum\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    )
    cut = len(data) // 3
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(d), d) for d in (data[:cut], data[cut:]))
    with socket.create_connection(("127.0.0.1", tus.space.server.port), timeout=20) as connection:
        connection.sendall(head.encode() + chunks + b"0\r\n" + trailer.encode() + b"\r\n")
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
    return answer


@pytest.mark.parametrize("name", ["sha1", "md5", "sha256", "crc32"])
def test_a_checksum_before_the_body(ines: Tus, name: str) -> None:
    """tus, checksum: 460 and the bytes do not count where they have another digest."""
    data = os.urandom(400_000)
    url = ines.begin(len(data))
    half = data[:200_000]
    refused(ines.patch(url, 0, half, Upload_Checksum=_digest(name, b"other")), 460)
    assert ines.offset(url) == 0
    good = ines.patch(url, 0, half, Upload_Checksum=_digest(name, half))
    assert good.headers["upload-offset"] == "200000"
    rest = data[200_000:]
    refused(ines.patch(url, 200_000, rest, Upload_Checksum=_digest(name, half)), 460)
    assert ines.offset(url) == 200_000
    done = ines.patch(url, 200_000, rest, Upload_Checksum=_digest(name, rest))
    assert ines.content(done) == data
    assert ines.space.usage() == (len(data), 0)


@pytest.mark.parametrize("name", ["sha1", "md5", "sha256", "crc32"])
@pytest.mark.embedded("nginx drops trailers")
def test_a_checksum_behind_the_body(ines: Tus, name: str) -> None:
    """tus, checksum-trailer: the same, for a client that hashes while it sends."""
    data = os.urandom(300_000)
    url = ines.begin(len(data))
    wrong = f"Upload-Checksum: {_digest(name, b'other')}\r\n"
    assert _with_trailer(ines, url, 0, data, wrong).startswith(b"HTTP/1.1 460 ")
    assert ines.offset(url) == 0
    right = f"Upload-Checksum: {_digest(name, data)}\r\n"
    assert _with_trailer(ines, url, 0, data, right).startswith(b"HTTP/1.1 204 ")
    assert ines.content(ines.head(url)) == data


def test_an_announced_checksum_has_to_come(ines: Tus) -> None:
    """tus, checksum-trailer: missing, twice or malformed is 400, and the bytes do not count."""
    url = ines.begin(6)
    for trailer in (
        "",
        "X-Other: 1\r\n",
        "Upload-Checksum: sha1 AAAA\r\n",
        "Upload-Checksum: what\r\n",
        f"Upload-Checksum: {_digest('md5', b'abcdef')}\r\n" * 2,
    ):
        answer = _with_trailer(ines, url, 0, b"abcdef", trailer)
        assert answer.startswith(b"HTTP/1.1 400 "), (trailer, answer)
    assert ines.offset(url) == 0
    both = {"Upload_Checksum": _digest("md5", b"abcdef"), "Trailer": "Upload-Checksum"}
    refused(ines.patch(url, 0, b"abcdef", **both), 400)
    assert ines.content(ines.patch(url, 0, b"abcdef")) == b"abcdef"


@pytest.mark.embedded("nginx drops trailers")
def test_a_trailer_is_no_header(ines: Tus) -> None:
    """What comes behind a body cannot say what only a header may."""
    url = ines.begin(6)
    trailer = f"Upload-Checksum: {_digest('md5', b'abc')}\r\nUpload-Length: 3\r\n"
    assert _with_trailer(ines, url, 0, b"abc", trailer).startswith(b"HTTP/1.1 204 ")
    head = ines.head(url)
    assert (head.headers["upload-offset"], head.headers["upload-length"]) == ("3", "6")


def test_a_creation_with_a_wrong_checksum(ines: Tus) -> None:
    """tus, creation-with-upload and checksum: 460, and no upload is left."""
    before = ines.space.traces()
    refused(ines.create(3, b"abc", Upload_Checksum=_digest("sha1", b"abd")), 460)
    assert ines.space.traces() == before
    done = ines.create(3, b"abc", Upload_Checksum=_digest("sha1", b"abc"))
    assert ines.content(done) == b"abc"


def test_an_empty_body_with_a_wrong_checksum(ines: Tus) -> None:
    """tus, checksum: the digest of nothing is checked as well."""
    url = ines.begin(3)
    refused(ines.patch(url, 0, b"", Upload_Checksum=_digest("md5", b"x")), 460)
    assert ines.patch(url, 0, b"", Upload_Checksum=_digest("md5", b"")).status_code == 204
    assert ines.offset(url) == 0
