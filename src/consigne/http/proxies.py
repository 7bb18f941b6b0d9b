"""The client's address behind proxies (C-07): believed only from peers that are trusted.

Addresses are walked from the nearest hop outwards; the first that is no trusted proxy is the
client. ``X-Forwarded-For`` is read where present, else ``Forwarded`` (RFC 7239): a proxy that knows
only the former passes on whatever a client wrote into the latter.
"""

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from starlette.types import Scope

from consigne.http.fields import Header, pick, split_outside_quotes

BY_PROXY = frozenset({b"x-forwarded-for", b"forwarded", b"x-real-ip", b"via"})
"""Fields of a request that came through a proxy."""

_FIELDS = frozenset({b"x-forwarded-for", b"forwarded"})
_MAX_HOPS = 20


class TrustedProxies:
    """Networks whose word about the client is taken. Raises ValueError for what is no network."""

    def __init__(self, networks: Iterable[str] = ()) -> None:
        self._networks: list[IPv4Network | IPv6Network] = [
            ip_network(text, strict=False) for text in networks
        ]

    def client(self, peer: str, headers: Iterable[Header]) -> str:
        """Return the client's address; ``peer`` is the address of the connection.

        An entry that is no address ends the walk: the hop that reported it is the answer.
        """
        if not self._networks or not self._trusts(peer):
            return peer
        fields = pick(headers, _FIELDS)
        if "x-forwarded-for" in fields:
            hops = fields["x-forwarded-for"].split(",")
        else:
            hops = _forwarded_for(fields.get("forwarded", ""))
        client = peer
        for hop in reversed(hops[-_MAX_HOPS:]):
            address = _address(hop)
            if address is None:
                break
            client = address
            if not self._trusts(address):
                break
        return client

    def user(self, scope: Scope, header: str) -> str:
        """Return whom a proxy has signed in, by the header of this name; empty where nobody is
        named, by a peer that is not trusted, or where the header is there twice."""
        peer = scope.get("client")
        if not header or not peer or not self._trusts(peer[0]):
            return ""
        wanted = header.lower().encode("latin-1")
        named = [value for name, value in scope["headers"] if name == wanted]
        return named[0].decode("latin-1").strip() if len(named) == 1 else ""

    def _trusts(self, text: str) -> bool:
        try:
            address = ip_address(text)
        except ValueError:
            return False
        if isinstance(address, IPv6Address) and address.ipv4_mapped:
            address = address.ipv4_mapped
        return any(address in network for network in self._networks)


def _forwarded_for(value: str) -> list[str]:
    hops = []
    for element in split_outside_quotes(value, ","):
        for pair in split_outside_quotes(element, ";"):
            name, _, text = pair.partition("=")
            if name.strip().lower() == "for":
                hops.append(text.strip().strip('"'))
    return hops


def _address(hop: str) -> str | None:
    """Return the address of ``1.2.3.4``, ``1.2.3.4:80``, ``::1``, ``[::1]`` or ``[::1]:80``."""
    text = hop.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        return str(ip_address(text))
    except ValueError:
        return None
