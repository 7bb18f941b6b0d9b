"""Leading a conversation: its effects as blocking calls, and as awaited ones."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import Any

import httpx

from consigne.client.effects import Do, Give, Pause, Reader, Send, T, Take, Talk

Sleep = Callable[[float], object]


class Leader:
    """Leads conversations over a blocking client; ``sleep`` is how it waits."""

    def __init__(
        self, url: str, http: httpx.Client, headers: Mapping[str, str], sleep: Sleep
    ) -> None:
        self._url = url
        self._http = http
        self._headers = headers
        self._sleep = sleep

    def run(self, talk: Talk[T]) -> T:
        """Lead a conversation to its end and return its result."""
        turns = _Turns(talk)
        for _ in self._iterate(turns):
            raise AssertionError("a conversation that gives things is iterated over")
        result: T = turns.result
        return result

    def iterate(self, talk: Talk[Any]) -> Iterator[Any]:
        """Yield what a conversation gives."""
        return self._iterate(_Turns(talk))

    def _iterate(self, turns: "_Turns") -> Iterator[Any]:
        answer: httpx.Response | None = None
        blocks: Iterator[bytes] = iter(())
        try:
            while (effect := turns.next()) is not None:
                if isinstance(effect, Give):
                    yield effect.thing
                    continue
                try:
                    if isinstance(effect, Send):
                        if answer is not None:
                            answer.close()
                        answer = self._send(effect)
                        if effect.is_open:
                            blocks = answer.iter_raw()
                        turns.answer = answer
                    elif isinstance(effect, Take):
                        turns.answer = next(blocks, b"")
                    elif isinstance(effect, Pause):
                        self._sleep(effect.seconds)
                    else:
                        assert isinstance(effect, Do)
                        turns.answer = effect.function()
                except Exception as error:
                    turns.error = error
        finally:
            turns.close()
            if answer is not None:
                answer.close()

    def _send(self, wish: Send) -> httpx.Response:
        content: Any = wish.content
        if callable(content):
            content = _blocks(content, wish.passed)
        request = self._http.build_request(
            wish.method, self._url + wish.path, params=list(wish.params), content=content,
            headers={**self._headers, **wish.headers},
        )  # fmt: skip
        response = self._http.send(request, stream=True)
        if not (wish.is_open and response.is_success):
            try:
                response.read()
            finally:
                response.close()
        return response


class AsyncLeader:
    """Leads conversations over an asynchronous client; what blocks runs in threads."""

    def __init__(self, url: str, http: httpx.AsyncClient, headers: Mapping[str, str]) -> None:
        self._url = url
        self._http = http
        self._headers = headers

    async def run(self, talk: Talk[T]) -> T:
        """Lead a conversation to its end and return its result."""
        turns = _Turns(talk)
        async for _ in self._iterate(turns):
            raise AssertionError("a conversation that gives things is iterated over")
        result: T = turns.result
        return result

    def iterate(self, talk: Talk[Any]) -> AsyncIterator[Any]:
        """Yield what a conversation gives."""
        return self._iterate(_Turns(talk))

    async def _iterate(self, turns: "_Turns") -> AsyncIterator[Any]:
        answer: httpx.Response | None = None
        blocks: AsyncIterator[bytes] | None = None
        try:
            while (effect := turns.next()) is not None:
                if isinstance(effect, Give):
                    yield effect.thing
                    continue
                try:
                    if isinstance(effect, Send):
                        if answer is not None:
                            await answer.aclose()
                        answer = await self._send(effect)
                        if effect.is_open:
                            blocks = answer.aiter_raw()
                        turns.answer = answer
                    elif isinstance(effect, Take):
                        assert blocks is not None
                        turns.answer = await anext(blocks, b"")
                    elif isinstance(effect, Pause):
                        await asyncio.sleep(effect.seconds)
                    else:
                        assert isinstance(effect, Do)
                        turns.answer = await asyncio.to_thread(effect.function)
                except Exception as error:
                    turns.error = error
        finally:
            turns.close()
            if answer is not None:
                await answer.aclose()

    async def _send(self, wish: Send) -> httpx.Response:
        content: Any = wish.content
        if callable(content):
            content = _blocks_later(content, wish.passed)
        request = self._http.build_request(
            wish.method, self._url + wish.path, params=list(wish.params), content=content,
            headers={**self._headers, **wish.headers},
        )  # fmt: skip
        response = await self._http.send(request, stream=True)
        if not (wish.is_open and response.is_success):
            try:
                await response.aread()
            finally:
                await response.aclose()
        return response


class _Turns:
    """A conversation step by step: ``answer`` or ``error`` is what it is sent next."""

    def __init__(self, talk: Talk[Any]) -> None:
        self._talk = talk
        self.answer: Any = None
        self.error: Exception | None = None
        self.result: Any = None

    def next(self) -> Any:
        """Return the next effect; None at the end, with ``result`` set."""
        answer, error = self.answer, self.error
        self.answer = self.error = None
        try:
            return self._talk.send(answer) if error is None else self._talk.throw(error)
        except StopIteration as end:
            self.result = end.value
            return None

    def close(self) -> None:
        self._talk.close()


def _blocks(read: Reader, passed: Callable[[bytes], object] | None) -> Iterator[bytes]:
    while block := read():
        yield block
        if passed is not None:
            passed(block)


async def _blocks_later(
    read: Reader, passed: Callable[[bytes], object] | None
) -> AsyncIterator[bytes]:
    while block := await asyncio.to_thread(read):
        yield block
        if passed is not None:
            passed(block)
