"""A forms platform: people with tokens, in an instance of a test's own."""

import re
import secrets
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx
from tests.parts.server import CLIENT_ID, CLIENT_SECRET, KEY, RunningServer

Json = dict[str, Any]

PASSWORD = "a password for tests"
NOBODY = "11111111-1111-4111-8111-111111111111"
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489"
    "0000000d49444154789c6360606060000000050001a5f645400000000049454e44ae426082"
)
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")


def client(url: str, token: str | None) -> httpx.Client:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return httpx.Client(base_url=url, headers=headers, timeout=30)


def good(got: httpx.Response, status: int = 200) -> Any:
    """Return the JSON of an answer that must be good."""
    assert got.status_code == status, f"{got.request.method} {got.request.url}: {got.text}"
    return got.json()


def refused(
    got: httpx.Response, status: int, code: str, infos: Sequence[Mapping[str, Any]] | None = None
) -> Json:
    """Check the shape of a refusal (DX-50), its status and code; return its body."""
    assert got.status_code == status, got.text
    body: Json = got.json()
    shape = {"code", "message", "url", "api_version", "infos", "server_time"}
    assert body.keys() - {"error", "error_description"} == shape, body
    assert body["code"] == f"DAERR-{code}", body
    assert body["url"].endswith(f"/docs/errors/daxium#DAERR-{code}")
    assert body["api_version"] == "v1.3"
    assert body["server_time"].isdigit()
    if infos is not None:
        assert body["infos"] == list(infos), body
    return body


def grant(url: str, **fields: str) -> httpx.Response:
    """Ask for a pair of tokens as the first client of the installation."""
    form = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, **fields}
    return httpx.post(f"{url}/oauth/v2/token", data=form, timeout=30)


def log_in(url: str, email: str, password: str = PASSWORD) -> Json:
    return good(grant(url, grant_type="password", username=email, password=password))


@dataclass
class Person:
    """A user of an instance, and a client with his access token."""

    email: str
    number: int
    http: httpx.Client


@dataclass
class Instance:
    """An instance, its path, and a client with an admin's key that is bound to it."""

    server: RunningServer
    short: str
    admin: httpx.Client

    @property
    def url(self) -> str:
        return self.server.url

    @property
    def path(self) -> str:
        return f"/{self.short}"

    def person(self, role: str = "writer") -> Person:
        """Make a person with a role here, and log in."""
        email, number = new_user(self.url)
        place = f"/consigne/v1/spaces/{self.short}/members/{email}"
        good(client(self.url, KEY).put(place, json={"role": role}))
        token = log_in(self.url, email)["access_token"]
        return Person(email, number, client(self.url, token))

    def send(
        self, data: bytes = PNG, http: httpx.Client | None = None, **headers: str
    ) -> httpx.Response:
        """Upload raw bytes."""
        told = {name.replace("_", "-"): value for name, value in headers.items()}
        return (http or self.admin).post(f"{self.path}/files/upload", content=data, headers=told)

    def upload(self, data: bytes = PNG, http: httpx.Client | None = None, **headers: str) -> str:
        """Upload raw bytes that are taken; return the uuid."""
        return good(self.send(data, http, **headers))["uuid"]

    def file(self, uuid: str) -> Json:
        """Return what the native dialect shows of a file."""
        return good(self.admin.get(f"/consigne/v1/files/{uuid}"))

    def files(self) -> list[Json]:
        """Return every file that there is, held and released ones too."""
        states = {"state": "kept,held,released", "limit": "1000"}
        return good(self.admin.get("/consigne/v1/files", params=states))["files"]

    def state(self, uuid: str) -> str:
        """Return the state of a file, released ones too; ``gone`` where there is none."""
        return next((file["state"] for file in self.files() if file["id"] == uuid), "gone")

    def books(self) -> tuple[int, int]:
        """Return the bytes (used, reserved), as the native dialect counts them."""
        got = good(self.admin.get(f"/consigne/v1/spaces/{self.short}/usage"))
        return got["used"], got["reserved"]

    def structure(self, *fields: Json, name: str = "", **spec: Any) -> "Structure":
        """Make a structure with these fields."""
        name = name or f"S{secrets.token_hex(6)}"
        return Structure(self, apply_type(self, {"name": name, "fields": fields, **spec}), name)

    def set_quota(self, quota: int | None) -> None:
        good(
            client(self.url, KEY).patch(f"/consigne/v1/spaces/{self.short}", json={"quota": quota})
        )


@dataclass
class Structure:
    """A structure of an instance."""

    instance: Instance
    id: int
    name: str

    @property
    def path(self) -> str:
        return f"{self.instance.path}/submissions"

    def change(self, *fields: Json, **spec: Any) -> None:
        """Make a new version of it."""
        apply_type(self.instance, {"name": self.name, "fields": fields, **spec})

    def post(
        self, http: httpx.Client | None = None, key: str | None = None, **body: Any
    ) -> httpx.Response:
        """Ask for a submission; ``items`` are empty unless they are told."""
        told = {"structure_id": self.id, "structure_version": 1, "items": {}} | body
        headers = {"Idempotency-Key": key} if key else {}
        return (http or self.instance.admin).post(self.path, json=told, headers=headers)

    def create(self, http: httpx.Client | None = None, **items: Any) -> Json:
        """Make a submission with these items."""
        return good(self.post(http, items=items))

    def look(self, submission: str) -> Json:
        return good(self.instance.admin.get(f"{self.path}/{submission}"))

    def count(self) -> int:
        """Return how many submissions there are."""
        got = self.instance.admin.get(self.path, params={"structure_id": self.id})
        count: int = good(got)["total_count"]
        return count


def apply_type(instance: Instance, spec: Json) -> int:
    """Make a structure, or a new version of it, through the native API; return its number."""
    told = {"types": [{"dialect": "daxium", **spec}]}
    (made,) = good(instance.admin.put("/consigne/v1/types", json=told))["types"]
    number: int = made["number"]
    return number


def new_user(url: str) -> tuple[str, int]:
    """Make a user of the installation; return e-mail and number."""
    email = f"u{secrets.token_hex(6)}@example.org"
    made = client(url, KEY).post("/consigne/v1/users", json={"email": email, "password": PASSWORD})
    return email, good(made, 201)["id"]


def found_instance(server: RunningServer, quota: int | None = None) -> Instance:
    """Make an instance and an admin's key for it."""
    operator, short = client(server.url, KEY), f"daxium-{secrets.token_hex(6)}"
    good(operator.post("/consigne/v1/spaces", json={"short": short, "quota": quota}), 201)
    key = good(operator.post("/consigne/v1/keys", json={"name": short, "space": short}), 201)
    return Instance(server, short, client(server.url, key["key"]))


def raw_request(server: RunningServer, head: str, body: bytes = b"") -> socket.socket:
    """Send a request, or a part of one, as bytes; the caller reads or closes."""
    connection = socket.create_connection(("127.0.0.1", server.port), timeout=30)
    connection.sendall(head.replace("\n", "\r\n").encode() + b"\r\n\r\n" + body)
    return connection
