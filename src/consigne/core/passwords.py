"""Passwords: argon2id in a thread, failures limited, verified ones remembered for a short time.

One limiter serves every password check at every dialect (C-06): failures of an account from an
address, of an account, and of an address, within 15 minutes. Successes are never limited.
"""

import asyncio
import hashlib
import hmac
import secrets
import time
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from consigne.catalog import principals
from consigne.catalog.engine import Catalog
from consigne.core.clock import now_ms
from consigne.errors import BadCredentials, BadParameter, LoginThrottled
from consigne.model.entities import Principal
from consigne.model.identity import new_id
from consigne.settings import Settings

WINDOW = 15 * 60_000
_CACHE_SECONDS = 30.0
_CACHE_SIZE = 10_000
_THREADS = 2
# The hash of a random password that nobody knows: an unknown name costs what a known one does.
_NOBODY = (
    "$argon2id$v=19$m=19456,t=2,p=1$ihHpi7VAFaftsE25Fw9kDg$b11FUz"
    "8sUYZRlix6uxGjqyMXK2RjajeHRDcN0DHMysk"
)
MIN_LENGTH = 8
MAX_LENGTH = 1024


class Passwords:
    """Hashing and checking; the parameters are OWASP's second choice (19 MiB, two passes)."""

    def __init__(self, catalog: Catalog, settings: Settings) -> None:
        self._catalog = catalog
        self._settings = settings
        self._hasher = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
        self._pool = ThreadPoolExecutor(_THREADS, "password")
        self._turns = asyncio.Semaphore(_THREADS)
        self._cache_key = secrets.token_bytes(32)
        self._verified: OrderedDict[bytes, tuple[str, float]] = OrderedDict()

    async def hash(self, password: str) -> str:
        """Return the hash to store. Raises BadParameter for passwords too short or too long."""
        if not MIN_LENGTH <= len(password) <= MAX_LENGTH:
            raise BadParameter(
                f"A password has {MIN_LENGTH} to {MAX_LENGTH} characters.", parameter="password"
            )
        return await asyncio.get_running_loop().run_in_executor(
            self._pool, self._hasher.hash, password
        )

    async def check(self, login: str, password: str, address: str) -> Principal:
        """Return the active user with this e-mail or user name and password.

        Raises BadCredentials, the same for unknown names and wrong passwords, and LoginThrottled.
        """
        name = login.strip()
        if "\0" in name:
            raise BadCredentials
        user = await self._catalog.look(lambda tx: principals.by_login(tx, name))
        # One account, by whichever of its names it is tried.
        account = (user.email if user else name.lower())[:256]
        stored = user.password_hash if user and user.password_hash else _NOBODY
        if self._is_remembered(self._mark(stored, password)):
            await self._require_tries(account, address)
            if user is not None and user.is_active:
                return user
        # As many at a time as there are threads: else a burst would pass the limiter before the
        # first failure of it is counted.
        async with self._turns:
            await self._require_tries(account, address)
            if await self._matches(stored, password) and user is not None and user.is_active:
                return user
            now = now_ms()
            await self._catalog.always.write(
                lambda tx: principals.add_failure(tx, new_id(now), account, address, now)
            )
        raise BadCredentials

    async def _require_tries(self, account: str, address: str) -> None:
        now = now_ms()
        failed = await self._catalog.look(
            lambda tx: principals.failures(tx, account, address, now - WINDOW)
        )
        narrow, wide = self._settings.login_failures, self._settings.login_failures_wide
        limits = (
            ([at for a, b, at in failed if a == account and b == address], narrow),
            ([at for a, _, at in failed if a == account], wide),
            ([at for _, b, at in failed if b == address], wide),
        )
        for times, limit in limits:
            if len(times) >= limit:
                free_at = times[-limit] + WINDOW
                raise LoginThrottled(
                    hint="Wait, or ask an administrator for a new password.",
                    retry_after=max(1, (free_at - now) // 1000),
                )

    async def _matches(self, stored: str, password: str) -> bool:
        mark = self._mark(stored, password)
        if self._is_remembered(mark):
            return True
        good = await asyncio.get_running_loop().run_in_executor(
            self._pool, self._verify, stored, password[:MAX_LENGTH]
        )
        if good:
            self._verified[mark] = (stored, time.monotonic() + _CACHE_SECONDS)
            if len(self._verified) > _CACHE_SIZE:
                self._verified.popitem(last=False)
        return good

    def _mark(self, stored: str, password: str) -> bytes:
        return hmac.new(self._cache_key, f"{stored}\0{password}".encode(), hashlib.sha256).digest()

    def _is_remembered(self, mark: bytes) -> bool:
        hit = self._verified.get(mark)
        return hit is not None and hit[1] > time.monotonic()

    def _verify(self, stored: str, password: str) -> bool:
        try:
            return self._hasher.verify(stored, password)
        except (VerificationError, InvalidHashError):
            return False
