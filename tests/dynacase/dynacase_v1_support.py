"""What answers of level 2 must be, and what its tests send."""

import io
import time
from typing import Any

import httpx
from dynacase_support import CODES, Json, Person, Space, multipart_body
from PIL import Image

V1 = "/api/v1"
TEMPORARY_KEYS = [
    "id", "mime", "size", "thumbnailUrl", "reference", "cdate", "downloadUrl", "iconUrl",
    "fileName",
]  # fmt: skip
VALUE_KEYS = ["size", "creationDate", "fileName", "url", "mime", "icon", "value", "displayValue"]
FORM = {"Content-Type": "multipart/form-data; boundary=frontiere"}
RED, BLUE = (200, 30, 30), (30, 30, 200)


def good(got: httpx.Response, status: int = 200) -> Any:
    """Return the data of an answer that must have this status (DY-71)."""
    assert got.status_code == status, f"{got.request.method} {got.request.url}: {got.text}"
    assert got.headers["content-type"] == "application/json"
    body = got.json()
    assert list(body) == ["success", "messages", "data"]
    assert body["success"] is True
    assert all(value not in (None, "") for told in body["messages"] for value in told.values())
    return body["data"]


def refused(got: httpx.Response, status: int, code: str, text: str | None = None) -> Json:
    """Check a refusal as an envelope and return its one message (DY-71, DY-83)."""
    assert got.status_code == status, f"{got.request.method} {got.request.url}: {got.text}"
    body = got.json()
    assert list(body) == ["success", "messages", "data", "exceptionMessage"]
    assert (body["success"], body["data"]) == (False, None)
    (message,) = body["messages"]
    assert message["type"] == "error"
    assert message.get("code", "") == code, got.text
    assert message.get("uri", "") == (f"{CODES}/{code}.html" if code else "")
    assert all(value not in (None, "") for value in message.values())
    assert body["exceptionMessage"] == message["contentText"]
    if text is not None:
        assert message["contentText"] == text
    return message


def told(got: httpx.Response, status: int, line: str) -> None:
    """Check a refusal on the path of a file: a line of plain text (DY-71)."""
    assert (got.status_code, got.text) == (status, f"{line}\n")
    assert got.headers["content-type"] == "text/plain; charset=utf-8"


def sent(http: httpx.Client, data: bytes = b"hello", name: str = "note.txt") -> Json:
    """Send a temporary file and return its ``data.file``."""
    body = multipart_body(("f", name, data))
    got = http.post(f"{V1}/temporaryFiles/", content=body, headers=FORM)
    data_of = good(got, 201)
    assert list(data_of) == ["file"]
    file: Json = data_of["file"]
    assert list(file) == TEMPORARY_KEYS
    assert all(isinstance(value, str) for value in file.values())
    return file


def saved(http: httpx.Client, family: str = "CONTRACT", **values: Any) -> Json:
    """Make a document at level 2 and return ``data.document``."""
    body = {"document": {"attributes": {name: _spelled(value) for name, value in values.items()}}}
    got = http.post(f"{V1}/families/{family}/documents/", json=body)
    document: Json = good(got, 201)["document"]
    return document


def number_of(document: Json) -> int:
    number: int = document["properties"]["id"]
    return number


def holding(http: httpx.Client, field: str, *files: tuple[bytes, str], many: bool = False) -> int:
    """Make a document with files in an attribute; return its number."""
    references = [sent(http, data, name)["reference"] for data, name in files]
    return number_of(saved(http, **{field: references if many else references[0]}))


def _spelled(value: Any) -> Any:
    if isinstance(value, list):
        return [{"value": each} for each in value]
    return {"value": value}


def flag(width: int = 600, height: int = 336, left: tuple[int, int, int] = RED) -> bytes:
    """Return a PNG with a coloured left half and a blue right half."""
    image = Image.new("RGB", (width, height), left)
    image.paste(BLUE, (width // 2, 0, width, height))
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def opened(got: httpx.Response) -> Image.Image:
    """Return the picture of an answer."""
    assert got.status_code == 200, got.text
    image = Image.open(io.BytesIO(got.content))
    image.load()
    return image


def picture(http: httpx.Client, path: str, **headers: str) -> httpx.Response:
    """Ask for a picture, again where the machine is too busy to have it in time."""
    for _ in range(20):
        got = http.get(f"{V1}/{path}", headers=headers)
        if got.status_code != 503:
            break
        time.sleep(1)
    return got


def alone(space: Space, person: Person) -> httpx.Client:
    """Return a client of a person's that names no space."""
    return httpx.Client(
        base_url=space.url, headers={"Authorization": f"Bearer {person.token}"}, timeout=30
    )
