"""Streaming forms: AM-13, DY-11, DY-12, C-43."""

import hashlib

import pytest
from http_support import pieces_of, request_of
from hypothesis import given
from hypothesis import strategies as st

from consigne import errors
from consigne.http.bodies import raw_body, verified
from consigne.http.digests import content_digests
from consigne.http.multipart import Limits, boundary_of, parts

B = "XbX"


def form(*fields, boundary=B, end="--\r\n"):
    """Build a form of (headers, bytes) pairs."""
    out = b""
    for headers, data in fields:
        lines = "\r\n".join(headers).encode("utf-8", "surrogateescape")
        out += b"--" + boundary.encode() + b"\r\n" + lines + b"\r\n\r\n" + data + b"\r\n"
    return out + b"--" + boundary.encode() + end.encode()


def field(name, filename=None):
    text = f'Content-Disposition: form-data; name="{name}"'
    return [text if filename is None else f'{text}; filename="{filename}"']


async def read_all(data, size=7, limits=None, **kwargs):
    found = []
    async for part in parts(pieces_of(data, size), B, limits, **kwargs):
        found.append((part.name, part.filename, await part.read(10**9)))
    return found


async def drain(found):
    async for _ in found:
        pass


nasty = st.lists(
    st.sampled_from([b"\r\n", b"--", B.encode(), b"\r", b"\n", b"\r\n--XbY", b"\r\n--Xb", b"a"])
).map(b"".join)


@given(
    st.lists(
        st.tuples(st.booleans(), st.one_of(st.binary(max_size=200), nasty)), min_size=1, max_size=4
    ),
    st.integers(1, 60),
)
async def test_any_form_survives_any_chunking(fields, size):
    sent = [(f"n{i}", "f" if is_file else None, data) for i, (is_file, data) in enumerate(fields)]
    for _, _, data in sent:
        if b"\r\n--" + B.encode() in b"\r\n" + data:
            return
    body = form(*[(field(name, filename), data) for name, filename, data in sent])
    assert await read_all(body, size) == sent


@given(st.integers(0, 120), st.integers(1, 30))
async def test_a_form_cut_anywhere_is_broken(keep, size):
    body = form((field("a"), b"1"), (field("f", "f"), b"22"), end="--")
    keep = min(keep, len(body) - 1)
    with pytest.raises(errors.BadMultipart):
        await read_all(body[:keep], size)


async def test_a_cut_body_is_incomplete_and_not_broken():
    body = form((field("f", "f"), b"x" * 100))[:60]
    with pytest.raises(errors.IncompleteBody):
        await drain(parts(raw_body(request_of([body], cut=True)), B))


async def test_unread_parts_are_drained():
    body = form((field("a", "a"), b"1" * 500), (field("b"), b"2"), (field("c", "c"), b"3"))
    names = []
    async for part in parts(pieces_of(body), B):
        names.append(part.name)
        if part.name == "b":
            assert await part.read(10) == b"2"
            assert await part.read(10) == b""
    assert names == ["a", "b", "c"]


async def test_a_part_that_is_over_gives_nothing():
    body = form((field("a", "a"), b"1"), (field("b"), b"2"))
    seen = [part async for part in parts(pieces_of(body), B)]
    assert await seen[0].read(10) == b""


@pytest.mark.parametrize(
    ("disposition", "name", "filename"),
    [
        ('form-data; name="f"; filename="été.txt"', "f", "été.txt"),
        ('form-data; name="f"; filename="\udce9t\udce9.txt"', "f", "été.txt"),
        ("form-data; name=f; filename=\"x\"; filename*=UTF-8''%C3%A9.txt", "f", "é.txt"),
        ('form-data; name="f"; filename="a%22b.txt"', "f", 'a"b.txt'),
        (r'form-data; name="f"; filename="a\"b.txt"', "f", 'a"b.txt'),
        (r'form-data; name="f"; filename="C:\dir\a.txt"', "f", r"C:\dir\a.txt"),
        ('form-data; name="f"; filename=""', "f", ""),
        ('form-data; name="f"', "f", None),
        ("form-data", "", None),
    ],
)
async def test_names_and_file_names(disposition, name, filename):
    """DY-14: UTF-8, else ISO-8859-1."""
    body = form(([f"Content-Disposition: {disposition}", "Content-Type: text/x"], b"x"))
    async for part in parts(pieces_of(body), B):
        assert (part.name, part.filename, part.content_type) == (name, filename, "text/x")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no boundary at all",
        b"--XbX\nContent-Disposition: form-data\n\nx\n--XbX--",
        b"--XbXzz\r\n",
        b"--XbX\r\nno colon\r\n\r\nx\r\n--XbX--",
        b"--XbX\r\nContent-Type: a/b\r\n\r\nx\r\n--XbX--",
        b"--XbX\r\nContent-Disposition: attachment\r\n\r\nx\r\n--XbX--",
        b"--XbX\r\nContent-Disposition: form-data; name=a\r\n\r\nx\r\n--XbX!!",
    ],
)
async def test_broken_framing(body):
    """AM-13: 400."""
    with pytest.raises(errors.BadMultipart):
        await read_all(body)


async def test_limits():
    small = Limits(parts=2, headers=2, header_size=100, field_bytes=10)
    ok = form((field("a"), b"12345"), (field("f", "f"), b"x" * 1000))
    assert len(await read_all(ok, limits=small)) == 2
    with pytest.raises(errors.BodyTooLarge):
        await read_all(form((field("a"), b"123456"), (field("b"), b"123456")), limits=small)
    with pytest.raises(errors.BadMultipart):
        await read_all(form(*[(field("a"), b"")] * 3), limits=small)
    with pytest.raises(errors.BadMultipart):
        await read_all(form(([*field("a"), "A: b", "C: d"], b"")), limits=small)
    with pytest.raises(errors.BadMultipart):
        await read_all(form(([*field("a"), "A: " + "b" * 200], b"")), limits=small)
    with pytest.raises(errors.BodyTooLarge):
        await read_all(form((field("file"), b"x" * 11)), limits=small)
    named = await read_all(
        form((field("file"), b"x" * 11)), limits=small, file_names=frozenset({"file"})
    )
    assert named == [("file", None, b"x" * 11)]
    async for part in parts(pieces_of(ok), B):
        if part.name == "f":
            with pytest.raises(errors.BodyTooLarge):
                await part.read(999)


@pytest.mark.parametrize("where", ["before", "after"])
async def test_endless_bytes_outside_the_parts_are_refused(where):
    body = form((field("a"), b"1"))
    filler = b"z" * 200_000
    body = filler + b"\r\n" + body if where == "before" else body + filler
    with pytest.raises(errors.BadMultipart):
        await read_all(body, 4096)


def test_boundaries():
    assert boundary_of("multipart/form-data; boundary=abc") == "abc"
    assert boundary_of('Multipart/Form-Data; charset=utf-8; BOUNDARY="a b;c"') == "a b;c"
    for bad in (None, "", "text/plain", "multipart/mixed; boundary=a", "application/json"):
        with pytest.raises(errors.UnsupportedMedia):
            boundary_of(bad)
    for bad in ("", "; boundary=", '; boundary=""', "; boundary=a\nb", "; boundary=" + "x" * 300):
        with pytest.raises(errors.BadMultipart):
            boundary_of("multipart/form-data" + bad)


async def test_a_digest_covers_the_whole_form_and_one_in_a_part_covers_the_part():
    """C-43: also where the consumer has no interest in the last part and the epilogue."""
    digest = "Content-MD5: " + "kAFQmDzST7DWlj99KOF/cg=="
    body = form(([*field("f", "f"), digest], b"abc"), (field("rest"), b"x")) + b"epilogue"
    good = {"sha-256": hashlib.sha256(body).digest()}
    async for part in parts(verified(pieces_of(body), good), B):
        if part.name == "f":
            assert content_digests(part.headers) == {"md5": hashlib.md5(b"abc").digest()}
    with pytest.raises(errors.DigestMismatch):
        await drain(parts(verified(pieces_of(body), {"sha-256": bytes(32)}), B))
