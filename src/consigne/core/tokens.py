"""Log-in tokens: JSON Web Tokens (RFC 7519), HS256, the algorithm pinned (C-05).

A token names a principal and never a right. It carries a ``jti`` and can be revoked; a change of
the password voids all that were issued before.
"""

import secrets
from typing import Any

import jwt

from consigne.catalog import principals
from consigne.catalog.engine import Catalog, Tx
from consigne.core.clock import now_ms
from consigne.core.secrets import Secrets
from consigne.errors import Unauthenticated
from consigne.model.entities import Principal

_ALGORITHM = "HS256"
_SECRET = "tokens"


class Tokens:
    """Issue, check and revoke tokens."""

    def __init__(self, catalog: Catalog, vault: Secrets) -> None:
        self._catalog = catalog
        self._secrets = vault

    async def issue(self, principal: Principal, life: float, **claims: Any) -> str:
        """Return a token for a principal that is valid for ``life`` seconds."""
        now = now_ms()
        payload = {
            **claims,
            "sub": str(principal.id),
            "jti": secrets.token_hex(16),
            "iat": now // 1000,
            "exp": now // 1000 + int(life),
            "since": principal.tokens_valid_from,
        }
        return jwt.encode(payload, await self._secrets.get(_SECRET), _ALGORITHM)

    async def check(self, token: str) -> Principal:
        """Return the active principal of a token. Raises Unauthenticated."""
        payload = await self._payload(token)

        def work(tx: Tx) -> Principal | None:
            if principals.is_revoked(tx, str(payload["jti"])):
                return None
            return principals.by_id(tx, int(payload["sub"]))

        user = await self._catalog.look(work)
        if user is None or not user.is_active or payload.get("since") != user.tokens_valid_from:
            raise Unauthenticated
        return user

    async def revoke(self, token: str) -> None:
        """Make a token useless before its time. Raises Unauthenticated."""
        payload = await self._payload(token)
        await self._catalog.always.write(
            lambda tx: principals.revoke_token(tx, str(payload["jti"]), int(payload["exp"]) * 1000)
        )

    async def _payload(self, token: str) -> dict[str, Any]:
        try:
            payload: dict[str, Any] = jwt.decode(
                token,
                await self._secrets.get(_SECRET),
                algorithms=[_ALGORITHM],
                options={"require": ["exp", "sub", "jti"]},
            )
        except jwt.PyJWTError:
            raise Unauthenticated from None
        return payload
