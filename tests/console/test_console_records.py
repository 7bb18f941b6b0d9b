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
    rows.nth(1).dblclick()

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
    details = page.get_by_role("complementary", name="Details")
    expect(details.get_by_role("link", name=re.compile(r"revision \d"))).to_be_visible()
    details.get_by_role("link", name="Martin").click()
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
    row.get_by_role("link").click()
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


SURVEY = {
    "name": "SURVEY",
    "label": "Survey",
    "fields": [
        {"id": "su_who", "type": "frame", "label": "Who"},
        {"id": "su_name", "type": "text", "label": "Name", "needed": True, "in_title": True,
         "parent": "su_who", "max": 20},
        {"id": "su_mail", "type": "email", "label": "E-mail", "parent": "su_who"},
        {"id": "su_code", "type": "text", "label": "Code", "editable": False},
        {"id": "su_note", "type": "longtext", "label": "Note"},
        {"id": "su_count", "type": "int", "label": "Rooms", "min": 1, "max": 9},
        {"id": "su_price", "type": "double", "label": "Price"},
        {"id": "su_ok", "type": "boolean", "label": "Fine"},
        {"id": "su_day", "type": "date", "label": "Day"},
        {"id": "su_at", "type": "timestamp", "label": "Moment"},
        {"id": "su_long", "type": "duration", "label": "Duration"},
        {"id": "su_where", "type": "location", "label": "Place"},
        {"id": "su_kind", "type": "list", "label": "Kind", "options": ["a", "b"]},
        {"id": "su_tags", "type": "list", "label": "Marks", "multiple": True,
         "options": [{"id": "x", "name": f"Mark {HTML}"}, {"id": "y", "name": "Other"}]},
        {"id": "su_by", "type": "user", "label": "By"},
        {"id": "su_to", "type": "relation", "label": "Related", "multiple": True},
        {"id": "su_lines", "type": "text", "label": "Line", "multiple": True},
        {"id": "su_hidden", "type": "text", "label": "Secret", "visibility": "I"},
        {"id": "su_plan", "type": "file", "label": "Plan", "needed": True,
         "accept": ["application/pdf"]},
    ],
}  # fmt: skip


def test_a_record_is_made_and_changed(visit: Visits, space: Space, ines: str) -> None:
    """Every kind of value; refusals at their fields; files sent and chosen; two tabs."""
    space.admin.ok("POST", "/types", 201, json=CONTRACT)
    space.admin.ok("POST", "/types", 201, json=SURVEY)
    api = bearer(space, ines)
    other = make(api, "Dupont")
    api.upload(text_pdf(["Plan"]), params={"name": f"plan {HTML}.pdf"})
    me = api.ok("GET", "/me")["user"]["id"]
    someone = visit(timezone_id="Europe/Paris")
    page = someone.enter(ines, PASSWORD, f"/console/{space.short}/records/SURVEY")
    page.get_by_role("button", name="New record").click()
    expect(page.get_by_role("heading", name="New: Survey")).to_be_visible()
    assert page.get_by_label("Secret").count() == 0
    page.get_by_label("E-mail").fill("nobody")
    page.get_by_label("Rooms").fill("12")
    page.get_by_label("Price").fill("much")
    give(page, "Upload a file for Plan", "notes.txt", b"no PDF", "text/plain")
    expect(page.get_by_text("notes.txt")).to_be_visible()
    page.get_by_role("button", name="Make the record").click()
    expect(page.get_by_role("alert").filter(has_text="5 fields")).to_be_visible()
    name = page.get_by_label("Name (needed)")
    expect(name).to_be_focused()
    expect(name).to_have_accessible_description("Something is needed here.")
    expect(page.get_by_label("E-mail")).to_have_accessible_description(re.compile("e-mail address"))
    expect(page.get_by_label("Rooms")).to_have_accessible_description("At most 9.")
    expect(page.get_by_text("not accepted here, only: application/pdf")).to_be_visible()
    someone.check("record-refused")
    name.fill("Ann")
    page.get_by_label("E-mail").fill("ann@example.org")
    page.get_by_label("Code").fill("C1")
    page.get_by_label("Note", exact=True).fill("one\ntwo")
    page.get_by_label("Rooms").fill("3")
    page.get_by_label("Price").fill("1,5")
    page.get_by_label("Fine").select_option("yes")
    page.get_by_label("Day").fill("2026-02-28")
    page.get_by_label("Moment").fill("2026-05-01T08:20:30")
    page.get_by_label("Duration (seconds)").fill("90")
    page.get_by_label("Place: latitude").fill("48.5")
    page.get_by_label("Place: longitude").fill("2")
    page.get_by_label("Kind").select_option("b")
    page.get_by_label("Mark <img").check()
    page.get_by_label("By", exact=True).select_option(str(me))
    page.get_by_label("Related").fill(f"{other['id']} 2")
    page.get_by_label("Line", exact=True).fill("first")
    page.get_by_role("button", name="Another row for Line").click()
    page.get_by_label("Line, row 2").fill("second")
    page.get_by_role("button", name="Choose a file that is here").click()
    page.get_by_label("Name contains").fill("PLAN")
    someone.shot("record-choosing")
    page.get_by_role("button", name="Take plan").click()
    expect(page.get_by_text("notes.txt")).to_have_count(0)
    page.get_by_role("button", name="Make the record").click()
    expect(page.get_by_role("heading", level=1, name="Ann")).to_be_visible()
    (made,) = api.ok("GET", "/records", params={"type": "survey"})["records"]
    assert made["values"] == {
        "su_name": "Ann", "su_mail": "ann@example.org", "su_code": "C1", "su_note": "one\ntwo",
        "su_count": 3, "su_price": 1.5, "su_ok": True, "su_day": "2026-02-28",
        "su_at": 1777616430, "su_long": 90_000, "su_where": {"lat": 48.5, "lng": 2},
        "su_kind": ["b"], "su_tags": ["x"], "su_by": [me], "su_lines": ["first", "second"],
        "su_to": {"records": [{"id": other["id"], "count": 2}]},
    }  # fmt: skip
    assert made["files"]["su_plan"]["name"].startswith("plan <img")

    page.get_by_role("button", name="Change the values").click()
    expect(page.get_by_label("Code")).to_be_disabled()
    expect(page.get_by_label("Moment")).to_have_value("2026-05-01T08:20:30")
    page.get_by_label("Rooms").fill("0")
    page.get_by_label("Line, row 2").fill("")
    page.keyboard.press("Enter")
    expect(page.get_by_label("Rooms")).to_have_accessible_description("At least 1.")
    page.get_by_label("Rooms").fill("4")
    api.ok("PATCH", f"/records/{made['id']}", json={"values": {"su_note": "meanwhile"}})
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert").filter(has_text="in the meantime")).to_be_visible()
    page.reload()
    page.get_by_label("Line, row 2").fill("")
    page.get_by_label("Fine").select_option("")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    values = api.ok("GET", f"/records/{made['id']}")["values"]
    assert (values["su_lines"], values["su_note"]) == (["first"], "meanwhile")
    assert "su_ok" not in values


def test_a_record_is_made_in_french_by_keyboard(visit: Visits, space: Space, ines: str) -> None:
    """On a dark phone; a file that is here is linked to a record; readers find no form."""
    space.admin.ok("POST", "/types", 201, json=CONTRACT)
    api = bearer(space, ines)
    api.upload(b"a note", params={"name": "note.txt"})
    someone = visit(locale="fr-FR", color_scheme="dark", viewport={"width": 360, "height": 740})
    page = someone.enter(ines, PASSWORD, f"/console/{space.short}/records/CONTRACT?make=1")
    page.get_by_label("Title (obligatoire)").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_label("Title")).to_have_accessible_description("Il faut une valeur ici.")
    someone.check("record-refused-fr-phone")
    page.keyboard.type("Durand")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1, name="Durand")).to_be_visible()
    notes = page.get_by_role("region", name="Notes")
    notes.get_by_role("button", name="Choisir un fichier présent ici").press("Enter")
    expect(page.get_by_role("button", name="Prendre note.txt")).to_be_visible()
    someone.check("record-choosing-fr-phone")
    page.get_by_role("button", name="Prendre note.txt").press("Enter")
    expect(notes.get_by_text("note.txt")).to_be_visible()
    (made,) = api.ok("GET", "/records", params={"type": "contract"})["records"]
    assert [each["name"] for each in made["files"]["ct_notes"]] == ["note.txt"]
    reader = visit()
    page = reader.enter(
        person(space, "rita", "reader"), PASSWORD, f"/console/{space.short}/records/CONTRACT"
    )
    expect(page.get_by_role("row", name=re.compile("Durand"))).to_be_visible()
    expect(page.get_by_role("button", name="New record")).to_have_count(0)
