"""What happens in a space: the list, the stream, and its end."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
from native_support import Client, Login, Space
from tests.parts.server import KEY, RunningServer


def eventually(read: Callable[[], Any], wanted: Callable[[Any], bool]) -> Any:
    """Events are sealed a moment after they are committed (C-50)."""
    deadline = time.monotonic() + 10
    while not wanted(found := read()):
        assert time.monotonic() < deadline, found
        time.sleep(0.05)
    return found


def events(client: Client, **params: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.ok("GET", "/events", params=params)["events"]
    return found


def test_list(space: Space) -> None:
    """C-50: every change is told once, in sequence, under the id of what it is about."""
    api = space.admin
    file = api.upload(params={"name": "a"})
    api.ok("PATCH", f"/files/{file['id']}", json={"name": "b"})
    twin = api.ok("POST", f"/files/{file['id']}/copy", 201)
    folder = api.ok("POST", "/folders", 201, json={"name": "F"})
    found = eventually(lambda: events(api), lambda e: len(e) >= 6)
    assert [each["sequence"] for each in found] == list(range(1, len(found) + 1))
    told = [(e["action"], e["subject"]) for e in found]
    assert told[-4:] == [
        ("file.kept", file["id"]), ("file.changed", file["id"]), ("file.copied", twin["id"]),
        ("folder.created", folder["id"]),
    ]  # fmt: skip
    copied = found[-2]
    assert copied["data"] == {"source": file["id"], "size": 5}
    assert all(e["digest"] and e["at"].endswith("Z") for e in found)
    page = api.ok("GET", "/events", params={"limit": 2})
    assert (len(page["events"]), page["next"]) == (2, "2")
    assert events(api, after=page["next"]) == found[2:]
    history = api.ok("GET", f"/files/{file['id']}/history")["events"]
    assert [each["action"] for each in history] == ["file.kept", "file.changed"]
    for params in ({"after": "x"}, {"after": "-1"}, {"limit": "0"}):
        assert api.call("GET", "/events", params=params).status_code == 400


def test_newest_first(space: Space, logins: list[Login]) -> None:
    """C-50: the list can be read backwards, page by page, and misses nothing."""
    api = space.admin
    for name in ("a", "b", "c"):
        api.upload(params={"name": name})
    kept = ("file.kept",) * 3
    found = eventually(lambda: events(api), lambda e: tuple(x["action"] for x in e[-3:]) == kept)
    backwards, before = [], "9007199254740991"
    while before:
        page = api.ok("GET", "/events", params={"before": before, "limit": 2})
        backwards += page["events"]
        before = page["next"]
    assert backwards == found[::-1]
    for params in ({"before": "x"}, {"before": "-1"}, {"before": "3", "after": "1"}):
        assert api.call("GET", "/events", params=params).status_code == 400, params


def test_check(space: Space, logins: list[Login]) -> None:
    """C-50: managers can have the chain recomputed; others cannot, and another space's key not."""
    api = space.admin
    api.upload()
    eventually(lambda: events(api), lambda e: bool(e) and e[-1]["action"] == "file.kept")
    checked = api.ok("GET", "/events/check")
    assert checked["broken"] is None
    assert checked["last"]["sequence"] >= 1
    assert checked["last"] in events(api)
    writer = space.member(logins[0], "writer")
    assert writer.call("GET", "/events/check").status_code == 403


def test_private_files_stay_private_in_events(space: Space, logins: list[Login]) -> None:
    """C-03: others are not told of files that they cannot see; managers are."""
    writer, reader = space.member(logins[0], "writer"), space.member(logins[1], "reader")
    hidden = writer.upload(params={"name": "hidden", "access": "private"})
    shown = writer.upload(params={"name": "shown"})

    def subjects(client: Client) -> set[str]:
        return {each["subject"] for each in events(client)}

    eventually(lambda: subjects(space.admin), lambda s: {hidden["id"], shown["id"]} <= s)
    assert {hidden["id"], shown["id"]} <= subjects(writer)
    assert shown["id"] in subjects(reader)
    assert hidden["id"] not in subjects(reader)
    assert "hidden" not in reader.call("GET", "/events").text
    assert reader.call("GET", f"/files/{hidden['id']}/history").status_code == 404


def messages(answer: httpx.Response) -> Iterator[dict[str, str]]:
    """Parse server-sent events (WHATWG HTML §9.2.6)."""
    fields: dict[str, str] = {}
    for line in answer.iter_lines():
        if not line:
            if fields:
                yield fields
            fields = {}
        elif not line.startswith(":"):
            name, _, value = line.partition(": ")
            fields[name] = value


def test_stream(space: Space, logins: list[Login]) -> None:
    """C-50: events as they come, from now on or behind Last-Event-ID; ids are told even of what a
    member may not see."""
    api = space.admin
    writer, reader = space.member(logins[0], "writer"), space.member(logins[1], "reader")
    api.upload(params={"name": "before"})
    last = eventually(lambda: events(api), lambda e: len(e) >= 5)[-1]["sequence"]
    with api.stream("GET", "/consigne/v1/events/stream") as answer:
        assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
        assert answer.headers["cache-control"] == "no-store"
        stream = messages(answer)
        assert next(stream) == {"retry": "2000"}
        file = writer.upload(params={"name": "now", "access": "private"})
        message = next(stream)
        event = json.loads(message["data"])
        assert (event["action"], event["subject"]) == ("file.kept", file["id"])
        assert int(message["id"]) == event["sequence"] == last + 1
    behind = {"Last-Event-ID": "0"}
    with api.stream("GET", "/consigne/v1/events/stream", headers=behind) as answer:
        stream = messages(answer)
        next(stream)
        assert [int(next(stream)["id"]) for _ in range(last)] == list(range(1, last + 1))
    after = {"Last-Event-ID": str(last)}
    with reader.stream("GET", "/consigne/v1/events/stream", headers=after) as answer:
        stream = messages(answer)
        next(stream)
        assert next(stream) == {"id": str(last + 1)}
    head = api.call("HEAD", "/events/stream")
    assert (head.status_code, head.content) == (200, b"")


def test_stream_ends_when_the_right_is_lost(space: Space, logins: list[Login]) -> None:
    """C-05: a stream does not outlive its credential by more than some seconds."""
    writer = space.member(logins[0], "writer")
    key = writer.ok("POST", "/keys", 201, json={"space": space.short})
    client = Client(space.url, key["key"])
    with client.stream("GET", "/consigne/v1/events/stream") as answer:
        stream = messages(answer)
        assert next(stream) == {"retry": "2000"}
        space.admin.ok("DELETE", f"/keys/{key['id']}", 204)
        started = time.monotonic()
        space.admin.upload(params={"name": "secret later"})
        rest = list(stream)
    assert time.monotonic() - started < 60
    # At most what happened within those seconds: the key made, the key gone, the file.
    assert len(rest) <= 3


def test_stream_ends_when_the_server_drains(fresh_server: RunningServer) -> None:
    """C-07, C-14: a stream without an end does not hold up a stop."""
    client, ended = Client(fresh_server.url, KEY), threading.Event()
    with client.stream("GET", "/consigne/v1/events/stream") as answer:
        stream = messages(answer)
        assert next(stream) == {"retry": "2000"}

        def drain() -> None:
            for _ in stream:
                pass
            ended.set()

        reader = threading.Thread(target=drain)
        reader.start()
        started = time.monotonic()
        fresh_server.terminate()
        assert time.monotonic() - started < 5
        reader.join(5)
    assert ended.is_set()
