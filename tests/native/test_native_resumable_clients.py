"""tus-js-client (npm) in the versions of the IETF draft that it speaks, over a network that breaks;
issue 6."""

import os
import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from native_support import Client, Space
from tests.parts.cutting_proxy import cutting_proxy
from tests.parts.node_clients import TusUpload, end_tus_js, start_tus_js, tus_js
from tests.parts.server import KEY, ServerStarter

MEGABYTE = 1_000_000
FILES = "/consigne/v1/files?name=big.bin"


def _cuts(seed: int, number: int, most: int) -> Iterator[int | None]:
    """Yield so many cuts at random offsets, some of them between request and answer."""
    chance = random.Random(seed)
    for _ in range(number):
        yield -1 if chance.random() < 0.3 else chance.randrange(1, most)


def _content(api: Client, done: TusUpload) -> bytes:
    assert done.event == "success", done
    assert done.file
    return api.content(done.file)


@pytest.fixture
def big(tmp_path: Path) -> Path:
    path = tmp_path / "big.bin"
    path.write_bytes(os.urandom(5_000_003))
    return path


@pytest.mark.parametrize("protocol", ["ietf-draft-03", "ietf-draft-05"])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"chunkSize": MEGABYTE},
        {"chunkSize": MEGABYTE, "uploadDataDuringCreation": True},
        {"chunkSize": MEGABYTE, "uploadLengthDeferred": True, "stream": True},
    ],
    ids=["at once", "chunks", "with creation", "deferred"],
)
def test_tus_js_client(api: Client, big: Path, protocol: str, options: dict[str, object]) -> None:
    """Interop versions 5 and 6: every way of the client to send a file ends with the file."""
    done = tus_js(f"{api.base_url}{FILES}", api.token or "", big, protocol=protocol, **options)
    assert _content(api, done) == big.read_bytes()
    assert api.ok("GET", f"/files/{done.file}")["name"] == "big.bin"


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("protocol", ["ietf-draft-03", "ietf-draft-05"])
def test_over_a_network_that_breaks(
    api: Client, space: Space, big: Path, protocol: str, seed: int
) -> None:
    """Cut anywhere, also between the last byte and its answer: one file, and nothing else."""
    options: dict[str, object] = {"chunkSize": 400_000} if seed % 2 else {}
    port = api.base_url.port
    assert port is not None
    with cutting_proxy(port, _cuts(seed, 8, 2 * MEGABYTE)) as url:
        done = tus_js(f"{url}{FILES}", api.token or "", big, protocol=protocol, **options)
        assert done.retries > 0
    assert _content(api, done) == big.read_bytes()
    assert (space.usage()["used"], space.usage()["files"]) == (5_000_003, 1)


def test_killed_in_the_middle(start_server: ServerStarter, tmp_path: Path) -> None:
    """kill -9 while a client sends: it goes on where the disk is, without the user's doing."""
    server = start_server()
    api = Client(server.url, KEY)
    path = tmp_path / "big.bin"
    path.write_bytes(os.urandom(20 * MEGABYTE + 1))
    process = start_tus_js(
        f"{server.url}{FILES}", KEY, path, protocol="ietf-draft-05", chunkSize=MEGABYTE
    )
    try:
        deadline = time.monotonic() + 60
        while not any(each["received"] for each in api.ok("GET", "/uploads")["uploads"]):
            assert time.monotonic() < deadline
        server.kill9()
        server.start()
    finally:
        done = end_tus_js(process)
    assert _content(api, done) == path.read_bytes()
