"""OAuth grants: a password or a refresh token against a pair of opaque tokens (RFC 6749).

Both tokens are random and kept as SHA-256 (C-05); they name a principal and never a right. Each
refresh issues a new pair. The old refresh token goes on for a while, so that an answer lost on the
way costs nobody his session: it dies ``oauth_overlap`` after its successor is first used (DX-06).
A change of the password voids all pairs that were issued before.
"""

import hashlib
import secrets

import msgspec

from consigne.catalog import oauth, principals
from consigne.catalog.engine import Catalog, Tx
from consigne.core.clock import ms, now_ms
from consigne.errors import BadCredentials, Unauthenticated
from consigne.model.entities import Principal, TokenPair
from consigne.model.identity import new_id
from consigne.settings import Settings

ACCESS_PREFIX = "cso_"
REFRESH_PREFIX = "csr_"
# There are clients that log in before each call: the oldest pairs of a user go beyond this.
MAX_PAIRS = 10_000
_BYTES = 32


class Granted(msgspec.Struct, frozen=True):
    """A pair as its owner gets it, once; ``expires_in`` seconds is the access token's life."""

    access: str
    refresh: str
    expires_in: int


class Grants:
    """Issue, refresh and check pairs of tokens."""

    def __init__(self, catalog: Catalog, settings: Settings) -> None:
        self._catalog = catalog
        self._access_life = settings.oauth_access_life
        self._refresh_life = settings.oauth_refresh_life
        self._overlap = settings.oauth_overlap

    async def issue(self, user: Principal, client_id: str) -> Granted:
        """Return a pair for a principal who has just proved to be himself to a client."""
        granted = self._new()

        def work(tx: Tx) -> None:
            oauth.add(tx, self._row(granted, user, client_id, None))
            oauth.trim(tx, user.id, MAX_PAIRS)

        await self._catalog.always.write(work)
        return granted

    async def refresh(self, token: str, client_id: str) -> Granted:
        """Return a new pair for a refresh token. Raises BadCredentials.

        Twice with one token gives two pairs: the first answer may never have arrived.
        """
        digest, granted = _hash(token), self._new()

        def work(tx: Tx) -> None:
            now = now_ms()
            pair = oauth.by_refresh(tx, digest)
            if pair is None or pair.refresh_until <= now or pair.client_id != client_id:
                raise BadCredentials("The refresh token is unknown or has expired.")
            user = _owner(tx, pair)
            if user is None:
                raise BadCredentials("The refresh token is unknown or has expired.")
            oauth.use(tx, pair, now, now + ms(self._overlap))
            oauth.add(tx, self._row(granted, user, client_id, pair.id))
            oauth.trim(tx, user.id, MAX_PAIRS)

        await self._catalog.always.write(work)
        return granted

    async def check(self, token: str) -> Principal:
        """Return the active principal of an access token. Raises Unauthenticated."""
        digest = _hash(token)

        def look(tx: Tx) -> tuple[TokenPair, Principal] | None:
            pair = oauth.by_access(tx, digest)
            user = _owner(tx, pair) if pair else None
            return (pair, user) if pair and user else None

        found = await self._catalog.look(look)
        now = now_ms()
        if found is None or found[0].access_until <= now:
            raise Unauthenticated
        pair, user = found
        if pair.used_at is None:
            await self._catalog.always.write(
                lambda tx: oauth.use(tx, pair, now, now + ms(self._overlap))
            )
        return user

    def _new(self) -> Granted:
        return Granted(
            ACCESS_PREFIX + secrets.token_urlsafe(_BYTES),
            REFRESH_PREFIX + secrets.token_urlsafe(_BYTES),
            int(self._access_life),
        )

    def _row(
        self, granted: Granted, user: Principal, client_id: str, parent_id: int | None
    ) -> TokenPair:
        now = now_ms()
        return TokenPair(
            id=new_id(now),
            principal_id=user.id,
            client_id=client_id,
            parent_id=parent_id,
            access_hash=_hash(granted.access),
            access_until=now + ms(self._access_life),
            refresh_hash=_hash(granted.refresh),
            refresh_until=now + ms(self._refresh_life),
            valid_from=user.tokens_valid_from,
            created_at=now,
            used_at=None,
        )


def _owner(tx: Tx, pair: TokenPair) -> Principal | None:
    user = principals.by_id(tx, pair.principal_id)
    if user is None or not user.is_active or user.tokens_valid_from != pair.valid_from:
        return None
    return user


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
