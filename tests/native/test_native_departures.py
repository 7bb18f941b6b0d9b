"""Deleting users and spaces through the native API (C-56)."""

import time
from typing import Any

import pytest
from native_support import Client, Login, Space, make_login, make_space
from tests.parts.server import KEY, RunningServer, others_forget


def refusal(got: Any) -> tuple[int, str]:
    return got.status_code, got.json()["code"]


def until(check: Any, wanted: object) -> None:
    deadline = time.monotonic() + 60
    while (found := check()) != wanted:
        assert time.monotonic() < deadline, found
        time.sleep(0.1)


@pytest.fixture
def login(server: RunningServer) -> Login:
    return make_login(server.url, KEY)


def test_delete_a_user(space: Space, login: Login, operator: Client) -> None:
    """C-56, C-05: nobody any more at once; his files are the space's."""
    writer = space.member(login, "writer")
    file = writer.upload(b"his")["id"]
    key = writer.ok("POST", "/keys", 201, json={"name": "k", "space": space.short})["key"]
    path = f"/users/{login.number}"
    assert refusal(writer.call("DELETE", path)) == (403, "forbidden")
    assert refusal(space.admin.call("DELETE", path)) == (403, "forbidden")
    operator.ok("DELETE", path, 204)
    for client in (writer, Client(space.url, key)):
        assert refusal(client.call("GET", "/me")) == (401, "unauthenticated")
    for method in ("GET", "DELETE"):
        assert refusal(operator.call(method, path)) == (404, "user_not_found")
    assert refusal(operator.call("DELETE", "/users/x")) == (404, "user_not_found")
    until(lambda: space.admin.ok("GET", f"/files/{file}")["owner"], None)
    assert space.admin.content(file) == b"his"


def test_delete_and_restore_a_space(server: RunningServer, operator: Client) -> None:
    """C-56: closed for all but operators, who can open it again while its time runs."""
    space = make_space(server.url, KEY)
    file = space.admin.upload(b"there")["id"]
    path = f"/spaces/{space.short}"
    assert refusal(space.admin.call("DELETE", path)) == (403, "forbidden")
    wrong = operator.call("DELETE", path, params={"grace": "-1"})
    assert refusal(wrong) == (400, "bad_parameter")
    got = operator.ok("DELETE", path, 202, params={"grace": 3600})
    assert (got["short"], got["clearing"]["state"]) == (space.short, "queued")
    assert got["clearing"]["total"] == 1
    others_forget()
    assert space.admin.call("GET", "/files").status_code in (403, 404)
    assert refusal(operator.call("GET", path)) == (404, "space_not_found")
    assert refusal(operator.call("POST", "/spaces", json={"short": space.short})) == (
        409, "name_taken",
    )  # fmt: skip
    listed = operator.ok("GET", "/spaces", params={"deleted": "true", "limit": 1000})["spaces"]
    assert space.short in {each["short"] for each in listed}
    assert refusal(space.admin.call("GET", "/spaces?deleted=true")) == (403, "forbidden")
    assert refusal(space.admin.call("POST", f"{path}/restore")) == (404, "space_not_found")
    operator.ok("POST", f"{path}/restore")
    others_forget()
    assert space.admin.content(file) == b"there"
    assert refusal(operator.call("POST", f"{path}/restore")) == (404, "space_not_found")


def test_a_space_is_cleared(server: RunningServer, operator: Client) -> None:
    """C-56: without grace the worker removes everything, and the name can be given again."""
    space = make_space(server.url, KEY)
    for number in range(3):
        space.admin.upload(b"gone %d" % number)
    got = operator.ok("DELETE", f"/spaces/{space.short}", 202, params={"grace": 0})

    def clearing() -> object:
        listed = operator.ok("GET", "/spaces", params={"deleted": "true", "limit": 1000})["spaces"]
        return next(each for each in listed if each["id"] == got["id"])["clearing"]

    until(clearing, None)
    assert refusal(operator.call("POST", f"/spaces/{space.short}/restore"))[0] == 404
    operator.ok("POST", "/spaces", 201, json={"short": space.short})
