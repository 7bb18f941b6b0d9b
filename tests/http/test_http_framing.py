"""Forms under another type and with bare line feeds: DY-12, DY-64."""

import pytest
from http_support import pieces_of
from hypothesis import given
from hypothesis import strategies as st

from consigne import errors
from consigne.http.framing import embedded_boundary, peek, with_crlf
from consigne.http.multipart import parts

HEAD = b'Content-Disposition: form-data; name="f"; filename="a"'


def test_a_form_is_recognized_by_its_first_lines():
    assert embedded_boundary(b"--abc\r\n" + HEAD) == "abc"
    assert embedded_boundary(b"--abc \t\n" + HEAD.lower()) == "abc"
    assert embedded_boundary(b"--abc\nContent-Type: text/plain\n" + HEAD) == "abc"
    for no in (b"", b"a=b", b"--abc", b"--abc\r\n\r\n" + HEAD, b" --abc\r\n" + HEAD):
        assert embedded_boundary(no) is None


@given(st.binary(max_size=50), st.integers(1, 20), st.integers(1, 30))
async def test_peeking_loses_nothing(data, size, look):
    head, stream = await peek(pieces_of(data, size), look)
    assert head == data[:look]
    assert b"".join([piece async for piece in stream]) == data


content = st.lists(
    st.sampled_from([b"\n", b"\r", b"\r\n", b"--", b"--b", b"\n--bx\n", b"\n--b--x", b"a", b" "])
).map(b"".join)


@given(
    st.lists(st.one_of(content, st.binary(max_size=300)), min_size=1, max_size=3),
    st.sampled_from([b"\n", b"\r\n"]),
    st.sampled_from([b"", b" \t"]),
    st.sampled_from([b"", b"\n", b"\r\n", b"\nepilogue"]),
    st.integers(1, 50),
)
async def test_content_survives_whatever_the_framing(contents, end, blanks, tail, size):
    body = b""
    for data in contents:
        # A return before the line feed of a delimiter cannot be told from CRLF.
        if b"\r\n--b" in b"\r\n" + data or b"\n--b\n" in data + b"\n" or data.endswith(b"\r"):
            return
        if b"\n--b--\n" in data + b"\n" or b"--b\r" in data or b"--b " in data or b"--b-- " in data:
            return
        body += b"--b" + blanks + end + HEAD + end + end + data + end
    body += b"--b--" + blanks + tail
    found = [
        await part.read(10_000) async for part in parts(with_crlf(pieces_of(body, size), "b"), "b")
    ]
    assert found == contents


async def test_broken_forms_stay_broken():
    async def read(body):
        return [part async for part in parts(with_crlf(pieces_of(body), "b"), "b")]

    for body in (b"", b"--b\n" + HEAD, b"--b\n" + HEAD + b"\n\nx", b"--b\n" + HEAD + b"\n\nx\n--b"):
        with pytest.raises(errors.BadMultipart):
            await read(body)
    with pytest.raises(errors.BadMultipart):
        await read(b"--b\nA: " + b"x" * 100_000)
