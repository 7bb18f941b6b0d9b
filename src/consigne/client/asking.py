"""One request and its answer, tried again where that is safe and makes sense; whole lists."""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx
import msgspec

from consigne.client.effects import Give, Pause, Reader, Send, Talk
from consigne.client.errors import NotConsigne, Refused, Unavailable, Unreachable, refusal_of
from consigne.client.things import as_a

API = "/consigne/v1"
PAGE = 1000
TRIES = 6
LONGEST_PAUSE = 20.0

Params = Sequence[tuple[str, str]]

_FIRST_PAUSE = 0.25
_JSON = {"Content-Type": "application/json"}


@dataclass
class Manners:
    """How a client asks: ``tries`` in all, the longest pause in seconds that it accepts, how many
    things of a list at a time.

    ``reached``: whether the server has ever answered; one that has may be starting anew, another
    one is not there.
    """

    url: str
    tries: int
    longest_pause: float
    page_size: int = PAGE
    reached: bool = False

    def pause(self, attempt: int, asked: float | None = None) -> float:
        """Return how long to wait after an attempt (from 0), not all clients equally long."""
        pause: float = _FIRST_PAUSE * 2**attempt * random.uniform(0.75, 1.25)
        return max(min(pause, self.longest_pause), asked or 0.0)


def ask(
    manners: Manners,
    method: str,
    path: str,
    *,
    params: Params = (),
    body: Any = None,
    content: bytes | Reader | None = None,
    headers: Mapping[str, str] | None = None,
    passed: Callable[[bytes], object] | None = None,
    again: bool | None = None,
    is_open: bool = False,
) -> Talk[httpx.Response]:
    """Send a request and return the successful answer.

    ``body`` is sent as JSON, ``content`` as it is. ``again``: whether it may be sent twice, by
    default what HTTP calls idempotent. A server that is busy says when to come back
    (``Retry-After``). Raises Refused, Unreachable.
    """
    fields = dict(headers or {})
    if body is not None:
        content, fields = msgspec.json.encode(body), {**_JSON, **fields}
    may_repeat = method != "POST" if again is None else again
    tries = manners.tries if may_repeat and not callable(content) else 1
    attempt = 0
    while True:
        asked: float | None = None
        try:
            response: httpx.Response = yield Send(
                method, API + path, params, content, fields, passed, is_open
            )
        except httpx.UnsupportedProtocol as error:
            raise unreachable(manners.url, error) from error
        except httpx.TransportError as error:
            absent = isinstance(error, httpx.ConnectError) and not manners.reached
            if absent or attempt + 1 >= tries:
                raise unreachable(manners.url, error) from error
        else:
            manners.reached = True
            if response.is_success:
                return response
            refusal = refusal_of(response)
            asked = refusal.retry_after
            if not _is_worth_repeating(refusal, attempt + 1, tries, manners):
                raise refusal
        yield Pause(manners.pause(attempt, asked))
        attempt += 1


def ask_json(manners: Manners, method: str, path: str, **options: Any) -> Talk[Any]:
    """Return the JSON of a successful answer, None where it has no body."""
    response = yield from ask(manners, method, path, **options)
    return decoded(manners, response)


def decoded(manners: Manners, response: httpx.Response) -> Any:
    """Return the JSON of an answer. Raises NotConsigne."""
    if not response.content:
        return None
    try:
        return msgspec.json.decode(response.content)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise NotConsigne(
            f"{manners.url} does not answer as a Consigne does.",
            hint="Check the URL: it is the address without /consigne/v1.",
        ) from None


def ask_pages(
    manners: Manners,
    path: str,
    name: str,
    params: Params = (),
    kind: type[msgspec.Struct] | None = None,
    size: int | None = None,
) -> Talk[None]:
    """Give all things of a list, a page at a time: documents, or values of a ``kind``."""
    cursor: str | None = None
    while True:
        query = [*params, ("limit", str(size or manners.page_size))]
        if cursor:
            query.append(("cursor", cursor))
        page = yield from ask_json(manners, "GET", path, params=query)
        if not isinstance(page, dict) or not isinstance(page.get(name), list):
            raise NotConsigne(f"{manners.url} does not answer as a Consigne does.")
        yield Give([as_a(kind, each) for each in page[name]] if kind else page[name])
        cursor = page.get("next")
        if not cursor:
            return


def unreachable(url: str, error: Exception) -> Unreachable:
    """Return what to say where no answer comes."""
    return Unreachable(
        f"No answer from {url}: {error or type(error).__name__}.",
        hint="Check the URL, and that the server runs ('consigne serve').",
    )


def _is_worth_repeating(refusal: Refused, tried: int, tries: int, manners: Manners) -> bool:
    if tried >= tries or not isinstance(refusal, Unavailable):
        return False
    return (refusal.retry_after or 0) <= manners.longest_pause
