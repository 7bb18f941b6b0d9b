"""Electronic invoices through a real server: the way of a PDF from upload to search."""

import sys
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.parts.einvoices import Invoice, pdf_with
from tests.parts.papers import INVOICE, text_pdf
from tests.parts.server import KEY, RunningServer

sys.path.append(str(Path(__file__).parents[1] / "native"))

from native_support import Client, Space, make_space

ONE = Invoice()


@pytest.fixture(scope="module")
def space(server: RunningServer) -> Space:
    return make_space(server.url, KEY)


def until_known(client: Client, file: str, name: str) -> dict[str, str]:
    """Wait until a file has a metadata field; return all of them."""
    deadline = time.monotonic() + 60
    while True:
        meta: dict[str, str] = client.ok("GET", f"/files/{file}")["meta"]
        if name in meta:
            return meta
        assert time.monotonic() < deadline, meta
        time.sleep(0.1)


def find(client: Client, *filters: str) -> list[Any]:
    answer = client.ok("GET", "/files", params=[("filter", each) for each in filters])
    return [each["id"] for each in answer["files"]]


def invoice(client: Client, file: str, **options: Any) -> httpx.Response:
    """Ask for the XML, again where the machine is too busy to have it in time."""
    for _ in range(10):
        got = client.call("GET", f"/files/{file}/invoice", **options)
        if got.status_code != 503:
            return got
        time.sleep(1)
    return got


def test_the_way_of_an_invoice(space: Space) -> None:
    """C-55, C-50: uploaded, recognised by itself, found, and its XML fetched as it is."""
    api = space.admin
    params = {"name": "facture.pdf", "meta.mine": "1"}
    file = api.upload(ONE.pdf, params=params)["id"]
    plain = api.upload(text_pdf([INVOICE]), params={"name": "sans.pdf"})["id"]
    meta = until_known(api, file, "invoice.number")
    assert meta["mine"] == "1"
    assert meta["invoice.gross"] == "541.56"
    assert find(api, "meta.invoice.number=FA-2026-0118") == [file]
    assert find(api, "meta.invoice.seller~dupont", "meta.invoice.date>=2026-02-01") == [file]
    assert find(api, "meta.invoice.buyer~équipement") == [file]
    got = invoice(api, file)
    assert (got.status_code, got.content) == (200, ONE.xml)
    assert got.headers["content-type"] == "application/xml"
    assert got.headers["content-disposition"] == 'attachment; filename="facture.xml"'
    assert got.headers["content-security-policy"].startswith("sandbox")
    assert got.headers["x-content-type-options"] == "nosniff"
    assert got.headers["cache-control"] == "private, no-cache"
    tag = {"If-None-Match": got.headers["etag"]}
    assert invoice(api, file, headers=tag).status_code == 304
    none = invoice(api, plain)
    assert (none.status_code, none.json()["code"]) == (404, "field_not_found")
    events = api.ok("GET", f"/files/{file}/history")["events"]
    assert "file.recognised" in [each["action"] for each in events]


def test_damaged(space: Space) -> None:
    """Damaged XML is said in the metadata and can still be fetched."""
    data = ONE.xml[:-300]
    file = space.admin.upload(pdf_with({"factur-x.xml": data}), params={"name": "d.pdf"})["id"]
    meta = until_known(space.admin, file, "invoice.error")
    assert meta["invoice.error"].startswith("The XML is not well-formed")
    assert "invoice.number" not in meta
    assert invoice(space.admin, file).content == data
    assert file in find(space.admin, "meta.invoice.error~well-formed")


def test_changing_metadata(space: Space) -> None:
    """What was found stays when people write theirs, and comes back when they take theirs away."""
    api = space.admin
    file = api.upload(Invoice(number="FA-9").pdf, params={"name": "e.pdf"})["id"]
    meta = until_known(api, file, "invoice.number")
    mine = meta | {"invoice.number": "corrected", "note": "paid"}
    assert api.ok("PATCH", f"/files/{file}", json={"meta": mine})["meta"] == mine
    assert find(api, "meta.invoice.number=corrected") == [file]
    assert api.ok("PATCH", f"/files/{file}", json={"meta": {}})["meta"] == meta


def test_who_may(server: RunningServer, space: Space) -> None:
    """C-01: another space's key finds nothing; a bad version and id are refused."""
    file = space.admin.upload(ONE.pdf)["id"]
    stranger = make_space(server.url, KEY).admin
    assert invoice(stranger, file).status_code == 404
    assert invoice(space.admin, file, params={"version": "x"}).status_code == 400
    assert invoice(space.admin, file, params={"version": "7"}).status_code == 404
    assert invoice(space.admin, "nothing").status_code == 404
    assert invoice(Client(server.url), file).status_code == 401
