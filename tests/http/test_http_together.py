"""The head of an answer leaves with the first bytes of its body."""

import asyncio

import pytest

from consigne.http.protocol import _Together

HEAD, BODY = b"HTTP/1.1 200 OK\r\n\r\n", b"body"


class Recorder:
    """A transport that notes each write: one is one system call."""

    def __init__(self) -> None:
        self.writes: list[bytes] = []
        self.is_closed = False

    def write(self, data: bytes) -> None:
        self.writes.append(bytes(data))

    def writelines(self, pieces) -> None:
        self.writes.append(b"".join(pieces))

    def is_closing(self) -> bool:
        return self.is_closed

    def close(self) -> None:
        self.is_closed = True


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
async def together(recorder):
    return _Together(recorder, asyncio.get_running_loop())


async def test_a_small_answer_is_one_write(together, recorder):
    together.write(HEAD)
    together.write(BODY)
    together.write(b"more")
    assert recorder.writes == [HEAD + BODY, b"more"]
    await asyncio.sleep(0)
    assert recorder.writes == [HEAD + BODY, b"more"]


async def test_a_head_does_not_wait_for_a_late_body(together, recorder):
    """An answer to HEAD has none, and an event stream may be silent for long."""
    together.write(HEAD)
    assert recorder.writes == []
    await asyncio.sleep(0)
    together.write(BODY)
    assert recorder.writes == [HEAD, BODY]


async def test_an_interim_response_leaves_at_once(together, recorder):
    """A client that waits for 100 sends nothing until it is there (RFC 9110 §10.1.1)."""
    interim = b"HTTP/1.1 100 Continue\r\n\r\n"
    together.write(interim)
    together.write(HEAD)
    together.write(BODY)
    assert recorder.writes == [interim, HEAD + BODY]


async def test_closing_sends_what_is_kept(together, recorder):
    together.write(HEAD)
    together.close()
    assert (recorder.writes, recorder.is_closing()) == ([HEAD], True)


async def test_nothing_is_sent_after_the_end(together, recorder):
    """A connection that was cut in between takes no more."""
    together.write(HEAD)
    recorder.close()
    await asyncio.sleep(0)
    assert recorder.writes == []
