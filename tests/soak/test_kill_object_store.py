"""``kill -9`` at random instants over PostgreSQL and an object store (invariants 1 to 3)."""

import asyncio
import random
import secrets
from pathlib import Path

import pytest

from consigne.settings import load
from tests.parts.seaweedfs import ObjectStore
from tests.parts.server import ServerStarter
from tests.soak.load import Ledger
from tests.soak.test_kill import (
    SETTINGS,
    check_at_rest,
    check_running,
    compare,
    load_and_kill,
    telling,
)


@pytest.mark.timeout(0)
def test_kill_over_an_object_store(
    start_server: ServerStarter,
    object_store: ObjectStore,
    postgres_url: str,
    tmp_path: Path,
    soak_rounds: int,
) -> None:
    """C-20, C-23, C-24, AM-16: what a 2xx said is true after a crash; two processes."""
    env = SETTINGS | object_store.env(secrets.token_hex(8)) | {"CONSIGNE_CATALOG": postgres_url}
    settings = load({"data": str(tmp_path / "data")}, environ=env)
    server = start_server(tmp_path / "data", env=env, args=["--workers", "2"])
    ledger = Ledger()
    for number in range(max(1, soak_rounds // 5)):
        seed = random.SystemRandom().getrandbits(32)
        with telling(f"round {number}, seed {seed}"):
            before = ledger.acknowledged
            asyncio.run(load_and_kill(server, ledger, seed))
            assert ledger.acknowledged > before, "the load did nothing"
            asyncio.run(check_at_rest(settings, repair=number % 2 == 1))
            server.start()
            asyncio.run(check_running(server.url, ledger))
    asyncio.run(compare(server.url, ledger, set(ledger.files)))
    server.terminate()
    asyncio.run(check_at_rest(settings, repair=True, rehash=True))
