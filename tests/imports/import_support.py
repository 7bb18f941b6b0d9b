"""Imports through the Daxium dialect, as a client of it makes them, and without HTTP."""

import asyncio
import csv
import io
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
from tests.daxium.daxium_support import Instance, Json, Structure, good
from tests.parts.sites import Site, chunks

from consigne.core.access import Seat
from consigne.core.imports.desk import KIND, Shown
from consigne.core.records.change import Full
from consigne.core.records.specs import TypeSpec
from consigne.core.records.types import Typed
from consigne.jobs.fetching import Fetcher
from consigne.jobs.imports import ImportHandler
from consigne.jobs.queue import Queue
from consigne.jobs.worker import Worker
from consigne.model.imports import Mode
from consigne.model.records import Field, FieldKind, Option

FIELDS: list[Json] = [
    {"id": "title", "type": "text", "needed": True, "max": 200},
    {"id": "amount", "type": "double", "min": 0},
    {"id": "done", "type": "boolean"},
    {"id": "at", "type": "timestamp"},
    {
        "id": "state",
        "type": "list",
        "multiple": True,
        "options": [
            {"id": "1", "name": "Open", "external": "O"},
            {"id": "2", "name": "Closed", "external": "C"},
        ],
    },
    {"id": "photo", "type": "image", "multiple": True},
    {"id": "who", "type": "user"},
]
UNDER_WAY = ("pending", "running")


@dataclass
class Desk:
    """A structure, an admin who imports, and a person for ``userEmail``."""

    instance: Instance
    form: Structure
    email: str
    number: int

    @classmethod
    def open(cls, instance: Instance) -> "Desk":
        person = instance.person()
        return cls(instance, instance.structure(*FIELDS), person.email, person.number)

    @property
    def http(self) -> httpx.Client:
        return self.instance.admin

    def send(
        self, data: bytes | str, *, http: httpx.Client | None = None, **query: Any
    ) -> httpx.Response:
        """Send a CSV; ``headers`` and query parameters as given."""
        headers = {"Content-Type": "text/csv", **query.pop("headers", {})}
        params = {"structure_id": self.form.id, **query}
        path = f"{self.form.path}/import"
        content = data.encode() if isinstance(data, str) else data
        return (http or self.http).post(path, content=content, params=params, headers=headers)

    def name(self, uuid: str, **query: Any) -> httpx.Response:
        """Start the import of a file that was uploaded."""
        headers = query.pop("headers", {})
        params = {"structure_id": self.form.id, **query}
        path = f"{self.form.path}/import"
        return self.http.post(path, json={"file": uuid}, params=params, headers=headers)

    def worker(self, worker: str) -> Json:
        return good(self.http.get(f"{self.instance.path}/workers/{worker}"))

    def wait(self, worker: str, seconds: float = 60) -> Json:
        """Return a worker when it is over."""
        deadline = time.monotonic() + seconds
        while (told := self.worker(worker))["status"] in UNDER_WAY:
            assert time.monotonic() < deadline, told
            time.sleep(0.05)
        return told

    def run(self, data: bytes | str, **query: Any) -> Json:
        """Import a CSV; return the worker when it is over."""
        return self.wait(good(self.send(data, **query), 202)["worker_unique_id"])

    def errors(self, worker: str) -> httpx.Response:
        return self.http.get(f"{self.instance.path}/files/download_errors/{worker}")

    def refusals(self, data: bytes | str, **query: Any) -> list[tuple[str, str, list[str]]]:
        """Import a CSV; return (line, fields, codes) of the rows that were refused."""
        told = self.run(data, **query)
        if not told["has_errors"]:
            return []
        rows = cells(self.errors(told["worker_unique_id"]).content)
        return [(row["#line"], row["#field"], codes(row)) for row in rows]

    def submissions(self) -> list[Json]:
        got = self.http.get(self.form.path, params={"structure_id": self.form.id, "limit": 500})
        return good(got)["submissions"]


def cells(data: bytes, delimiter: str = ",") -> list[dict[str, str]]:
    """Return the rows of a CSV by the names in its header."""
    text = data.decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter))


def codes(row: dict[str, str]) -> list[str]:
    """Return the codes of an error row."""
    return [each.partition(":")[0] for each in row["#error"].split(" | ")]


# Without HTTP

PLAIN = [
    Field("title", FieldKind.TEXT, required=True, max=40),
    Field("amount", FieldKind.DOUBLE, min=0),
    Field("state", FieldKind.LIST, options=[Option("1", "Open")]),
    Field("photo", FieldKind.IMAGE, multiple=True),
    Field("scan", FieldKind.FILE),
]


async def new_form(site: Site, name: str = "FORM", **spec: Any) -> Typed:
    """Make a structure on a site."""
    spec.setdefault("fields", PLAIN)
    return await site.depot.types.create(site.manager, TypeSpec(name, dialect="daxium", **spec))


async def start(
    site: Site, typed: Typed, text: str, mode: Mode = Mode.UPSERT, seat: Seat | None = None
) -> Shown:
    """Start an import."""
    return await site.depot.imports.receive(
        seat or site.manager, typed.type.id, mode, chunks(text.encode())
    )


@asynccontextmanager
async def importing(
    site: Site, fetcher: Fetcher | None = None, lease: float = 5
) -> AsyncIterator[Worker]:
    """Run a worker for imports for the time of a block."""
    queue = Queue(site.depot.catalog, lease, first_pause=0.05)
    handler = ImportHandler(site.depot.importing, fetcher or Fetcher(site.settings))
    worker = Worker(queue, {KIND: handler}, poll=0.02, apart=(KIND,))
    await worker.start()
    try:
        yield worker
    finally:
        await worker.stop()


async def ended(site: Site, shown: Shown) -> Shown:
    """Return an import when it is over."""
    while not (now := await site.depot.imports.look(site.manager, shown.job.id)).job.is_over:  # noqa: ASYNC110
        await asyncio.sleep(0.02)
    return now


async def imported(site: Site, typed: Typed, text: str, **wishes: Any) -> Shown:
    """Import a text from its start to its end."""
    fetcher = wishes.pop("fetcher", None)
    shown = await start(site, typed, text, **wishes)
    async with importing(site, fetcher):
        return await ended(site, shown)


async def report(site: Site, shown: Shown, delimiter: str = ",") -> list[dict[str, str]]:
    """Return the rows of the error file."""
    reading = await site.depot.imports.error_file(site.manager, shown.job.id)
    data = b"".join([piece async for piece in reading.stream(0, reading.size)])
    return cells(data, delimiter)


async def all_of(site: Site, typed: Typed) -> list[Full]:
    """Return the records of a structure."""
    page = await site.depot.records.page(site.manager, typed.type.id, limit=500)
    return page.records
