"""A Consigne at the other end of HTTP: the native API for commands that are its clients."""

import functools
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

import click
import httpx
import msgspec

from consigne import __version__
from consigne.cli.exits import Exit, Failure, exit_of_answer

F = TypeVar("F", bound=Callable[..., Any])
API = "/consigne/v1"
DEFAULT_URL = "http://127.0.0.1:8080"
_TRIES = 6
_LONGEST_PAUSE = 20.0
_AGAIN = frozenset({429, 502, 503, 504})
_PAGE = 1000


class Remote:
    """One server, one key, one space (None: the key's own). Safe to share between threads.

    What may be sent twice is tried again when the connection breaks or the server is busy;
    ``stop`` ends the waiting.
    """

    def __init__(self, url: str, key: str, space: str | None) -> None:
        headers = {"User-Agent": f"consigne-cli/{__version__}"}
        if key:
            headers["Authorization"] = f"Bearer {key}"
        if space:
            headers["X-Consigne-Space"] = space
        self.url = url.rstrip("/")
        self.space = space or ""
        self.stop = threading.Event()
        self._reached = False
        self._client = httpx.Client(
            headers=headers,
            timeout=httpx.Timeout(60, connect=10),
            limits=httpx.Limits(max_connections=64, max_keepalive_connections=64),
            follow_redirects=False,
        )

    def close(self) -> None:
        self._client.close()

    def call(
        self,
        method: str,
        path: str,
        *,
        params: Any = None,
        body: Any = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        again: bool | None = None,
    ) -> httpx.Response:
        """Send a request and return the successful answer. Raises Failure.

        ``body`` is sent as JSON, ``content`` as it is. ``again``: whether it may be sent twice,
        by default what HTTP calls idempotent.
        """
        if body is not None:
            content = msgspec.json.encode(body)
            headers = {"Content-Type": "application/json", **(headers or {})}
        request = self._client.build_request(
            method, self.url + API + path, params=params, content=content, headers=headers
        )
        tries = _TRIES if (method != "POST" if again is None else again) else 1
        return self._send(request, tries)

    def json(self, method: str, path: str, **options: Any) -> Any:
        """Return the JSON of a successful answer. Raises Failure."""
        response = self.call(method, path, **options)
        try:
            return msgspec.json.decode(response.content)
        except msgspec.DecodeError:
            raise Failure(
                f"{self.url} does not answer as a Consigne does.",
                hint="Check --url: it is the address without /consigne/v1.",
            ) from None

    def pages(self, path: str, name: str, params: list[tuple[str, str]]) -> Iterator[Any]:
        """Yield all things of a list, page by page."""
        cursor: str | None = None
        while True:
            query = [*params, ("limit", str(_PAGE))]
            if cursor:
                query.append(("cursor", cursor))
            page = self.json("GET", path, params=query)
            yield from page[name]
            cursor = page["next"]
            if not cursor:
                return

    def upload(
        self,
        method: str,
        path: str,
        blocks: Iterator[bytes],
        size: int | None,
        headers: Mapping[str, str],
    ) -> Any:
        """Send a body block by block, once, and return the answer's JSON. ``size`` None: unknown.

        Raises Failure.
        """
        fields = {"Content-Type": "application/octet-stream", **headers}
        if size is not None:
            fields["Content-Length"] = str(size)
        request = self._client.build_request(
            method, self.url + API + path, content=blocks, headers=fields
        )
        return msgspec.json.decode(self._send(request, 1).content)

    def stream(self, path: str, headers: Mapping[str, str]) -> httpx.Response:
        """Open a download; the caller reads and closes it. Raises Failure, httpx.TransportError."""
        request = self._client.build_request("GET", self.url + API + path, headers=headers)
        # The bytes themselves, not a coding of them, are what ranges and digests count.
        request.headers["Accept-Encoding"] = "identity"
        response = self._client.send(request, stream=True)
        if response.is_success:
            return response
        try:
            response.read()
        finally:
            response.close()
        raise failure_of_answer(response)

    def _send(self, request: httpx.Request, tries: int) -> httpx.Response:
        pause = 0.25
        while True:
            tries -= 1
            try:
                response = self._client.send(request)
            except httpx.TransportError as error:
                # A server that has answered may be starting anew; another one is not there.
                lost = isinstance(error, httpx.ConnectError) and not self._reached
                if not tries or lost or isinstance(error, httpx.UnsupportedProtocol):
                    raise unreachable(self.url, error) from error
            else:
                self._reached = True
                if response.is_success:
                    return response
                failure = failure_of_answer(response)
                if not tries or response.status_code not in _AGAIN:
                    raise failure
                pause = max(pause, _retry_after(response))
                if pause > _LONGEST_PAUSE:
                    raise failure
            if self.stop.wait(pause):
                raise Failure("Interrupted.", exit=Exit.INTERRUPTED)
            pause *= 2


def remote_options(command: F) -> F:
    """Give a command ``--url``, ``--key`` and ``--space``, and a ``Remote`` as argument."""

    @click.option("--url", envvar="CONSIGNE_URL", default=DEFAULT_URL, show_default=True,
                  show_envvar=True, help="Address of the server.")  # fmt: skip
    @click.option("--key", envvar="CONSIGNE_KEY", default="", show_envvar=True, help="API key.")
    @click.option("--space", envvar="CONSIGNE_SPACE", show_envvar=True,
                  help="Space; else the key's own, else your home.")  # fmt: skip
    @functools.wraps(command)
    def wrapped(*args: Any, url: str, key: str, space: str | None, **options: Any) -> Any:
        remote = Remote(url, key, space)
        try:
            return command(*args, remote=remote, **options)
        finally:
            remote.close()

    return wrapped  # type: ignore[return-value]


def failure_of_answer(response: httpx.Response) -> Failure:
    """Return what a server's refusal says: RFC 9457 from a Consigne, else the bare status."""
    try:
        problem = msgspec.json.decode(response.content)
    except msgspec.DecodeError:
        problem = {}
    if not isinstance(problem, dict):
        problem = {}
    code = str(problem.get("code", ""))
    message = problem.get("detail") or problem.get("title")
    if not message:
        message = f"{response.url.host} answers {response.status_code} {response.reason_phrase}."
    return Failure(
        str(message),
        rule=code or str(response.status_code),
        hint=str(problem.get("hint", "")),
        exit=exit_of_answer(response.status_code, code),
    )


def unreachable(url: str, error: Exception) -> Failure:
    """Return what to say where no answer comes."""
    return Failure(
        f"No answer from {url}: {error or type(error).__name__}.",
        rule="unreachable",
        hint="Check --url or CONSIGNE_URL, and that the server runs ('consigne serve').",
        exit=Exit.UNAVAILABLE,
    )


def _retry_after(response: httpx.Response) -> float:
    value = response.headers.get("retry-after", "")
    return float(value) if value.isascii() and value.isdigit() else 0.0
