"""Text of documents through the Arrhes door: pages, credits, waiting or not."""

import time

import httpx
from arrhes_support import Json, Year, found_organization, good, refused
from tests.parts.papers import encrypted_pdf, text_pdf
from tests.parts.server import ServerStarter

PAGES = ["Facture FA-118", "Page deux", "Total 120,00 EUR"]


def read(year: Year, file: str) -> httpx.Response:
    """Ask for the text, once the worker is up."""
    deadline = time.monotonic() + 30
    while True:
        got = year.post(file, "ocr")
        if got.status_code != 503 or time.monotonic() > deadline:
            return got
        time.sleep(0.1)


def credits(year: Year) -> int:
    left: int = year.organization.document()["ocrPagesTotalLeft"]
    return left


def test_three_pages_with_three_credits(start_server: ServerStarter) -> None:
    """AR-09, AR-20, AR-22: a Markdown file beside its source; repeated free; then 429."""
    server = start_server(env={"CONSIGNE_OCR_CREDITS": "3"})
    year = found_organization(server).year()
    folder = year.folder()
    source = year.store(text_pdf(PAGES), "facture.pdf", "image/png", idFolder=folder)
    answer = good(read(year, source["id"]))
    assert list(answer) == ["file"]
    made: Json = answer["file"]
    assert (made["name"], made["type"]) == ("facture.md", "text/markdown")
    assert (made["idFileParent"], made["idFolder"]) == (source["id"], folder)
    assert made["idYear"] == year.id
    text = year.fetch(made["id"]).text
    assert text.count("\n\n---\n\n") == 2
    assert "FA-118" in text
    assert credits(year) == 0
    assert year.organization.usage == source["size"] + made["size"]
    assert good(read(year, source["id"]))["file"] == made
    other = year.store(text_pdf(["autre"]), "autre.pdf")
    body = refused(read(year, other["id"]), 429, "ocr_pages")
    assert body["message"] == "Crédit de pages OCR insuffisant"
    assert len(year.files()) == 3
    good(year.http.delete(f"{year.path}/files/{source['id']}"))
    assert year.file(made["id"])["idFileParent"] is None


def test_respond_async(start_server: ServerStarter) -> None:
    """AR-21: 202 with a job, its place, and polling until the file is there; strangers see 404."""
    server = start_server()
    year = found_organization(server).year("/v1")
    source = year.store(text_pdf(PAGES), "facture.pdf")
    good(read(year, year.store(text_pdf(["vite"]), "vite.pdf")["id"]))
    path = f"{year.path}/files/{source['id']}/ocr"
    got = year.http.post(path, headers={"Prefer": "respond-async, wait=1"})
    assert got.status_code == 202, got.text
    assert got.headers["preference-applied"] == "respond-async"
    job = got.json()["job"]
    assert list(job) == [
        "id", "idFile", "state", "pages", "createdAt", "endedAt", "error", "file",
    ]  # fmt: skip
    assert (job["idFile"], job["pages"]) == (source["id"], 3)
    assert got.headers["location"] == f"{path}/{job['id']}"
    deadline = time.monotonic() + 60
    while job["state"] != "done":
        assert job["state"] in ("queued", "running"), job
        assert time.monotonic() < deadline
        time.sleep(0.1)
        job = good(year.http.get(got.headers["location"]))["job"]
    assert job["endedAt"] is not None
    assert year.file(job["file"]["id"]) == job["file"]
    other = year.entry()["id"]
    refused(year.http.get(f"{year.path}/files/{other}/ocr/{job['id']}"), 404, "file_not_found")
    stranger = found_organization(server)
    refused(stranger.http.get(got.headers["location"]), 404, "organization_not_found")


def test_what_cannot_be_read(start_server: ServerStarter) -> None:
    """AR-20, AR-22: by detected type, in French, credits untouched; without a worker 503."""
    server = start_server()
    year = found_organization(server).year()
    text = year.store(b"plain text", "a.pdf", "application/pdf")["id"]
    body = refused(read(year, text), 400, "ocr_type")
    assert body["message"] == "Document non lisible par l'OCR"
    locked = year.store(encrypted_pdf(), "locked.pdf")["id"]
    refused(read(year, locked), 400, "ocr_unreadable")
    assert credits(year) == 100
    refused(year.post(year.entry()["id"], "ocr"), 400, "no_content")


def test_no_worker(start_server: ServerStarter) -> None:
    """AR-22: no engine: 503 ocr_unavailable, nothing reserved."""
    server = start_server(env={"CONSIGNE_WORKER": "0"})
    year = found_organization(server).year()
    source = year.store(text_pdf(PAGES), "facture.pdf")
    body = refused(year.post(source["id"], "ocr"), 503, "ocr_unavailable")
    assert body["message"] == "Service indisponible"
    assert credits(year) == 100
