"""What ``Alpifra/daxium-php`` sends, byte for byte, and what it needs of the answers (DX-53).

Its ways, by curl under PHP: a log-in before every call, an empty bearer token at the log-in, a JSON
Content-Type on GET, the parameters of a POST once more in the query, ``partial`` as a string.
"""

import json
from http.client import HTTPResponse
from typing import Any
from urllib.parse import quote_plus, urlencode

import pytest
from daxium_support import PASSWORD, PNG, Instance, Person, raw_request
from tests.parts.server import CLIENT_ID, CLIENT_SECRET


def php_query(params: dict[str, Any]) -> str:
    """Return what PHP's ``http_build_query`` makes of nested arrays.

    >>> php_query({"a": {"b": ["c d"]}})
    'a%5Bb%5D%5B0%5D=c+d'
    """

    def walk(name: str, value: Any) -> list[tuple[str, str]]:
        if isinstance(value, list):
            value = dict(enumerate(value))
        if isinstance(value, dict):
            return [pair for key, each in value.items() for pair in walk(f"{name}[{key}]", each)]
        return [(name, str(value))]

    pairs = [pair for key, each in params.items() for pair in walk(key, each)]
    return "&".join(f"{quote_plus(key)}={quote_plus(each)}" for key, each in pairs)


def php_json(value: Any) -> bytes:
    """Return what PHP's ``json_encode`` makes: slashes escaped, an empty array as a list."""
    text = json.dumps(value, separators=(",", ":")).replace("/", "\\/").replace("{}", "[]")
    return text.encode()


class Php:
    """The client's ``Request`` and ``BaseClient``: every call opens a connection of its own."""

    def __init__(self, instance: Instance, person: Person) -> None:
        self._instance = instance
        self._person = person

    def send(
        self, line: str, token: str, kind: str, accept: str, body: bytes = b""
    ) -> tuple[int, bytes]:
        head = (
            f"{line} HTTP/1.1\nHost: 127.0.0.1:{self._instance.server.port}\nAccept: {accept}\n"
            f"Content-type: {kind}\nAuthorization: Bearer {token}\nCache-Control: no-cache\n"
            "X-Accept-Version: v1.3"
        )
        if line.startswith("POST"):
            head += f"\nContent-Length: {len(body)}"
        with raw_request(self._instance.server, head, body) as connection:
            answer = HTTPResponse(connection)
            answer.begin()
            return answer.status, answer.read()

    def token(self) -> str:
        form = urlencode(
            {
                "client_id": CLIENT_ID,
                "client_secret": CLIENT_SECRET,
                "username": self._person.email,
                "password": PASSWORD,
                "grant_type": "password",
            }
        )
        status, body = self.send(
            "POST /oauth/v2/token", "", "application/x-www-form-urlencoded",
            "application/json;charset=utf-8", form.encode(),
        )  # fmt: skip
        assert status == 200, body
        token: str = json.loads(body)["access_token"]
        return token

    def call(
        self,
        method: str,
        path: str,
        params: dict[str, Any] | None = None,
        accept: str = "application/json;charset=utf-8",
    ) -> bytes:
        query = f"?{php_query(params)}" if params else ""
        line = f"{method} {self._instance.path}{path}{query}"
        body = php_json(params) if method == "POST" else b""
        status, answer = self.send(line, self.token(), "application/json", accept, body)
        assert status < 400, answer
        return answer


def representation(data: dict[str, Any]) -> dict[str, Any]:
    """Take what ``SubmissionRepresentation`` takes, with PHP's types.

    ``?int`` also takes a numeric string; ``new DateTime("@…")`` takes whole seconds.
    """
    assert isinstance(data["id"], str)
    for name in ("structure_id", "created_at", "updated_at", "submission_number",
                 "number_in_structure"):  # fmt: skip
        assert type(data[name]) is int, name
    user = data.get("user_id")
    assert user is None or type(user) is int or str(int(user)) == user
    assert isinstance(data["items"], dict)
    return data


@pytest.fixture
def php(instance: Instance) -> Php:
    return Php(instance, instance.person())


def test_create_find_and_find_file(php: Php, instance: Instance) -> None:
    """DX-05, DX-25, DX-29, DX-53, case 9: create, find, findFile: the same bytes."""
    form = instance.structure(
        {"id": "titre", "type": "text"}, {"id": "photo", "type": "image", "multiple": True},
        {"id": "age", "type": "int", "needed": True},
    )  # fmt: skip
    uuid = instance.upload(http=php._person.http, Content_Type="image/png")
    items = {"titre": ["Façade / nord"], "photo": [{"id": uuid, "name": "a.png"}], "age": [7]}
    wish = {"partial": "false", "structure_id": form.id, "structure_version": 1, "items": items}
    made = representation(json.loads(php.call("POST", "/submissions", wish)))
    assert made["items"]["titre"] == "Façade / nord"
    assert made["items"]["age"] == 7
    assert made["items"]["photo"][0]["id"] == uuid
    assert representation(json.loads(php.call("GET", f"/submissions/{made['id']}"))) == made
    path = f"/submissions/{made['id']}/file/{uuid}"
    assert php.call("GET", path, accept="*/*") == PNG


def test_partial_and_no_items(php: Php, instance: Instance) -> None:
    """DX-25, DX-53: ``partial`` as a string; an empty array of items is a list in PHP."""
    form = instance.structure({"id": "age", "type": "int", "needed": True})
    wish: dict[str, Any] = {"partial": "true", "structure_id": form.id, "structure_version": 1}
    made = representation(json.loads(php.call("POST", "/submissions", {**wish, "items": {}})))
    assert (made["partial"], made["items"]) == (True, {})


def test_the_body_wins_over_the_query(php: Php, instance: Instance) -> None:
    """DX-53: the query only repeats; where it says something else, nobody listens."""
    form = instance.structure({"id": "titre", "type": "text"})
    wish = {"structure_id": form.id, "structure_version": 1, "items": {"titre": "corps"}}
    query = php_query({**wish, "structure_id": 99, "items": {"titre": "adresse"}})
    status, body = php.send(
        f"POST {form.path}?{query}", php.token(), "application/json", "*/*", php_json(wish)
    )
    assert (status, json.loads(body)["items"]) == (200, {"titre": "corps"})


def test_lists(php: Php, instance: Instance) -> None:
    """DX-10, DX-22, DX-27, DX-53: ``listByStructure`` and ``structures``."""
    form = instance.structure({"id": "titre", "type": "text"})
    made = form.create(titre="a")
    listed = json.loads(php.call("GET", "/structures"))
    assert [each["id"] for each in listed["structures"]] == [form.id]
    assert json.loads(php.call("GET", f"/structures/{form.id}"))["id"] == form.id
    got = json.loads(php.call("GET", "/submissions", {"structure_id": form.id}))
    assert [representation(each) for each in got["submissions"]] == [made]


def test_delete(php: Php, instance: Instance) -> None:
    """DX-27, DX-53: a 204 without a body, which it decodes to null."""
    form = instance.structure({"id": "titre", "type": "text"})
    made = form.create(titre="a")
    assert php.call("DELETE", f"/submissions/{made['id']}") == b""
    assert form.count() == 0
