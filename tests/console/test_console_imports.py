"""The imports area: a CSV is looked at and imported; what was refused is corrected, sent again."""

import re
from typing import Any

from console_support import PASSWORD, Visits, bearer, person
from native_support import Space
from playwright.sync_api import Page, expect

HTML = '<img src=x onerror="alert(1)">'
CONTRACT = {
    "name": "CONTRACT",
    "label": f"Contract {HTML}",
    "fields": [
        {"id": "title", "type": "text", "label": f"Title {HTML}", "needed": True, "in_title": True},
        {"id": "amount", "type": "double", "label": "Amount"},
    ],
}


def choose(page: Page, label: str, text: str, name: str = "rows.csv") -> None:
    file: Any = {"name": name, "mimeType": "text/csv", "buffer": text.encode()}
    page.get_by_label(label, exact=True).set_input_files(file)


def test_rows_are_looked_at_imported_and_corrected(visit: Visits, space: Space) -> None:
    """C-52: preview, start, result, error file, the corrected file through the same door."""
    space.admin.ok("POST", "/types", 201, json=CONTRACT)
    mona = person(space, "mona", "manager")
    someone = visit()
    page = someone.enter(mona, PASSWORD, f"/console/{space.short}/imports")
    expect(page.get_by_role("heading", name="Imports", exact=True)).to_be_visible()
    expect(page.get_by_text("None yet.")).to_be_visible()
    label = "Choose a CSV file"
    choose(page, label, "title,sum\na,1\n", f"{HTML}.csv".replace("/", ""))
    expect(page.get_by_text("The column userEmail is missing.")).to_be_visible()
    expect(page.get_by_text("No field is called sum.")).to_be_visible()
    expect(page.get_by_role("button", name="Import", exact=True)).to_be_disabled()
    someone.check("import-wrong-columns")
    choose(page, label, "userEmail\n")
    expect(page.get_by_text("The file has no rows.")).to_be_visible()
    rows = f'{mona};"one; ""quoted""\nof two lines";1.5;x\n{mona};{HTML};much;y\n'
    choose(page, label, f"\ufeffuserEmail;title;amount;#note\n{rows}")
    preview = page.get_by_role("region", name="First rows of rows.csv")
    expect(preview.get_by_role("cell", name='one; "quoted" of two lines')).to_be_visible()
    expect(preview.get_by_role("columnheader", name="amount Amount")).to_be_visible()
    expect(preview.get_by_role("row")).to_have_count(3)
    someone.check("import-preview")
    page.get_by_role("button", name="Import", exact=True).click()

    expect(page.get_by_role("heading", level=1, name="Import into CONTRACT")).to_be_visible()
    refused = page.get_by_role("region", name="What was refused")
    expect(refused.get_by_role("cell", name="BAD_NUMBER")).to_be_visible()
    expect(refused.get_by_role("cell", name="<img src=x")).to_be_visible()
    someone.check("import-refused")
    with page.expect_download() as saved:
        page.get_by_role("link", name="Download the refused rows").click()
    corrected = saved.value.path().read_text().replace("much", "2")
    page.get_by_role("link", name="Import the corrected file").click()
    choose(page, label, corrected, "corrected.csv")
    expect(page.get_by_role("region", name="First rows of corrected.csv")).to_be_visible()
    page.get_by_role("button", name="Import", exact=True).click()
    expect(page.get_by_role("definition").filter(has_text="Done")).to_be_visible()
    expect(page.get_by_role("region", name="What was refused")).to_have_count(0)
    made = bearer(space, mona).ok("GET", "/records", params={"type": "CONTRACT"})["records"]
    assert [each["values"]["title"] for each in made] == ['one; "quoted"\nof two lines', HTML]
    page.get_by_role("link", name="Show the records").click()
    expect(page.get_by_role("row", name=re.compile("one; "))).to_be_visible()
    page.goto(f"/console/{space.short}/imports")
    expect(page.get_by_role("listitem").filter(has_text="Done")).to_have_count(2)


def test_a_file_that_fails_as_a_whole(visit: Visits, space: Space) -> None:
    """In French, dark, on a phone; a writer does not find imports."""
    space.admin.ok("POST", "/types", 201, json=CONTRACT)
    someone = visit(locale="fr-FR", color_scheme="dark", viewport={"width": 360, "height": 740})
    mona = person(space, "mona", "manager")
    page = someone.enter(mona, PASSWORD, f"/console/{space.short}/imports")
    choose(page, "Choisir un fichier CSV", f"userEmail,sum\n{mona},1\n")
    expect(page.get_by_text("Aucun champ ne s’appelle sum.")).to_be_visible()
    someone.check("imports-fr-phone")
    page.get_by_role("button", name="Importer", exact=True).click()
    expect(page.get_by_role("cell", name="UNKNOWN_COLUMN")).to_be_visible()
    expect(page.get_by_text("n’a pas pu être importé")).to_be_visible()
    someone.check("import-fr-phone")

    writer = visit()
    page = writer.enter(person(space, "ines"), PASSWORD, f"/console/{space.short}/jobs")
    expect(page.get_by_role("link", name="Records")).to_be_visible()
    expect(page.get_by_role("link", name="Imports")).to_have_count(0)
