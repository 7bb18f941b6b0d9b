"""A client of the Dynacase dialect in a space of a test's own, and what its answers must be."""

import io
import secrets
import socket
import zipfile
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx
from dynacase_desk import Office
from tests.parts.server import KEY, RunningServer

CODES = "http://api.dynacase.org/code"
FILE_KEYS = ["uri", "mime", "size", "cdate", "mdate", "fileName", "reference", "downloadUrl"]
MESSAGE_KEYS = ["type", "contentText", "contentHtml", "code", "uri", "data"]
PDF = b"%PDF-1.4\n1 0 obj\n<<>>\nendobj\n%%EOF\n"
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000a49444154789c6360000002000154a24f5f0000000049454e44ae426082"
)
Json = dict[str, Any]


def client(url: str, token: str | None, **headers: str) -> httpx.Client:
    if token:
        headers["Authorization"] = f"Bearer {token}"
    return httpx.Client(base_url=url, headers=headers, timeout=30)


def envelope(got: httpx.Response, *, success: bool) -> Json:
    """Check the envelope of an answer and return it (DY-07, DY-08)."""
    assert got.headers["content-type"] == "application/json", got.text
    assert got.headers["cache-control"] == "no-store"
    assert got.headers["x-dcp-api-version"] == "1"
    body: Json = got.json()
    assert list(body)[:3] == ["success", "messages", "data"]
    assert body["success"] is success, got.text
    for message in body["messages"]:
        assert list(message) == MESSAGE_KEYS
        code = message["code"]
        assert message["uri"] == (f"{CODES}/{code}.html" if code else "")
    return body


def good(got: httpx.Response, status: int = 200) -> Any:
    """Return the data of an answer that must have this status."""
    assert got.status_code == status, f"{got.request.method} {got.request.url}: {got.text}"
    return envelope(got, success=True)["data"]


def refused(got: httpx.Response, status: int, code: str, text: str | None = None) -> Json:
    """Check a refusal and return its one message."""
    assert got.status_code == status, f"{got.request.method} {got.request.url}: {got.text}"
    body = envelope(got, success=False)
    assert list(body) == ["success", "messages", "data", "exceptionMessage"]
    assert body["data"] is None
    (message,) = body["messages"]
    assert message["type"] == "error"
    assert body["exceptionMessage"] == message["contentText"]
    assert message["code"] == code, got.text
    if text is not None:
        assert message["contentText"] == text
    return message


def file_of(got: httpx.Response, status: int = 200) -> Json:
    """Return ``data.file`` with its eight keys and their types (DY-40)."""
    data = good(got, status)
    assert list(data) == ["file"]
    file: Json = data["file"]
    assert list(file) == FILE_KEYS
    assert isinstance(file["size"], int)
    for key in ("uri", "mime", "cdate", "mdate", "fileName", "reference"):
        assert isinstance(file[key], str), key
    return file


def warnings(got: httpx.Response) -> list[str]:
    return [m["contentText"] for m in got.json()["messages"] if m["type"] == "warning"]


def token_of(file: Json) -> str:
    return str(file["uri"].rsplit("/", 1)[1])


def multipart_body(
    *parts: tuple[str, str | None, bytes], boundary: str = "frontiere", end: str = "\r\n"
) -> bytes:
    """Return a form of parts (field, file name or None, bytes)."""
    body = b""
    for name, filename, data in parts:
        told = f'; filename="{filename}"' if filename is not None else ""
        head = f'--{boundary}{end}Content-Disposition: form-data; name="{name}"{told}{end}{end}'
        body += head.encode() + data + end.encode()
    return body + f"--{boundary}--{end}".encode()


@dataclass
class Person:
    """A member of a space: ``key`` is bound to no space, ``http`` acts in the one of the test."""

    email: str
    password: str
    token: str
    number: int
    http: httpx.Client

    def temporary(self, data: bytes = b"hello", name: str = "note.txt", **headers: str) -> Json:
        """Send a temporary file and return its ``data.file``."""
        headers["Content-Disposition"] = f'attachment; filename="{name}"'
        return file_of(self.http.post("/api/file", content=data, headers=headers), 201)


@dataclass
class Space:
    """A space with an admin's key that is bound to it."""

    url: str
    port: int
    short: str
    key: str
    http: httpx.Client
    server: RunningServer
    catalog: str = ""

    @property
    def office(self) -> Office:
        """An administrator who makes families and the like."""
        return Office(self.server, self.short, self.key, self.catalog)

    def document(self, family: str = "CONTRACT", **values: Any) -> Json:
        """Make a document and return ``data.document``."""
        attributes = {name: spelled(value) for name, value in values.items()}
        got = self.http.post(f"/api/families/{family}", json={"attributes": attributes})
        return good(got, 201)["document"]

    def number(self, family: str = "CONTRACT", **values: Any) -> int:
        """Make a document and return its number."""
        return int(self.document(family, **values)["properties"]["id"])

    def native(self, method: str, path: str, status: int = 200, **options: Any) -> Any:
        """Ask the native door and return its JSON."""
        got = self.http.request(method, f"/consigne/v1{path}", **options)
        assert got.status_code == status, f"{method} {path}: {got.text}"
        return got.json() if got.content else None

    @property
    def usage(self) -> tuple[int, int]:
        """Return the bytes (used, reserved) of the space."""
        got = self.native("GET", f"/spaces/{self.short}/usage")
        return got["used"], got["reserved"]

    def files(self, *states: str) -> list[Json]:
        """Return the files in these states as an admin sees them."""
        wanted = ",".join(states or ("held", "kept"))
        return self.native("GET", "/files", params={"state": wanted, "limit": 1000})["files"]

    def member(self, role: str = "writer") -> Person:
        """Make a person who is a member here and return him."""
        operator = client(self.url, KEY)
        email, password = f"u{secrets.token_hex(6)}@example.org", "a password for tests"
        account = {"email": email, "password": password}
        made = operator.post("/consigne/v1/users", json=account)
        assert made.status_code == 201, made.text
        place = f"/consigne/v1/spaces/{self.short}/members/{email}"
        assert operator.put(place, json={"role": role}).status_code == 200
        login = {"login": email, "password": password}
        session = httpx.post(f"{self.url}/consigne/v1/session", json=login).json()
        http = client(self.url, session["token"], **{"X-Consigne-Space": self.short})
        return Person(email, password, session["token"], made.json()["id"], http)

    def raw(self, method: str, path: str, body: bytes, length: int, *headers: str) -> socket.socket:
        """Send the head of a request and a body that may be short; return the connection."""
        head = [f"{method} {path} HTTP/1.1", "Host: localhost", f"Authorization: Bearer {self.key}"]
        head += [f"Content-Length: {length}", *headers]
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=10)
        connection.sendall("\r\n".join([*head, "", ""]).encode() + body)
        return connection


def found_space(server: RunningServer, quota: int | None = None, catalog: str = "") -> Space:
    """Make a space and an admin's key that is bound to it; ``catalog``: where rows are."""
    operator, short = client(server.url, KEY), f"d{secrets.token_hex(6)}"
    made = operator.post("/consigne/v1/spaces", json={"short": short, "quota": quota})
    assert made.status_code == 201, made.text
    key = operator.post("/consigne/v1/keys", json={"name": short, "space": short}).json()["key"]
    port = urlsplit(server.url).port or 80
    return Space(server.url, port, short, key, client(server.url, key), server, catalog)


def spelled(value: Any) -> Any:
    """Return a value as requests spell it."""
    if isinstance(value, list):
        return [{"value": each} for each in value]
    return {"value": value}


def docx() -> bytes:
    """Return a zip that looks like a text document."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("word/document.xml", "<w/>")
    return out.getvalue()
