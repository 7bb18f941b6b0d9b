"""Who may see how the service is: those on given networks, and those with the watchers' token.

A request that came through a proxy that is not trusted (C-07) has no known address: only the token
lets it in, or a proxy on this machine would show everybody what is meant for loopback.
"""

import hashlib
from collections.abc import Iterable
from ipaddress import IPv6Address, ip_address, ip_network
from secrets import compare_digest

from starlette.datastructures import Headers
from starlette.types import Scope

from consigne.errors import Unauthenticated
from consigne.http.auth import bearer
from consigne.http.proxies import BY_PROXY


class Watchers:
    """``networks``: their addresses; ``token``: a bearer token, empty for none. Raises ValueError
    for what is no network."""

    def __init__(self, networks: Iterable[str], token: str) -> None:
        self._networks = [ip_network(text, strict=False) for text in networks]
        self._digest = hashlib.sha256(token.encode()).digest() if token else None

    @property
    def has_token(self) -> bool:
        return self._digest is not None

    def include(self, scope: Scope) -> bool:
        """Tell whether a request comes from one of them."""
        return self._is_near(scope) or self._is_known(scope)

    def _is_near(self, scope: Scope) -> bool:
        client, peer = scope["state"].get("client", ""), scope.get("client")
        if peer and client == peer[0] and any(name in BY_PROXY for name, _ in scope["headers"]):
            return False
        try:
            address = ip_address(client)
        except ValueError:
            return False
        if isinstance(address, IPv6Address) and address.ipv4_mapped:
            address = address.ipv4_mapped
        return any(address in network for network in self._networks)

    def _is_known(self, scope: Scope) -> bool:
        try:
            token = bearer(Headers(scope=scope))
        except Unauthenticated:
            return False
        if token is None or self._digest is None:
            return False
        return compare_digest(hashlib.sha256(token.encode()).digest(), self._digest)
