"""Posting to addresses that users have chosen, without lending them our place in the network.

Whom a name belongs to is looked up once, at the time of the connection, and the connection goes to
the very address that was checked: a name that changes its mind in between gains nothing. Private,
loopback and otherwise special addresses are refused unless the settings allow them. Redirects are
not followed, proxies of the environment not used, answers read up to a bound.
"""

import asyncio
import ipaddress
import socket
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import httpcore

from consigne import __version__
from consigne.model.webhooks import Attempt

_MOST = 64 << 10
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network
# IPv6 addresses in which an IPv4 address is hidden that a gateway may lead to.
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class Refused(Exception):
    """The address is not one that may be connected to."""


class Poster:
    """Sends messages; ``allowed``: names of hosts, addresses and networks that may be private."""

    def __init__(self, allowed: Sequence[str], limit: int = 32) -> None:
        self._allowed = allowed
        self._limit = limit
        self._pool: httpcore.AsyncConnectionPool | None = None

    async def post(
        self, url: str, headers: Mapping[str, str], body: bytes, seconds: float
    ) -> tuple[Attempt, bytes]:
        """Post JSON; return how it went, and the answer as far as it was read."""
        started = time.monotonic()
        status, error, said, wait = None, None, b"", None
        try:
            async with asyncio.timeout(seconds):
                status, said, wait = await self._exchange(url, headers, body)
            if not 200 <= status < 300:
                error = f"HTTP {status}"
        except TimeoutError:
            error = f"No answer within {seconds:g} seconds."
        except Refused as refusal:
            error = str(refusal)
        except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.TimeoutException) as fault:
            error = f"{type(fault).__name__}: {fault}"[:500]
        except (OSError, ValueError) as fault:
            error = f"{type(fault).__name__}: {fault}"[:500]
        taken = int((time.monotonic() - started) * 1000)
        shown = said[:1000].decode("utf-8", "replace").replace("\0", "�") if said else None
        return Attempt(status, error, shown, taken, wait), said

    async def close(self) -> None:
        """Close all connections."""
        if self._pool is not None:
            await self._pool.aclose()
            self._pool = None

    async def _exchange(
        self, url: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, bytes, float | None]:
        if self._pool is None:
            self._pool = httpcore.AsyncConnectionPool(
                max_connections=self._limit,
                max_keepalive_connections=self._limit // 2,
                keepalive_expiry=20,
                network_backend=_Guard(self._allowed),
            )
        fields = {
            "content-type": "application/json",
            "accept-encoding": "identity",
            "user-agent": f"Consigne/{__version__}",
            **headers,
        }
        listed = [("host", _host_of(url)), *fields.items(), ("content-length", str(len(body)))]
        said = bytearray()
        async with self._pool.stream("POST", url, headers=listed, content=body) as response:
            async for piece in response.aiter_stream():
                said += piece
                if len(said) >= _MOST:
                    break
            return response.status, bytes(said[:_MOST]), _retry_after(response.headers)


class _Guard(httpcore.AsyncNetworkBackend):
    """Connects to addresses that were checked."""

    def __init__(self, allowed: Sequence[str]) -> None:
        self._inner = httpcore.AnyIOBackend()
        self._names = {each.lower() for each in allowed}
        self._networks = list(_networks(allowed))

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Look the name up, and connect to the first of its addresses that may be and answers."""
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError as error:
            raise Refused(f"The host {host!r} is not known: {error.strerror}.") from None
        addresses = list(dict.fromkeys(str(info[4][0]) for info in found))
        open_ones = [each for each in addresses if self._may(host, each)]
        if not open_ones:
            raise Refused(f"The host {host!r} has a private address, which is not allowed here.")
        for number, address in enumerate(open_ones, start=1):
            try:
                return await self._inner.connect_tcp(
                    address, port, timeout, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if number == len(open_ones):
                    raise
        raise AssertionError

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ASYNC109
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Refuse: no URL leads here."""
        raise Refused("Sockets of this machine are not allowed.")

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)

    def _may(self, host: str, address: str) -> bool:
        if "*" in self._names or host.strip("[]").lower() in self._names:
            return True
        number = ipaddress.ip_address(address.partition("%")[0])
        return is_public(number) or any(
            number.version == each.version and number in each for each in self._networks
        )


def is_public(address: _Address) -> bool:
    """Tell whether an address, and what may be hidden in it, belongs to the public internet.

    >>> is_public(ipaddress.ip_address("::ffff:127.0.0.1"))
    False
    """
    hidden: list[_Address | None] = []
    if isinstance(address, ipaddress.IPv6Address):
        hidden = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
        if address in _NAT64:
            hidden.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
        if address.ipv4_mapped is not None:
            return is_public(address.ipv4_mapped)
    if any(each is not None and not is_public(each) for each in hidden):
        return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def _networks(allowed: Iterable[str]) -> Iterable[_Network]:
    for each in allowed:
        try:
            yield ipaddress.ip_network(each, strict=False)
        except ValueError:
            continue


def _host_of(url: str) -> str:
    return url.partition("://")[2].partition("/")[0].partition("?")[0]


def _retry_after(headers: Sequence[tuple[bytes, bytes]]) -> float | None:
    for name, value in headers:
        if name.lower() == b"retry-after" and value.isdigit() and len(value) < 7:
            return float(value)
    return None
