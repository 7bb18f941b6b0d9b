"""The records area: types, the table of a type, one record with values, files and revisions."""

import re
from typing import Any

from console_support import PASSWORD, Visits, bearer, person
from native_support import Client, Space
from playwright.sync_api import Page, expect
from tests.parts.papers import text_pdf

HTML = '<img src=x onerror="alert(1)">'
CONTRACT = {
    "name": "CONTRACT",
    "label": f"Contract {HTML}",
    "attributes": [
        {"id": "ct_title", "type": "text", "label": "Title", "needed": True, "in_title": True},
        {"id": "ct_done", "type": "boolean", "label": "Done"},
        {"id": "ct_when", "type": "timestamp", "label": "Signed on"},
        {"id": "ct_amount", "type": "double", "label": "Amount"},
        {
            "id": "ct_state",
            "type": "list",
            "label": "State",
            "options": [{"id": "o", "name": f"Open {HTML}"}],
        },
        {"id": "ct_scan", "type": "file", "label": "Scan", "accept": ["application/pdf"]},
        {"id": "ct_notes", "type": "file", "label": f"Notes {HTML}", "multiple": True},
    ],
}


def make(api: Client, title: str, **more: Any) -> Any:
    values = {"ct_title": title, **more}
    return api.ok("POST", "/records", 201, json={"type": "contract", "values": values})


def give(page: Page, label: str, name: str, body: bytes, kind: str = "application/pdf") -> None:
    file: Any = {"name": name, "mimeType": kind, "buffer": body}
    page.get_by_label(label).set_input_files(file)


def test_a_record_is_found_and_gets_files(visit: Visits, space: Space, ines: str) -> None:
    """Types, sort, search, values; a file added, refused, looked at, replaced, taken out."""
    space.admin.ok("POST", "/types", 201, json=CONTRACT)
    api = bearer(space, ines)
    for title in ("Dupont", "Durand", f"Martin {HTML}"):
        record = make(
            api, title, ct_done=True, ct_when=1777615200, ct_amount=1240.5, ct_state=["o"]
        )
    someone = visit()
    page = someone.enter(ines, PASSWORD, f"/console/{space.short}/records")
    expect(page.get_by_role("heading", name="Records")).to_be_visible()
    someone.check("record-types")
    page.get_by_role("link", name="Contract").click()
    rows = page.get_by_role("grid").get_by_role("row")
    expect(rows).to_have_count(4)
    expect(rows.nth(1)).to_contain_text("Martin <img")
    page.get_by_role("button", name="Title").click()
    expect(rows.nth(1)).to_contain_text("Dupont")
    someone.check("records")
    page.get_by_label("Title begins with").fill("DU")
    expect(rows).to_have_count(3)
    expect(page.get_by_text("2 records")).to_be_visible()
    page.get_by_label("Title begins with").fill("nobody")
    expect(page.get_by_role("heading", name="No title begins like this")).to_be_visible()
    page.get_by_label("Title begins with").fill("mart")
    rows.nth(1).click()

    expect(page.get_by_role("heading", level=1, name="Martin")).to_be_visible()
    expect(page.get_by_role("definition").filter(has_text="1,240.5")).to_be_visible()
    expect(page.get_by_role("definition").filter(has_text="Open <img")).to_be_visible()
    scan = page.get_by_role("region", name="Scan")
    give(page, "Add a file to Scan", "notes.txt", b"no PDF", "text/plain")
    expect(scan.get_by_role("alert")).to_contain_text("not accepted here")
    assert api.ok("GET", "/files/count", params={"state": "kept,held"}) == {"count": 0}
    give(page, "Add a file to Scan", "scan.pdf", text_pdf(["Signed by Martin"]))
    expect(scan.get_by_text("scan.pdf")).to_be_visible()
    expect(scan.get_by_role("alert")).to_have_count(0)
    for name in ("one <img src=x>.txt", "two.txt"):
        give(page, "Add a file to Notes", name, name.encode(), "text/plain")
        expect(page.get_by_role("region", name="Notes").get_by_text(name)).to_be_visible()
    someone.check("record")

    page.get_by_role("button", name="Actions", exact=True).click()
    page.get_by_role("menuitem", name="Freeze a revision").click()
    expect(page.get_by_role("link", name="Revision")).to_be_visible()
    with page.expect_file_chooser() as coming:
        scan.get_by_role("button", name="Actions for scan.pdf").click()
        page.get_by_role("menuitem", name="Replace").click()
    later = text_pdf(["Signed by both"])
    file: Any = {"name": "later.pdf", "mimeType": "application/pdf", "buffer": later}
    coming.value.set_files(file)
    expect(scan.get_by_text("Version 2")).to_be_visible()
    with page.expect_download() as saved:
        scan.get_by_role("link", name="Download scan.pdf").click()
    assert saved.value.path().read_bytes() == later
    scan.get_by_role("button", name="Actions for scan.pdf").click()
    page.get_by_role("menuitem", name="Look at it").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.locator(".preview img")).to_be_visible()
    expect(dialog.locator(".preview-wait")).to_have_count(0)
    someone.check("record-preview")
    page.keyboard.press("Escape")

    page.get_by_role("link", name="Revision").click()
    expect(page.get_by_text("Nothing of it can be changed")).to_be_visible()
    expect(scan.get_by_text("Version 1")).to_be_visible()
    expect(page.get_by_role("button", name="Add a file")).to_have_count(0)
    with page.expect_download() as saved:
        scan.get_by_role("link", name="Download scan.pdf").click()
    assert saved.value.path().read_bytes() == text_pdf(["Signed by Martin"])
    someone.check("record-frozen")
    page.get_by_role("link", name="Present state").click()
    page.get_by_role("button", name="Actions for two.txt").click()
    page.get_by_role("menuitem", name="Take it out …").click()
    dialog.get_by_role("button", name="Take it out").click()
    expect(page.get_by_text("two.txt")).to_have_count(0)
    now = api.ok("GET", f"/records/{record['id']}")
    assert [each and each["name"] for each in now["files"]["ct_notes"]] == ["one <img src=x>.txt"]
    page.goto(f"/console/{space.short}/files?file={now['files']['ct_scan']['file']}")
    page.get_by_role("complementary", name="Details").get_by_role(
        "link", name="Martin"
    ).first.click()
    expect(page.get_by_role("heading", level=1, name="Martin")).to_be_visible()


def test_a_record_is_locked_deleted_and_restored(visit: Visits, space: Space, ines: str) -> None:
    """In French, dark, on a phone; who may only read can change nothing."""
    space.admin.ok("POST", "/types", 201, json=CONTRACT)
    api = bearer(space, ines)
    record = make(api, f"Dupont {HTML}")
    path = f"/console/{space.short}/records/CONTRACT"
    someone = visit(locale="fr-FR", color_scheme="dark", viewport={"width": 360, "height": 740})
    page = someone.enter(ines, PASSWORD, f"{path}/{record['id']}")
    for name in ("Verrouiller", "Déverrouiller", "Supprimer"):
        page.get_by_role("button", name="Actions", exact=True).click()
        page.get_by_role("menuitem", name=name, exact=True).click()
        locked = page.get_by_role("main").get_by_text("Verrouillée", exact=True)
        expect(locked).to_have_count(1 if name == "Verrouiller" else 0)
    expect(page.get_by_role("main").get_by_text("À la corbeille", exact=True)).to_be_visible()
    someone.check("record-fr-phone")
    page.goto(f"{path}?state=trashed")
    row = page.get_by_role("row", name=re.compile("Dupont"))
    expect(row).to_be_visible()
    someone.check("records-fr-phone")
    row.click()
    page.get_by_role("button", name="Actions", exact=True).click()
    page.get_by_role("menuitem", name="Restaurer").click()
    expect(page.get_by_role("main").get_by_text("À la corbeille", exact=True)).to_have_count(0)
    assert api.ok("GET", f"/records/{record['id']}")["state"] == "live"

    reader = visit()
    page = reader.enter(person(space, "rita", "reader"), PASSWORD, f"{path}/{record['id']}")
    expect(page.get_by_role("heading", level=1, name="Dupont")).to_be_visible()
    expect(page.get_by_role("button", name="Add a file")).to_have_count(0)
    page.get_by_role("button", name="Actions", exact=True).click()
    expect(page.get_by_role("menuitem", name="Delete")).to_be_disabled()
    page.goto(f"{path}/00000000-0000-4000-8000-000000000000")
    expect(page.get_by_role("alert")).to_contain_text("no longer there")
