"""Fetching files that an import names by URL, from allowed hosts at public addresses only (DX-43).

The address is checked where the connection is made, and the connection goes to the address that was
checked: a name that resolves differently a moment later changes nothing. Every hop of a redirect
passes through the same gate.
"""

import asyncio
import ipaddress
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from functools import cache
from urllib.parse import unquote, urljoin, urlsplit

import httpcore
from httpcore import AsyncNetworkBackend, AsyncNetworkStream

from consigne.core.imports.fetching import Fetched, FetchFailed
from consigne.jobs.posting import is_public
from consigne.settings import Settings

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]

_HOPS = 3
_CONNECT = 10.0
_PORTS = {"http": 80, "https": 443}
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MOST_URL = 4096


class Fetcher:
    """``open`` is what an import calls. ``resolve`` and ``is_allowed`` stand in for the network."""

    def __init__(
        self,
        settings: Settings,
        *,
        resolve: Resolve | None = None,
        is_allowed: Callable[[Address], bool] | None = None,
        backend: AsyncNetworkBackend | None = None,
    ) -> None:
        self._hosts = frozenset(host.lower() for host in settings.import_fetch_hosts)
        self._time = settings.import_fetch_time
        self._gate = _Gate(
            resolve or _resolve, is_allowed or is_public, backend or httpcore.AnyIOBackend()
        )

    @asynccontextmanager
    async def open(self, url: str) -> AsyncIterator[Fetched]:
        """Open a URL, following up to three redirects. Raises FetchFailed."""
        pool = httpcore.AsyncConnectionPool(
            ssl_context=_trust(),
            network_backend=self._gate,
            max_connections=1,
            retries=0,
        )
        try:
            async with pool:
                for _ in range(_HOPS + 1):
                    self._require_allowed(url)
                    async with pool.stream(
                        "GET", url, headers=_HEADERS, extensions={"timeout": self._timeouts()}
                    ) as answer:
                        target = _redirect(url, answer)
                        if target is None:
                            yield _fetched(url, answer)
                            return
                        url = target
                raise FetchFailed(f"More than {_HOPS} redirects.")
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException) as error:
            raise FetchFailed(f"The download failed: {type(error).__name__}.") from None
        except (httpcore.UnsupportedProtocol, OSError, ValueError) as error:
            raise FetchFailed(f"The download failed: {error}.") from None

    def _require_allowed(self, url: str) -> None:
        """Raise FetchFailed unless a URL names an allowed host."""
        try:
            parts = urlsplit(url)
            host, port = (parts.hostname or "").lower(), parts.port
        except ValueError:
            raise FetchFailed("This is no URL.") from None
        usual = _PORTS.get(parts.scheme)
        if usual is None or not host or len(url) > _MOST_URL or not url.isascii():
            raise FetchFailed("This is no URL of a file.")
        if parts.username is not None:
            raise FetchFailed("A URL with a password is not fetched.")
        known = host in self._hosts and port in (None, usual)
        if not known and f"{host}:{port or usual}" not in self._hosts:
            raise FetchFailed(f"Files are not fetched from {host}.")

    def _timeouts(self) -> dict[str, float]:
        return {"connect": _CONNECT, "read": self._time, "write": _CONNECT, "pool": _CONNECT}


class _Gate(AsyncNetworkBackend):
    """Connects to what a name resolves to, once every address of it was found to be allowed."""

    def __init__(
        self, resolve: Resolve, is_allowed: Callable[[Address], bool], backend: AsyncNetworkBackend
    ) -> None:
        self._resolve = resolve
        self._is_allowed = is_allowed
        self._backend = backend

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> AsyncNetworkStream:
        found = [ipaddress.ip_address(each) for each in await self._resolve(host, port)]
        if not found or not all(self._is_allowed(each) for each in found):
            raise FetchFailed(f"{host} is not at a public address.")
        return await self._backend.connect_tcp(
            str(found[0]), port, timeout, local_address, socket_options
        )

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ASYNC109
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> AsyncNetworkStream:
        raise FetchFailed("Files are fetched over TCP.")

    async def sleep(self, seconds: float) -> None:
        await self._backend.sleep(seconds)


_HEADERS = [("Accept", "*/*"), ("Accept-Encoding", "identity"), ("User-Agent", "Consigne")]


@cache
def _trust() -> ssl.SSLContext:
    """Return what the system trusts."""
    return ssl.create_default_context()


async def _resolve(host: str, port: int) -> Sequence[str]:
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=1)
    except OSError:
        raise FetchFailed(f"{host} is not known.") from None
    return [str(each[4][0]).partition("%")[0] for each in found]


def _redirect(url: str, answer: httpcore.Response) -> str | None:
    """Return where an answer leads, None where it is the file itself. Raises FetchFailed."""
    fields = _fields(answer)
    if answer.status in _REDIRECTS and "location" in fields:
        return urljoin(url, fields["location"])
    if answer.status != 200:
        raise FetchFailed(f"The server answered {answer.status}.")
    if fields.get("content-encoding", "identity").lower() not in ("", "identity"):
        raise FetchFailed("The server encodes what was asked for as it is.")
    return None


def _fetched(url: str, answer: httpcore.Response) -> Fetched:
    fields = _fields(answer)
    length = fields.get("content-length", "")
    name = unquote(urlsplit(url).path.rpartition("/")[2])
    return Fetched(
        name=name,
        media_type=fields.get("content-type"),
        length=int(length) if length.isascii() and length.isdigit() and len(length) < 16 else None,
        body=_body(answer),
    )


async def _body(answer: httpcore.Response) -> AsyncIterator[bytes]:
    async for piece in answer.aiter_stream():
        yield piece


def _fields(answer: httpcore.Response) -> dict[str, str]:
    return {
        name.decode("latin-1").lower(): value.decode("latin-1") for name, value in answer.headers
    }
