"""A space and people of the test's own on a running server, and a client that speaks the dialect.

Administration goes through the native API, as in real life. What has no route yet (links, years,
times long past) is written into the catalog's file.
"""

import hashlib
import itertools
import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx
import psycopg

from consigne.model.identity import Kind, from_uuid
from tests.parts.server import KEY, RunningServer

PASSWORD = "a password of ten words or so"
UNKNOWN = "3c9f41d2-7b0e-4a68-9d15-e2a6c07f83b4"  # a UUID, and none of ours
_numbers = itertools.count(os.getpid() * 100_000)


class Space:
    """A fresh space on a server, and the means to change it from outside."""

    def __init__(self, server: RunningServer, quota: int | None = None) -> None:
        self.server = server
        self.short = f"space-{next(_numbers)}-{server.port}"
        self.admin = server.client()
        wish = {"short": self.short} | ({} if quota is None else {"quota": quota})
        made = self.admin.post("/consigne/v1/spaces", json=wish)
        assert made.status_code == 201, made.text
        self.id: int = made.json()["id"]

    def person(self, role: str = "writer", name: str = "person") -> "Person":
        """Return a new user with this role, whose home is here, logged in."""
        username = f"{name}-{next(_numbers)}-{self.server.port}"
        email = f"{username}@example.org"
        wish = {"email": email, "username": username, "password": PASSWORD, "home": self.short}
        made = self.admin.post("/consigne/v1/users", json=wish)
        assert made.status_code == 201, made.text
        self.welcome(email, role)
        return Person(self, email, username)

    def welcome(self, login: str, role: str) -> None:
        """Give a user a role here."""
        path = f"/consigne/v1/spaces/{self.short}/members/{login}"
        assert self.admin.put(path, json={"role": role}).status_code == 200

    def change(self, **wishes: Any) -> None:
        """Change name, quota, sign-up or hosts of the space."""
        done = self.admin.patch(f"/consigne/v1/spaces/{self.short}", json=wishes)
        assert done.status_code == 200, done.text

    def usage(self) -> tuple[int, int]:
        """Return the bytes used and the bytes reserved."""
        found = self.admin.get(f"/consigne/v1/spaces/{self.short}/usage").json()
        return found["used"], found["reserved"]

    def traces(self) -> tuple[int, ...]:
        """Count what requests leave in the space: bytes charged and reserved, rows, stages."""
        with self.catalog() as db:
            tables = ("file", "upload", "content")
            count = "SELECT count(*) FROM {} WHERE space_id = ?"
            rows = [db.execute(count.format(name), (self.id,)).fetchone()[0] for name in tables]
        staged = list((self.server.data / "blobs" / "staging").glob("*"))
        return (*self.usage(), *rows, len(staged))

    @contextmanager
    def catalog(self) -> Iterator[Any]:
        """Open the catalog's database, beside the server; a question mark stands for a value."""
        if url := self.server.env.get("CONSIGNE_CATALOG"):
            with psycopg.connect(url) as connection:
                yield _Postgres(connection)
            return
        db = sqlite3.connect(self.server.data / "catalog.db", timeout=15)
        try:
            with db:
                yield db
        finally:
            db.close()

    def write_file(self, file_id: str, **columns: Any) -> None:
        """Change columns of a file's row."""
        number = from_uuid(Kind.FILE, file_id)
        sets = ", ".join(f"{name} = ?" for name in columns)
        with self.catalog() as db:
            done = db.execute(f"UPDATE file SET {sets} WHERE id = ?", (*columns.values(), number))
            assert done.rowcount == 1

    def source(self, person: "Person", name: str = "component.js") -> str:
        """Store a component's source through the native API; return its id (AM-22)."""
        done = person.http.post(
            "/consigne/v1/files",
            params={"name": name, "source": "true", "meta.vendor": "acme"},
            content=b"module.exports = {}",
        )
        assert done.status_code == 201, done.text
        return str(done.json()["id"])


class _Postgres:
    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection

    def execute(self, sql: str, values: Any = ()) -> Any:
        return self._connection.execute(sql.replace("?", "%s").encode(), values)


class Person:
    """A user with a token."""

    def __init__(self, space: Space, email: str, username: str) -> None:
        self.space = space
        self.email = email
        self.username = username
        self.http = httpx.Client(base_url=space.server.url, timeout=60)
        login = self.http.post("/user/auth", json={"email": email, "password": PASSWORD})
        assert login.status_code == 200, login.text
        self.id: str = login.json()["user"]["id"]
        self.token: str = login.json()["token"]
        self.http.headers["Authorization"] = f"Bearer {self.token}"

    def post(
        self,
        data: Any,
        file_id: object = None,
        number: object = None,
        total: object = None,
        *,
        name: str | None = "plan.bin",
        media_type: str | None = None,
        **headers: str,
    ) -> httpx.Response:
        """Send one chunk or file; ``name`` and ``media_type`` are those of the part."""
        sent = {key.replace("_", "-"): value for key, value in headers.items()}
        for key, value in (
            ("uploader-file-id", file_id),
            ("uploader-chunk-number", number),
            ("uploader-chunks-total", total),
        ):
            if value is not None:
                sent[key] = str(value)
        part = (name, data) if media_type is None else (name, data, media_type)
        return self.http.post("/files", files={"file": part}, headers=sent)

    def keep(self, data: bytes, name: str = "plan.bin", **more: Any) -> dict[str, Any]:
        """Send a whole file and return its JSON."""
        return ok(self.post(data, total=1, name=name, **more))

    def begin(self, data: bytes, total: int = 3, name: str = "plan.bin") -> str:
        """Send the first chunk of a file and return its id."""
        return str(ok(self.post(data, None, 1, total, name=name))["fileId"])

    def files(self, query: str = "") -> list[dict[str, Any]]:
        """Return the files of a list; ``query`` goes as it stands behind the question mark."""
        return ok(self.http.get(f"/files?{query}" if query else "/files"))  # type: ignore[no-any-return]

    def names(self, query: str = "") -> list[str]:
        return [file["filename"] for file in self.files(query)]

    def count(self, query: str = "") -> int:
        return int(ok(self.http.get(f"/files/count?{query}"))["count"])

    def metadata(self, file_id: str) -> dict[str, Any]:
        return ok(self.http.get(f"/files/metadata/{file_id}"))  # type: ignore[no-any-return]

    def content(self, file_id: str) -> bytes:
        answer = self.http.get(f"/files/{file_id}")
        assert answer.status_code == 200, answer.text
        return answer.content


def ok(answer: httpx.Response) -> Any:
    """Return the JSON of an answer that must be a success."""
    assert answer.status_code == 200, f"{answer.status_code} {answer.text}"
    return answer.json()


def refused(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """Check that an answer is this refusal in Boom's shape (AM-34); return its details."""
    body = answer.json()
    assert (answer.status_code, body.get("details", {}).get("code")) == (status, code), answer.text
    assert set(body) == {"statusCode", "error", "message", "details"}
    assert body["statusCode"] == status
    assert body["error"]
    assert body["message"]
    return dict(body["details"])


def md5(data: bytes) -> str:
    return hashlib.md5(data).hexdigest()


def form(*parts: tuple[str, bytes], boundary: str = "----edge") -> tuple[bytes, Mapping[str, str]]:
    """Return a multipart body made by hand, from (headers of the part, its bytes), and its type."""
    pieces = [f"--{boundary}\r\n{head}\r\n\r\n".encode() + data + b"\r\n" for head, data in parts]
    body = b"".join(pieces) + f"--{boundary}--\r\n".encode()
    return body, {"Content-Type": f"multipart/form-data; boundary={boundary}"}


def file_part(name: str = "plan.bin", more: str = "") -> str:
    """Return the headers of a part named ``file``."""
    return f'Content-Disposition: form-data; name="file"; filename="{name}"{more}'


def bearer(token: str = KEY) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}
