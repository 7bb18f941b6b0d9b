"""The same on PostgreSQL with two server processes: tokens, single use, repeats (C-55)."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest
from daxium_support import (
    NOBODY,
    Instance,
    client,
    found_instance,
    good,
    grant,
    log_in,
    new_user,
    refused,
)
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
def place(grown: RunningServer) -> Instance:
    return found_instance(grown)


def test_tokens(grown: RunningServer) -> None:
    """DX-05, DX-06, DX-07: a token of one process is one of the other; refreshes at once."""
    email, _ = new_user(grown.url)
    pair = log_in(grown.url, email)
    for _ in range(8):
        good(client(grown.url, pair["access_token"]).get("/apps"))
    fields = {"grant_type": "refresh_token", "refresh_token": pair["refresh_token"]}
    with ThreadPoolExecutor(8) as pool:
        pairs = [good(got) for got in pool.map(lambda _: grant(grown.url, **fields), range(8))]
    for each in pairs:
        good(client(grown.url, each["access_token"]).get("/apps"))
    good(grant(grown.url, **fields))
    wrong = {**fields, "refresh_token": "csr_é"}
    assert refused(grant(grown.url, **wrong), 400, "AUT003")["error"] == "invalid_grant"


def test_twenty_at_once(place: Instance) -> None:
    """DX-31, DX-34, case 5: of twenty parallel creates one wins."""
    form = place.structure({"id": "doc", "type": "file"})
    for _ in range(3):
        before, uuid = form.count(), place.upload(os.urandom(100))
        with ThreadPoolExecutor(20) as pool:
            answers = list(pool.map(lambda _, u=uuid: form.post(items={"doc": u}), range(20)))
        assert sorted(a.status_code for a in answers) == [200] + [409] * 19
        assert form.count() == before + 1


def test_crossing_changes(place: Instance) -> None:
    """DX-34: records that take files in any order neither dead-lock nor lose one."""
    form = place.structure({"id": "doc", "type": "file", "multiple": True})
    one, two = place.upload(b"one"), place.upload(b"two")
    first, second = form.create(doc=[one]), form.create(doc=[two])

    def change(which: tuple[str, list[str]]) -> int:
        body = {"items": {"doc": which[1]}}
        return place.admin.patch(f"{form.path}/{which[0]}", json=body).status_code

    with ThreadPoolExecutor(8) as pool:
        wishes = [(first["id"], [one, two]), (second["id"], [two, one])] * 6
        assert set(pool.map(change, wishes)) == {409}
    assert form.look(first["id"]) == first


def test_repeats_at_the_same_time(place: Instance) -> None:
    """DX-37, case 8: a simultaneous repeat waits, in whichever process it arrives."""
    form = place.structure({"id": "doc", "type": "file"})
    for _ in range(3):
        uuid, wish = place.upload(os.urandom(50)), str(uuid4())
        with ThreadPoolExecutor(10) as pool:
            told = [pool.submit(form.post, id=wish, items={"doc": [uuid]}) for _ in range(10)]
        bodies = [good(each.result()) for each in told]
        assert all(body == bodies[0] for body in bodies)
    assert form.count() == 3


def test_values_and_lists(place: Instance) -> None:
    """DX-10, DX-23, DX-27: values come back as on SQLite, and what is no text is refused."""
    form = place.structure({"id": "t", "type": "text"}, {"id": "p", "type": "location"})
    items = {"t": "é\n€", "p": {"lat": 1.5, "lng": 2, "address": "Rue"}}
    made = [form.create(**items) for _ in range(3)]
    assert [each["number_in_structure"] for each in made] == [1, 2, 3]
    assert made[0]["items"] == items
    wish = {"structure_id": form.id, "limit": 2, "page": 2}
    got = good(place.admin.get(form.path, params=wish))
    assert (got["submissions"], got["total_count"]) == ([made[2]], 3)
    for bad in ({"t": "a\u0000"}, {"p": {"lat": 1, "lng": 2, "address": "\u0000"}}):
        refused(form.post(items=bad), 400, "API1000")
    refused(place.admin.get(f"{form.path}/%00"), 404, "SUB001")
    refused(place.admin.get(f"{form.path}/{NOBODY}"), 404, "SUB001")
    refused(place.admin.get("/a%00b/structures"), 404, "APP001")
