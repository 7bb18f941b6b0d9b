"""Clients as they are, over a network that breaks: tus-js-client (npm), tuspy (PyPI); issue 6."""

import os
import random
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
from tests.appmixer.support import Space
from tests.parts.cutting_proxy import cutting_proxy
from tests.parts.node_clients import TusUpload, end_tus_js, start_tus_js, tus_js
from tests.parts.server import RunningServer, ServerStarter
from tus_support import Tus
from tusclient.client import TusClient
from tusclient.exceptions import TusCommunicationError

MEGABYTE = 1_000_000


def _cuts(seed: int, number: int, most: int) -> Iterator[int | None]:
    """Yield so many cuts at random offsets, some of them between request and answer."""
    chance = random.Random(seed)
    for _ in range(number):
        yield -1 if chance.random() < 0.3 else chance.randrange(1, most)


def _content(tus: Tus, done: TusUpload) -> bytes:
    assert done.event == "success", done
    assert done.file
    return tus.http.get(f"/consigne/v1/files/{done.file}/content").content


@pytest.fixture
def big(tmp_path: Path) -> Path:
    path = tmp_path / "big.bin"
    path.write_bytes(os.urandom(5_000_003))
    return path


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"chunkSize": MEGABYTE},
        {"chunkSize": MEGABYTE, "uploadDataDuringCreation": True},
        {"chunkSize": MEGABYTE, "uploadLengthDeferred": True, "stream": True},
        {"chunkSize": MEGABYTE, "overridePatchMethod": True},
        {"parallelUploads": 3},
    ],
    ids=["at once", "chunks", "with creation", "deferred", "override", "parallel"],
)
def test_tus_js_client(ines: Tus, big: Path, options: dict[str, object]) -> None:
    """Every way of the client to send a file ends with the file and its name."""
    wish = {"metadata": {"filename": "Été.bin", "filetype": "application/x-big"}, **options}
    done = tus_js(f"{ines.space.server.url}/tus/", ines.token, big, **wish)
    assert _content(ines, done) == big.read_bytes()
    file = ines.http.get(f"/consigne/v1/files/{done.file}").json()
    assert (file["name"], file["type"]) == ("Été.bin", "application/x-big")
    assert done.retries == 0
    assert ines.space.usage() == (5_000_003, 0)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("options", [{}, {"chunkSize": MEGABYTE}], ids=["at once", "chunks"])
def test_tus_js_client_over_a_network_that_breaks(
    ines: Tus, big: Path, seed: int, options: dict[str, object]
) -> None:
    """Interrupted at random offsets it resumes, and the bytes are the file's."""
    with cutting_proxy(ines.space.server.port, _cuts(seed, 8, 2 * MEGABYTE)) as url:
        done = tus_js(f"{url}/tus", ines.token, big, **options)
    assert _content(ines, done) == big.read_bytes()
    assert done.retries > 0
    assert ines.space.usage()[0] == 5_000_003


def test_tus_js_client_in_parallel_over_a_network_that_breaks(ines: Tus, big: Path) -> None:
    """Its partial uploads are resumed each, and joined."""
    with cutting_proxy(ines.space.server.port, _cuts(7, 8, MEGABYTE)) as url:
        done = tus_js(f"{url}/tus", ines.token, big, parallelUploads=4)
    assert _content(ines, done) == big.read_bytes()


def test_several_clients_at_once(ines: Tus, tmp_path: Path) -> None:
    """Uploads of one person side by side do not disturb each other."""

    def send(number: int) -> None:
        path = tmp_path / f"{number}.bin"
        path.write_bytes(os.urandom(2_000_000 + number))
        with cutting_proxy(ines.space.server.port, _cuts(number, 3, MEGABYTE)) as url:
            done = tus_js(f"{url}/tus", ines.token, path, chunkSize=300_000)
        assert _content(ines, done) == path.read_bytes()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(send, range(4)))


def test_tuspy(ines: Tus, big: Path) -> None:
    """The Python client: metadata, chunks, sha1 checksums."""
    client = TusClient(f"{ines.space.server.url}/tus/", {"Authorization": f"Bearer {ines.token}"})
    uploader = client.uploader(
        str(big), chunk_size=MEGABYTE, metadata={"filename": "big.bin"}, upload_checksum=True
    )
    uploader.upload()
    answer = ines.head(uploader.url)
    assert ines.content(answer) == big.read_bytes()
    assert ines.file(answer)["name"] == "big.bin"


@pytest.mark.parametrize("seed", range(3))
def test_tuspy_over_a_network_that_breaks(ines: Tus, big: Path, seed: int) -> None:
    """Interrupted at random offsets it resumes."""
    with cutting_proxy(ines.space.server.port, _cuts(seed + 20, 5, 2 * MEGABYTE)) as url:
        client = TusClient(f"{url}/tus", {"Authorization": f"Bearer {ines.token}"})
        made = ines.begin(big.stat().st_size)
        while ines.offset(made) < big.stat().st_size:
            with suppress(TusCommunicationError):  # its first question is not asked again
                client.uploader(
                    str(big), url=url + made, chunk_size=MEGABYTE, retries=3, retry_delay=0
                ).upload()
    assert ines.content(ines.head(made)) == big.read_bytes()


def test_several_server_processes(start_server: ServerStarter, big: Path) -> None:
    """Whichever process a request comes to, the upload goes on where the disk is (C-23)."""
    server = start_server(env={"CONSIGNE_WORKERS": "2"})
    ines = Tus(Space(server).person())
    for seed, options in enumerate(({"chunkSize": 300_000}, {"parallelUploads": 3})):
        with cutting_proxy(server.port, _cuts(seed + 40, 8, MEGABYTE)) as url:
            done = tus_js(f"{url}/tus", ines.token, big, **options)
        assert _content(ines, done) == big.read_bytes()


@pytest.mark.parametrize("at", [0, 3, 9])
def test_killed_in_the_middle(fresh_server: RunningServer, tmp_path: Path, at: int) -> None:
    """kill -9 while a client sends: it goes on where the disk is, without the user's doing."""
    ines = Tus(Space(fresh_server).person())
    path = tmp_path / "big.bin"
    path.write_bytes(os.urandom(20 * MEGABYTE + 1))
    process = start_tus_js(f"{fresh_server.url}/tus", ines.token, path, chunkSize=MEGABYTE)
    try:
        while _received(ines.space) < at * MEGABYTE:
            time.sleep(0.005)
        fresh_server.kill9()
        fresh_server.start()
    finally:
        done = end_tus_js(process)
    assert _content(ines, done) == path.read_bytes()
    assert ines.space.usage()[0] == 20 * MEGABYTE + 1


def test_killed_within_one_request(fresh_server: RunningServer, tmp_path: Path) -> None:
    """A single long request is durable in steps: after kill -9 most of it is there."""
    ines = Tus(Space(fresh_server).person())
    path = tmp_path / "big.bin"
    path.write_bytes(os.urandom(60 * MEGABYTE))
    process = start_tus_js(f"{fresh_server.url}/tus", ines.token, path)
    try:
        while (received := _received(ines.space)) <= 0:
            time.sleep(0.005)
        fresh_server.kill9()
        at_rest = _received(ines.space)
        assert at_rest >= received > 0
        fresh_server.start()
    finally:
        done = end_tus_js(process)
    assert _content(ines, done) == path.read_bytes()


def _received(space: Space) -> int:
    """Return how many bytes the newest upload of a space has, -1 before there is one."""
    with space.catalog() as db:
        row = db.execute(
            "SELECT received FROM upload WHERE space_id = ? AND file_id IS NOT NULL", (space.id,)
        ).fetchone()
    return -1 if row is None else int(row[0])
