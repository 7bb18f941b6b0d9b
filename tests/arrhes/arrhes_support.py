"""An accountant: a client of the Arrhes dialect in an organization of a test's own."""

import secrets
from dataclasses import dataclass
from typing import Any

import httpx
from tests.parts.server import KEY, RunningServer

DAY = {"startingAt": "2026-01-01", "endingAt": "2026-12-31"}
Json = dict[str, Any]


def client(url: str, key: str | None) -> httpx.Client:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return httpx.Client(base_url=url, headers=headers, timeout=30)


def good(got: httpx.Response) -> Any:
    """Return the JSON of an answer that must be 200."""
    assert got.status_code == 200, f"{got.request.method} {got.request.url}: {got.text}"
    return got.json()


def refused(got: httpx.Response, status: int, cause: str | None) -> Json:
    """Check a refusal and return its body."""
    assert got.status_code == status, got.text
    body: Json = got.json()
    assert body.keys() <= {"message", "cause"}
    assert body.get("cause") == cause, body
    return body


@dataclass
class Organization:
    """An organization, its id, and a client with an admin's key that is bound to it."""

    url: str
    short: str
    id: str
    key: str
    http: httpx.Client

    def year(self, form: str = "", **fields: Any) -> "Year":
        made = good(self.http.post(f"/organizations/{self.id}/years", json=DAY | fields))
        return Year(self, made["id"], f"{form}/organizations/{self.id}/years/{made['id']}")

    def document(self) -> Json:
        return good(self.http.get(f"/organizations/{self.id}"))

    @property
    def usage(self) -> int:
        """Bytes that are charged or reserved."""
        return self.document()["storageCurrentUsage"]

    def books(self) -> tuple[int, int]:
        """Return the bytes (used, reserved), as the native door counts them."""
        got = good(self.http.get(f"/consigne/v1/spaces/{self.short}/usage"))
        return got["used"], got["reserved"]

    def member(self, role: str) -> httpx.Client:
        """Return a client of a new person with this role here."""
        operator = client(self.url, KEY)
        email, password = f"u{secrets.token_hex(6)}@example.org", "a password for tests"
        account = {"email": email, "password": password}
        assert operator.post("/consigne/v1/users", json=account).status_code == 201
        place = f"/consigne/v1/spaces/{self.short}/members/{email}"
        good(operator.put(place, json={"role": role}))
        login = {"login": email, "password": password}
        session = httpx.post(f"{self.url}/consigne/v1/session", json=login).json()
        return client(self.url, session["token"])


@dataclass
class Year:
    """An accounting year and what an accountant does in it."""

    organization: Organization
    id: str
    path: str

    @property
    def http(self) -> httpx.Client:
        return self.organization.http

    def entry(self, name: str = "facture.pdf", **fields: Any) -> Json:
        return good(self.http.post(f"{self.path}/files", json={"name": name, **fields}))

    def folder(self, name: str = "Achats", parent: str | None = None) -> str:
        body = {"name": name, "idFolderParent": parent}
        return good(self.http.post(f"{self.path}/folders", json=body))["id"]

    def file(self, file: str) -> Json:
        return good(self.http.get(f"{self.path}/files/{file}"))

    def files(self) -> list[Json]:
        return good(self.http.get(f"{self.path}/files"))

    def post(self, file: str, verb: str, **body: Any) -> httpx.Response:
        return self.http.post(f"{self.path}/files/{file}/{verb}", json=body)

    def upload_url(self, file: str, size: int, kind: str = "application/pdf") -> str:
        return good(self.post(file, "upload-url", type=kind, size=size))["url"]

    def url(self, file: str, verb: str) -> str:
        return good(self.post(file, verb))["url"]

    def send(self, file: str, data: bytes, kind: str = "application/pdf") -> str:
        """Ask for a URL and PUT the bytes there; return the URL."""
        url = self.upload_url(file, len(data), kind)
        put = httpx.put(url, content=data)
        assert (put.status_code, put.content) == (200, b""), put.text
        return url

    def store(
        self, data: bytes, name: str = "facture.pdf", kind: str = "application/pdf", **fields: Any
    ) -> Json:
        """Do it all: entry, URL, PUT, finalize."""
        file = self.entry(name, **fields)["id"]
        self.send(file, data, kind)
        return good(self.post(file, "finalize"))

    def fetch(self, file: str, **headers: str) -> httpx.Response:
        return httpx.get(self.url(file, "download-url"), headers=headers)

    def turn(self, verb: str) -> Json:
        return good(self.http.post(f"{self.path}/{verb}"))


def found_organization(server: RunningServer, quota: int | None = None) -> Organization:
    """Make an organization and an admin's key for it."""
    operator, short = client(server.url, KEY), f"o{secrets.token_hex(6)}"
    body = {"short": short, "quota": quota}
    assert operator.post("/consigne/v1/spaces", json=body).status_code == 201
    made = operator.post("/consigne/v1/keys", json={"name": short, "space": short}).json()
    http = client(server.url, made["key"])
    number = good(http.get("/organizations/me"))["id"]
    return Organization(server.url, short, number, made["key"], http)
