"""A person who speaks tus 1.0, header by header."""

import base64
from collections.abc import Iterable
from typing import Any

import httpx
from tests.appmixer.support import Person

from consigne.model.identity import Kind, from_uuid

BODY = "application/offset+octet-stream"


def b64(data: bytes | str) -> str:
    return base64.b64encode(data.encode() if isinstance(data, str) else data).decode()


def metadata(**pairs: str) -> str:
    """Return the value of ``Upload-Metadata``."""
    return ",".join(f"{key} {b64(value)}".strip() for key, value in pairs.items())


class Tus:
    """Requests of the protocol, in the name of a person."""

    def __init__(self, person: Person) -> None:
        self.person = person
        self.space = person.space
        self.token = person.token
        self.http = httpx.Client(base_url=person.space.server.url, timeout=60)
        self.http.headers["Authorization"] = f"Bearer {person.token}"
        self.http.headers["Tus-Resumable"] = "1.0.0"

    def create(self, length: object = None, body: Any = None, **headers: str) -> httpx.Response:
        """Send a creation; underscores in header names are hyphens."""
        sent = _sent(headers) | ({} if length is None else {"Upload-Length": str(length)})
        if body is not None:
            sent.setdefault("Content-Type", BODY)
        return self.http.post("/tus", content=body, headers=sent)

    def begin(self, length: object = None, body: Any = None, **headers: str) -> str:
        """Create an upload and return its URL."""
        made = self.create(length, body, **headers)
        assert made.status_code == 201, made.text
        return made.headers["location"]

    def patch(self, url: str, offset: object, body: Any, **headers: str) -> httpx.Response:
        sent = {"Content-Type": BODY, "Upload-Offset": str(offset)} | _sent(headers)
        return self.http.patch(url, content=body, headers=sent)

    def head(self, url: str) -> httpx.Response:
        return self.http.head(url)

    def offset(self, url: str) -> int:
        answer = self.head(url)
        assert answer.status_code == 200, answer
        return int(answer.headers["upload-offset"])

    def delete(self, url: str) -> httpx.Response:
        return self.http.delete(url)

    def join(self, urls: Iterable[str], **headers: str) -> httpx.Response:
        return self.create(Upload_Concat=f"final;{' '.join(urls)}", **headers)

    def file(self, answer: httpx.Response) -> dict[str, Any]:
        """Return the native document of the file that an answer names."""
        assert answer.is_success, f"{answer.status_code} {answer.text}"
        number = answer.headers["x-consigne-file"]
        found = self.http.get(f"/consigne/v1/files/{number}")
        assert found.status_code == 200, found.text
        return found.json()  # type: ignore[no-any-return]

    def content(self, answer: httpx.Response) -> bytes:
        """Return the bytes of the file that an answer names."""
        number = answer.headers["x-consigne-file"]
        found = self.http.get(f"/consigne/v1/files/{number}/content")
        assert found.status_code == 200, found.text
        return found.content

    def received(self, url: str) -> int:
        """Return what the catalog says of an upload, without asking the server."""
        number = from_uuid(Kind.FILE, url.rpartition("/")[2])
        with self.space.catalog() as db:
            row = db.execute("SELECT received FROM upload WHERE file_id = ?", (number,)).fetchone()
        return int(row[0])


def refused(answer: httpx.Response, status: int, code: str = "") -> httpx.Response:
    """Check that an answer is this refusal, in the protocol's frame."""
    assert answer.status_code == status, f"{answer.status_code} {answer.text}"
    assert answer.headers["tus-resumable"] == "1.0.0"
    if code:
        assert answer.json()["code"] == code
    return answer


def _sent(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}
