"""``kill -9`` at random instants under mixed load (invariants 1 to 3 of ARCHITECTURE.md).

Each round: start, load, kill without a warning, check the data at rest with fsck, start again, and
compare with what was acknowledged: every file is there with its bytes, every deletion holds, every
part counts, what had no answer can be sent again and has its effect once. There is no row without
bytes at any time; after a repair there is nothing at all to find; quota is exact; the audit chain
holds. `make soak` runs 200 rounds.
"""

import asyncio
import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from consigne import app
from consigne.core.depot import Depot
from consigne.core.proof import Options, Proof
from consigne.core.proof.report import Kind, Report
from consigne.settings import Settings
from tests.parts.server import KEY, RunningServer, ServerStarter
from tests.soak.load import (
    API,
    GONE,
    Ledger,
    Load,
    digest_of,
    finish_parts,
    put_part,
    send_chunks,
    send_post,
)

CLIENTS = 12
SAMPLE = 30
SETTINGS = {
    "CONSIGNE_LEASE": "2",
    "CONSIGNE_SWEEP_EVERY": "0.3",
    "CONSIGNE_PURGE_GUARD": "0.5",
    "CONSIGNE_GRACE": "0.5",
    "CONSIGNE_UNDO_VERSIONS": "1",
    "CONSIGNE_WORKER": "0",
}
# What a crash may leave behind: too much, never too little.
LEFTOVERS = {
    Kind.ORPHAN_BYTES,
    Kind.DOOMED_LEFT,
    Kind.STRAY_STAGE,
    Kind.OVERDUE_UPLOAD,
}
PLACES = ["sqlite, one process", "sqlite, two processes", "postgres, two processes"]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.timeout(0)
def test_kill_at_random_instants(
    request: pytest.FixtureRequest,
    start_server: ServerStarter,
    tmp_path: Path,
    soak_rounds: int,
    place: str,
) -> None:
    """C-20, C-23, C-24, AM-16: what a 2xx said is true after a crash."""
    env = dict(SETTINGS)
    if place.startswith("postgres"):
        env["CONSIGNE_CATALOG"] = request.getfixturevalue("postgres_url")
    data = tmp_path / "data"
    settings = Settings(data=str(data), catalog=env.get("CONSIGNE_CATALOG", ""))
    workers = "1" if "one" in place else "2"
    server = start_server(data, env=env, args=["--workers", workers])
    ledger = Ledger()
    rounds = soak_rounds // len(PLACES) + (PLACES.index(place) < soak_rounds % len(PLACES))
    for number in range(max(1, rounds)):
        seed = random.SystemRandom().getrandbits(32)
        with telling(f"round {number} of {place}, seed {seed}"):
            before = ledger.acknowledged
            asyncio.run(load_and_kill(server, ledger, seed))
            assert ledger.acknowledged > before, "the load did nothing"
            asyncio.run(check_at_rest(settings, repair=number % 2 == 1))
            server.start()
            asyncio.run(check_running(server.url, ledger))
    asyncio.run(compare(server.url, ledger, set(ledger.files)))
    server.terminate()
    asyncio.run(check_at_rest(settings, repair=True, rehash=True))


@contextmanager
def telling(what: str) -> Iterator[None]:
    """Say in which round it was that something failed."""
    try:
        yield
    except BaseException as error:
        error.add_note(what)
        raise


async def load_and_kill(server: RunningServer, ledger: Ledger, seed: int) -> None:
    """Load the server and kill it at some instant."""
    ledger.touched.clear()
    load = asyncio.create_task(Load(server.url, ledger, seed).run(CLIENTS))
    await asyncio.sleep(random.Random(seed).uniform(0.2, 1.3))
    if load.done():
        await load
    await asyncio.to_thread(server.kill9)
    await load


async def check_at_rest(settings: Settings, *, repair: bool, rehash: bool = False) -> None:
    """Prove what the dead server left: nothing is missing; after a repair nothing is too much."""
    depot = app.build_depot(settings)
    await depot.open()
    try:
        found = await fsck(depot, Options(age=0, repair=repair, rehash=rehash))
        assert set(found.tallies) <= LEFTOVERS, found.findings
        if repair:
            left = await fsck(depot, Options(age=0))
            assert left.findings == []
        await depot.history.seal()
        for space in await depot.tenancy.page():
            assert await depot.history.verify(space.id) is None, "the audit chain is broken"
    finally:
        await depot.close()


async def fsck(depot: Depot, options: Options) -> Report:
    return await Proof(depot.catalog, depot.bucket).check(options)


async def check_running(url: str, ledger: Ledger) -> None:
    """Compare with what was acknowledged, and take up again what had no answer."""
    await compare(url, ledger, ledger.touched | set(sample(ledger)))
    async with client_of(url) as client:
        for post in list(ledger.posts.values()):
            first = await send_post(client, ledger, post)
            assert await send_post(client, ledger, post) == first
            named = await client.get(f"{API}/files", params={"filter": f"name={post.name}"})
            assert [file["id"] for file in named.json()["files"]] == [first], named.text
        for session in list(ledger.sessions.values()):
            if session.is_native:
                for number in range(1, len(session.parts) + 1):
                    await put_part(client, session, number)
                await finish_parts(client, ledger, session)
            else:
                shown = (await client.get(f"/files/metadata/{session.id}")).json()
                received = shown["metadata"].get("chunksReceived", len(session.parts))
                assert int(received) >= session.acknowledged, shown
                await send_chunks(client, ledger, session)
        # Sessions whose first answer was lost: nobody knows their ids but the list.
        for upload in (await client.get(f"{API}/uploads")).json()["uploads"]:
            answer = await client.delete(f"{API}/uploads/{upload['id']}")
            assert answer.status_code == 204, answer.text
        await compare_usage(client)
    await compare(url, ledger, ledger.touched)


def client_of(url: str) -> httpx.AsyncClient:
    headers = {"Authorization": f"Bearer {KEY}"}
    return httpx.AsyncClient(base_url=url, headers=headers, timeout=30)


def sample(ledger: Ledger) -> list[str]:
    """Return some of the files of earlier rounds."""
    known = list(ledger.files)
    return random.sample(known, min(SAMPLE, len(known)))


async def compare(url: str, ledger: Ledger, ids: set[str]) -> None:
    """Read files; what they are is what they must be from now on."""
    async with client_of(url) as client:

        async def look(file_id: str) -> None:
            found = await digest(client, file_id)
            possible = ledger.files[file_id]
            assert found in possible, f"{file_id} is {found}, none of {possible}"
            ledger.files[file_id] = {found}

        ordered = sorted(ids)
        for at in range(0, len(ordered), CLIENTS):
            await asyncio.gather(*map(look, ordered[at : at + CLIENTS]))


async def digest(client: httpx.AsyncClient, file_id: str) -> str:
    answer = await client.get(f"{API}/files/{file_id}/content")
    if answer.status_code == 404:
        return GONE
    assert answer.status_code == 200, answer.text
    return digest_of(answer.content)


async def compare_usage(client: httpx.AsyncClient) -> None:
    """The counter equals the sizes of what is listed; nothing is reserved for long."""
    deadline = time.monotonic() + 10
    while True:
        total, cursor = 0, None
        while True:
            query = {"limit": "1000", **({"cursor": cursor} if cursor else {})}
            page = (await client.get(f"{API}/files", params=query)).json()
            total += sum(file["size"] for file in page["files"])
            cursor = page["next"]
            if not cursor:
                break
        usage = (await client.get(f"{API}/spaces/default/usage")).json()
        if (usage["used"], usage["reserved"]) == (total, 0):
            return
        assert time.monotonic() < deadline, (usage, total)
        await asyncio.sleep(0.1)
