"""Clients of the native API, and scenarios: one row is one request and everything expected."""

import base64
import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

API = "/consigne/v1"


class Client(httpx.Client):
    """A client of ``/consigne/v1`` with one credential; paths are given without that prefix."""

    def __init__(self, url: str, token: str | None = None, **headers: str) -> None:
        if token:
            headers["Authorization"] = f"Bearer {token}"
        super().__init__(base_url=url, headers=headers, timeout=30)
        self.token = token

    def call(self, method: str, path: str, **options: Any) -> httpx.Response:
        return self.request(method, path if path.startswith("//") else API + path, **options)

    def ok(self, method: str, path: str, status: int = 200, **options: Any) -> Any:
        """Send a request that must succeed, and return its JSON (None without content)."""
        got = self.call(method, path, **options)
        assert got.status_code == status, f"{method} {path}: {got.status_code} {got.text}"
        return got.json() if got.content else None

    def upload(self, body: bytes = b"hello", status: int = 201, **options: Any) -> Any:
        return self.ok("POST", "/files", status, content=body, **options)

    def content(self, file: str) -> bytes:
        got = self.call("GET", f"/files/{file}/content")
        assert got.status_code == 200, got.text
        return got.content


@dataclass
class Space:
    """A space of a test's own. ``admin`` uses a key bound to it; tokens of members are unbound."""

    url: str
    short: str
    operator: Client
    admin: Client

    def member(self, login: "Login", role: str) -> Client:
        """Give a user a role here and return a client of his in this space."""
        self.operator.ok("PUT", f"/spaces/{self.short}/members/{login.email}", json={"role": role})
        return Client(self.url, login.token, **{"X-Consigne-Space": self.short})

    def usage(self) -> dict[str, Any]:
        return self.admin.ok("GET", f"/spaces/{self.short}/usage")

    def state(self) -> dict[str, Any]:
        """Return everything that bad input could leave behind."""
        return {
            "usage": self.usage(),
            "uploads": self.admin.ok("GET", "/uploads")["uploads"],
            "folders": self.admin.ok("GET", "/folders")["folders"],
            "files": self.admin.ok("GET", "/files", params={"state": "kept,held,released"}),
        }


@dataclass
class Login:
    email: str
    number: int
    token: str
    password: str


def make_space(url: str, key: str, quota: int | None = None) -> Space:
    operator, short = Client(url, key), f"s{secrets.token_hex(6)}"
    operator.ok("POST", "/spaces", 201, json={"short": short, "quota": quota})
    made = operator.ok("POST", "/keys", 201, json={"name": short, "space": short})
    return Space(url, short, operator, Client(url, made["key"]))


def make_login(url: str, key: str) -> Login:
    operator = Client(url, key)
    email, password = f"u{secrets.token_hex(6)}@example.org", "a password for tests"
    made = operator.ok("POST", "/users", 201, json={"email": email, "password": password})
    session = Client(url).ok("POST", "/session", 201, json={"login": email, "password": password})
    return Login(email, made["id"], session["token"], password)


def sha256_field(body: bytes) -> str:
    digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
    return f"sha-256=:{digest}:"


def md5_field(body: bytes) -> str:
    return base64.b64encode(hashlib.md5(body).digest()).decode()


@dataclass
class Row:
    """One request and everything expected. ``says``: members of the JSON answer; ``code``: of a
    problem; ``headers``: of the answer, None for "not there"; ``body``: exactly these bytes."""

    name: str
    method: str
    path: str
    status: int
    params: Any = None
    send: Mapping[str, str] = field(default_factory=dict)
    content: bytes | None = None
    json: Any = None
    code: str | None = None
    parameter: str | None = None
    says: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str | None] = field(default_factory=dict)
    body: bytes | None = None

    def run(self, client: Client, **names: str) -> httpx.Response:
        """Send the request, with ``{name}`` in the path filled in, and check the answer."""
        got = client.call(
            self.method,
            self.path.format(**names),
            params=self.params,
            headers=dict(self.send),
            **({"json": self.json} if self.json is not None else {"content": self.content}),
        )
        self.check(got)
        return got

    def check(self, got: httpx.Response) -> None:
        assert got.status_code == self.status, f"{self.name}: {got.status_code} {got.text[:500]}"
        for name, value in self.headers.items():
            assert got.headers.get(name) == value, f"{self.name}: {name}"
        if self.body is not None:
            assert got.content == self.body, self.name
        if self.code is not None:
            assert got.headers["content-type"] == "application/problem+json"
            problem = got.json()
            assert problem["code"] == self.code, f"{self.name}: {problem}"
            assert problem["status"] == self.status
            assert problem["type"].endswith(f"/docs/errors#{self.code}")
            assert problem["title"]
            assert problem["detail"]
            if self.parameter is not None:
                assert problem["parameter"] == self.parameter, f"{self.name}: {problem}"
        if self.says:
            answer = got.json()
            shown = {name: answer.get(name, "—") for name in self.says}
            assert shown == dict(self.says), self.name


def ids(rows: list[Row]) -> list[str]:
    return [row.name for row in rows]
