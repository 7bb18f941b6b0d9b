"""What hooks say, in the dialect's words (DY-58, DY-59), with hooks that the test speaks for."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from dynacase_desk import Kind, file, text
from dynacase_support import PDF, file_of, good, refused, token_of
from tests.parts.server import EMAIL, KEY, PASSWORD

from consigne import app
from consigne.blobs.bucket import Bucket
from consigne.catalog.engine import Tx
from consigne.core.access import Seat
from consigne.core.depot import Depot, build
from consigne.core.records.hooks import Answer, Occasion, Point
from consigne.core.records.layout import Layout
from consigne.core.records.specs import TypeSpec
from consigne.dialects import dynacase
from consigne.http.dispatch import Dispatcher
from consigne.model.entities import State
from consigne.model.query import Query, Scope
from consigne.model.records import Field, RecordType
from consigne.settings import load


class Spoken:
    """Hooks whose answers the test sets; ``asked`` is what they were asked, in order."""

    def __init__(self) -> None:
        self.answers: dict[Point, list[Answer]] = {}
        self.asked: list[tuple[str, str]] = []

    def concern(self, tx: Tx, type: RecordType, layout: Layout) -> bool:
        return True

    async def run(self, point: Point, occasion: Occasion) -> list[Answer]:
        self.asked.append((point.value, occasion.action))
        return self.answers.get(point, [])

    def book(self, tx: Tx, occasion: Occasion) -> None:
        self.asked.append(("booked", occasion.action))

    async def close(self) -> None:
        return None


class Door:
    """The dialect in this process, with those hooks."""

    def __init__(self, depot: Depot, seat: Seat, hooks: Spoken, http: httpx.AsyncClient) -> None:
        self.depot = depot
        self.seat = seat
        self.hooks = hooks
        self.http = http

    async def send(self, method: str, path: str, **options: Any) -> httpx.Response:
        self.hooks.asked.clear()
        return await self.http.request(method, f"/api/{path}", **options)

    async def files(self) -> list[str]:
        """Return the states of all files."""
        states = (State.HELD, State.KEPT, State.RELEASED)
        page = await self.depot.finding.find(
            self.seat, Query(Scope(self.seat.space_id, states=states))
        )
        return [each.state.value for each in page.files]

    async def used(self) -> tuple[int, int]:
        space = await self.depot.tenancy.usage(self.seat)
        return space.used, space.reserved


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Door]:
    settings = load(
        {
            "data": str(tmp_path),
            "bootstrap_user": f"{EMAIL}:{PASSWORD}",
            "bootstrap_key": KEY,
            "worker": False,
        },
        environ={},
    )
    await asyncio.to_thread(app.prepare, settings)
    hooks = Spoken()
    bucket = Bucket(app.open_driver(settings))
    depot = build(settings, app.open_catalog(settings), bucket, hooks=hooks)
    await depot.open()
    spoken = dynacase.dialect(depot, settings)
    transport = httpx.ASGITransport(Dispatcher([spoken], spoken, access_log=False))
    headers = {"Authorization": f"Bearer {KEY}"}
    http = httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=headers)
    caller = await depot.accounts.by_bearer(KEY)
    seat = await depot.accounts.seat(caller)
    fields = [
        text("t", constraints=["even"]),
        file("f"),
        file("g", multiple=True, constraints=["clean"]),
        Field("n", Kind.INT, "Nombre", multiple=True, constraints=["even"]),
    ]
    await depot.types.create(seat, TypeSpec("FAM", dialect="dynacase", fields=fields))
    try:
        async with http:
            yield Door(depot, seat, hooks, http)
    finally:
        await depot.close()


async def made(door: Door) -> int:
    data = good(await door.send("POST", "families/FAM", json={"attributes": {}}), 201)
    return int(data["document"]["properties"]["id"])


@pytest.mark.parametrize("point", [Point.PRE_STORE, Point.PRE_INSERT])
@pytest.mark.parametrize(
    ("answer", "told"),
    [(Answer("Not on Sundays"), "Not on Sundays"), (Answer(None, failed=True), "Hook error")],
)
async def test_veto(door: Door, point: Point, answer: Answer, told: str) -> None:
    """DY-58, acceptance 13: text or failure of a pre hook is 400 API0103; the bytes are gone."""
    number = await made(door)
    path = f"documents/{number}/file/f"
    stored = file_of(await door.send("POST", path, content=b"old"), 201)
    token = token_of(file_of(await door.send("POST", "file", content=PDF), 201))
    door.hooks.answers[point] = [answer]
    refused(await door.send("POST", path, content=PDF), 400, "API0103", told)
    refused(await door.send("PUT", path, content=PDF), 400, "API0103", told)
    got = await door.send("POST", "families/FAM", files={"f": ("a.pdf", PDF)})
    refused(got, 400, "API0103", told)
    adopts = {"attributes": {"f": {"value": f"file://tmp/{token}"}}}
    got = await door.send("PUT", f"documents/{number}", json=adopts)
    refused(got, 400, "API0107", told)
    assert sorted(await door.files()) == ["held", "kept"], "the temporary file stays"
    assert await door.used() == (3 + len(PDF), 0)
    assert file_of(await door.send("GET", path)) == stored
    door.hooks.answers.clear()
    good(await door.send("PUT", f"documents/{number}", json=adopts))


async def test_order(door: Door) -> None:
    """DY-58: pre_store, constraints, pre_insert where something comes in, commit, post_store."""
    number = await made(door)
    assert door.hooks.asked == [
        ("pre_store", "create"), ("pre_insert", "create"), ("booked", "create"),
        ("post_store", "create"),
    ]  # fmt: skip
    file_of(await door.send("POST", f"documents/{number}/file/g", content=b"1"), 201)
    inserted = ["pre_store", "constraint", "pre_insert", "booked", "post_store"]
    assert [point for point, _ in door.hooks.asked] == inserted
    file_of(await door.send("PUT", f"documents/{number}/file/g/0", content=b"22"))
    assert [point for point, _ in door.hooks.asked] == inserted
    body = {"attributes": {"n": [{"value": 2}]}}
    good(await door.send("PUT", f"documents/{number}", json=body))
    changed = ["pre_store", "constraint", "booked", "post_store"]
    assert [point for point, _ in door.hooks.asked] == changed
    for path in (f"documents/{number}/file/g/0", f"documents/{number}"):
        good(await door.send("DELETE", path))
        assert [point for point, _ in door.hooks.asked].count("post_store") == 1
    await door.send("GET", f"documents/{number}")
    assert door.hooks.asked == []


async def test_post_store_speaks(door: Door) -> None:
    """DY-58, acceptance 16: its text is a userMessage with code `store`, its failure a warning."""
    number = await made(door)
    door.hooks.answers[Point.POST_STORE] = [Answer("Sent to the archive"), Answer("x", failed=True)]
    base = f"documents/{number}"
    for method, path, options, status in (
        ("POST", f"{base}/file/f", {"content": b"1"}, 201),
        ("PUT", f"{base}/file/f", {"content": b"2"}, 200),
        ("PUT", base, {"json": {"attributes": {"t": {"value": "x"}}}}, 200),
        ("DELETE", f"{base}/file/f", {}, 200),
        ("DELETE", base, {}, 200),
        ("POST", "families/FAM", {"json": {"attributes": {}}}, 201),
    ):
        got = await door.send(method, path, **options)  # type: ignore[arg-type]
        good(got, status)
        told = [(m["type"], m["contentText"], m["code"]) for m in got.json()["messages"]]
        assert told[0] == ("userMessage", "Sent to the archive", "store")
        assert told[1][0] == "warning"


async def test_constraints(door: Door) -> None:
    """DY-59, acceptance 14: what a plug-in finds is API0104, with row and suggestions."""
    door.hooks.answers[Point.CONSTRAINT] = [
        Answer("odd", check=1, suggests=["2", "4"]),
        Answer("too short", check=0),
    ]
    body = {"attributes": {"t": {"value": "x"}, "n": [{"value": 3}]}}
    message = refused(await door.send("POST", "families/FAM", json=body), 400, "API0104")
    assert message["contentText"] == "Constraint error on attribut n, t"
    assert message["data"] == [
        {"attribute": "n", "label": "Nombre", "error": "odd", "index": 0, "suggests": ["2", "4"]},
        {"attribute": "t", "label": "t", "error": "too short"},
    ]
    number_body = {"attributes": {}}
    door.hooks.answers.clear()
    number = good(await door.send("POST", "families/FAM", json=number_body), 201)["document"][
        "properties"
    ]["id"]
    door.hooks.answers[Point.CONSTRAINT] = [Answer("infected", check=0)]
    message = refused(
        await door.send("POST", f"documents/{number}/file/g/2", content=PDF), 400, "API0104"
    )
    assert message["data"] == [{"attribute": "g", "label": "g", "error": "infected", "index": 2}]
    assert await door.files() == []
    assert await door.used() == (0, 0)


async def test_level_2(door: Door) -> None:
    """DY-71, DY-83: a hook is 400 CRUD0206 on create and 500 CRUD0212 on update; what it brought is
    gone; what a hook says is a ``message``."""
    place = "v1/families/FAM/documents/"
    body = {"document": {"attributes": {"t": {"value": "x"}}}}
    made = await door.send("POST", place, json=body)
    number = made.json()["data"]["document"]["properties"]["id"]
    door.hooks.answers = {Point.PRE_STORE: [Answer("not today")]}
    for method, path, status, code in (
        ("POST", place, 400, "CRUD0206"),
        ("PUT", f"v1/documents/{number}", 500, "CRUD0212"),
    ):
        got = await door.send(method, path, files={"f": ("a.pdf", PDF)}, data={"t": "y"})
        (message,) = got.json()["messages"]
        assert (got.status_code, message["code"]) == (status, code)
        assert message["contentText"] == "not today"
        assert list(message) == ["type", "contentText", "code", "uri"]
    assert (await door.files(), await door.used()) == ([], (0, 0))
    door.hooks.answers = {Point.POST_STORE: [Answer("told"), Answer("broken", failed=True)]}
    got = await door.send("PUT", f"v1/documents/{number}", json=body)
    said = [(m["type"], m["contentText"]) for m in got.json()["messages"]]
    assert said == [("message", "told"), ("warning", "broken")]
