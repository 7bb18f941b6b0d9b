"""The same on PostgreSQL, over two server processes: adoption, appends, versions (DY-24, DY-25)."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from dynacase_desk import contract
from dynacase_support import Space, file_of, found_space, good, refused, spelled, token_of
from tests.parts.postgres import Cluster
from tests.parts.server import RunningServer


@pytest.fixture(scope="module")
def space(postgres_cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Space]:
    """A space on a server of two processes on PostgreSQL, with the family CONTRACT."""
    database = postgres_cluster.create()
    url = postgres_cluster.url(database)
    env = {"CONSIGNE_CATALOG": url, "CONSIGNE_WORKERS": "2"}
    running = RunningServer(tmp_path_factory.mktemp("grown") / "data", env=env).start()
    try:
        made = found_space(running, catalog=url)
        made.office.family("CONTRACT", *contract())
        yield made
        running.terminate()
    finally:
        running.kill9()
        postgres_cluster.drop(database)


def test_one_token_many_saves(space: Space) -> None:
    """DY-52, DY-54: of many saves that name one token one gets the file; the rest are refused."""
    token = token_of(file_of(space.http.post("/api/file", content=b"once"), 201))
    numbers = [space.number() for _ in range(6)]
    body = {"attributes": {"ct_scan": spelled(f"file://tmp/{token}")}}
    headers = {"Authorization": f"Bearer {space.key}"}

    def save(number: int) -> int:
        url = f"{space.url}/api/documents/{number}"
        return httpx.put(url, json=body, headers=headers, timeout=60).status_code

    with ThreadPoolExecutor(6) as pool:
        found = sorted(pool.map(save, numbers))
    assert found[0] == 200
    assert set(found) <= {200, 400}
    assert space.usage == (4 * found.count(200), 0)
    refused(space.http.get(f"/api/file/{token}"), 404, "CRUD0617")


def test_appends_and_versions(space: Space) -> None:
    """DY-24, DY-25, DY-55: rows, replaced contents and frozen revisions, as on SQLite."""
    number = space.number(ct_title="Été", ct_tags=["a", "b"])
    path = f"/api/documents/{number}/file/ct_pages"
    headers = {"Authorization": f"Bearer {space.key}"}

    def append(row: int) -> str:
        url = f"{space.url}{path}"
        got = httpx.post(url, content=b"%d" % row, headers=headers, timeout=60)
        return str(file_of(got, 201)["reference"])

    with ThreadPoolExecutor(8) as pool:
        made = set(pool.map(append, range(8)))
    shown = good(space.http.get(f"/api/documents/{number}?fields=attribute.ct_pages"))
    rows = shown["document"]["attributes"]["ct_pages"]
    assert {row["value"] for row in rows} == made
    revision = space.office.freeze(number)
    replaced = file_of(space.http.put(f"{path}/0", content=b"newer"))
    frozen = file_of(space.http.get(f"/api/documents/{revision}/file/ct_pages/0"))
    assert frozen["reference"] == replaced["reference"]
    assert len(space.http.get(frozen["downloadUrl"]).content) == 1
    assert space.http.get(replaced["downloadUrl"]).content == b"newer"
    got = good(space.http.get(f"/api/families/contract/{number}?fields=property.title"))
    assert got["document"]["properties"]["title"] == "Été"


@pytest.mark.parametrize(
    "path",
    [
        "documents/%00",
        "families/%00/999999",
        "families/CONTRACT/a%00",
        "documents/999999?space=%00",
        "file/%00",
        "documents/999999/file/%00",
        "file/1/2/3/%00/4",
    ],
)
def test_what_a_database_may_not_see(space: Space, path: str) -> None:
    """DY-02, DY-50: NUL in a path is as unknown as any other word."""
    got = space.http.get(f"/api/{path}")
    assert got.status_code == 404, got.text


def test_values_with_nul(space: Space) -> None:
    """DY-59: nor does a value with NUL reach the database."""
    body = {"attributes": {"ct_title": spelled("a\0b")}}
    refused(space.http.post("/api/families/CONTRACT", json=body), 400, "API0104")
