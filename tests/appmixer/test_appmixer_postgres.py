"""The same on PostgreSQL: sequences of chunks, and every kind of filter (AM-15, AM-18, AM-25)."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.appmixer.support import PASSWORD, Person, Space, md5, ok, refused
from tests.parts.postgres import Cluster
from tests.parts.server import RunningServer


@pytest.fixture(scope="module")
def grown(
    postgres_cluster: Cluster, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningServer]:
    """Run a server of two processes on PostgreSQL for the tests of this file."""
    database = postgres_cluster.create()
    env = {"CONSIGNE_CATALOG": postgres_cluster.url(database), "CONSIGNE_WORKERS": "2"}
    running = RunningServer(tmp_path_factory.mktemp("grown") / "data", env=env).start()
    try:
        yield running
        running.terminate()
    finally:
        running.kill9()
        postgres_cluster.drop(database)


@pytest.fixture
def ines(grown: RunningServer) -> Person:
    return Space(grown).person(name="ines")


def test_chunks(ines: Person) -> None:
    """AM-15, AM-16, AM-18, cases 3 to 5, 8, 11: as on SQLite, over several processes."""
    chunks = [os.urandom(300_000) for _ in range(3)]
    file_id = ines.begin(chunks[0])
    with ThreadPoolExecutor(4) as pool:
        sends = [pool.submit(ines.post, chunks[1], file_id, 2) for _ in range(4)]
        assert {ok(send.result())["metadata"]["chunksReceived"] for send in sends} == {2}
    assert ok(ines.post(chunks[2], file_id, 3))["md5"] == md5(b"".join(chunks))
    with ThreadPoolExecutor(4) as pool:
        sends = [pool.submit(ines.post, chunks[0], "1234567890", 0, 2) for _ in range(4)]
        assert len({ok(send.result())["fileId"] for send in sends}) == 1
    assert ok(ines.post(chunks[1], "1234567890", 1, 2))["md5"] == md5(chunks[0] + chunks[1])
    log = ok(ines.post(b""))["fileId"]
    with ThreadPoolExecutor(4) as pool:
        sends = [pool.submit(ines.post, b"%d" % n, log) for n in range(6)]
        assert [ok(send.result())["fileId"] for send in sends] == [log] * 6
    assert sorted(ines.content(log)) == sorted(b"012345")
    assert ines.space.usage() == (900_000 + 600_000 + 6, 0)


def test_filters(ines: Person) -> None:
    """AM-20, AM-25, AM-26, case 12: what both databases spell differently."""
    first, second = ines.keep(b"first", "Été.txt"), ines.keep(b"2", "b_b.txt")
    path = f"/consigne/v1/files/{first['fileId']}"
    assert ines.http.patch(path, json={"meta": {"k": "Été One"}}).status_code == 200
    day = first["uploadDate"][:10]
    table = {
        "filename:~éTÉ": [first],
        "filename:~_b": [second],
        "filename:~%": [],
        f"md5:{first['md5']}": [first],
        f"md5:~{first['md5'][4:20].upper()}": [first],
        f"md5:!~{first['md5'][4:20]}": [second],
        f"fileId:~{second['fileId'][3:20]}": [second],
        "metadata.k:~éTÉ": [first],
        "metadata.k:~ONE": [first],
        "metadata.k:!x": [first],
        "length:>1": [first],
        "length:<" + "9" * 30: [first, second],
        f"uploadDate:{day}": [first, second],
        f"uploadDate:!{day}": [],
        f"uploadDate:{first['uploadDate']}": [first],
        "contentType:~TEXT": [first, second],
        "metadata.k:~\ufffd": [],
    }
    for text, expected in table.items():
        found = ok(ines.http.get("/files", params={"filter": text, "projection": "fileId"}))
        assert [f["fileId"] for f in found] == [f["fileId"] for f in expected], text
    refused(ines.http.get("/files", params={"filter": "filename:a\0"}), 400, "bad_filter")
    for field in ("filename", "length", "metadata.k", "contentType", "md5", "uploadDate"):
        assert len(ines.files(f"sort={field}:-1&offset={2**63 - 1}")) == 0
        assert len(ines.files(f"sort={field}:-1")) == 2
    assert ok(ines.http.delete(f"/files?filter=uploadDate:{day}&dryRun=1")) == {"matchedCount": 2}
    assert ok(ines.http.delete("/files?filter=fileId:~-")) == {"deletedCount": 2}
    assert ines.space.usage() == (0, 0)


def test_log_in(ines: Person) -> None:
    """AM-04: names that a database cannot hold are wrong names."""
    url = f"{ines.space.server.url}/user/auth"
    for name in ("no\0body", "é" * 300):
        answer = httpx.post(url, json={"email": name, "password": PASSWORD})
        refused(answer, 401, "bad_credentials")


def test_single_and_bulk_at_the_same_moment(ines: Person) -> None:
    """AM-29, case 20."""
    ids = [ines.keep(b"x", f"n{n}")["fileId"] for n in range(20)]
    with ThreadPoolExecutor(4) as pool:
        singles = [pool.submit(ines.http.delete, f"/files/{file_id}") for file_id in ids]
        bulk = pool.submit(ines.http.delete, "/files?filter=filename:~n")
        statuses = [single.result().status_code for single in singles]
    assert set(statuses) <= {200, 404}
    assert statuses.count(200) + ok(bulk.result())["deletedCount"] == 20
    assert ines.space.usage() == (0, 0)
