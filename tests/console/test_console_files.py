"""The files area: folders, the table, search, details, trash, sharing."""

import re
import sqlite3
import zipfile
from contextlib import closing
from pathlib import Path

import httpx
from console_support import PASSWORD, Visits, bearer, person, write
from native_support import Client, Space
from playwright.sync_api import Locator, expect
from tests.parts.papers import text_pdf
from tests.parts.server import EMAIL, KEY, RunningServer, ServerStarter
from tests.parts.server import PASSWORD as OPERATOR_PASSWORD

from consigne.catalog import files
from consigne.model.entities import Guard
from consigne.testing.catalog.base import a_file

HTML = '<img src=x onerror="alert(1)"><b>bold'


def fill(space: Space) -> dict[str, str]:
    """Put a few folders and files into a space; return the ids of the folders by their paths."""
    api = space.admin
    folders = {
        path: api.ok("PUT", "/folders", params={"path": path})["id"]
        for path in ("Invoices", "Invoices/2026", "Contracts", "Photos")
    }
    api.upload(
        text_pdf(["Facture 2026-17", "Total 1 240,00 EUR"]), params={"name": "Facture 2026-17.pdf"}
    )
    api.upload(
        b"Dear Ms Dupont,\nthe lift is repaired.\n", params={"name": "letter.txt", "tag": "post"}
    )
    api.upload(b"a,b\n1,2\n", params={"name": "figures.csv", "tag": ["2026", "checked"]})
    api.upload(bytes(200_000), params={"name": "backup.bin"})
    api.upload(b"deep", params={"name": "deep.txt", "folder": folders["Invoices/2026"]})
    return folders


def test_a_newcomer_finds_an_inviting_empty_space(visit: Visits, ines: str) -> None:
    someone = visit()
    page = someone.enter(ines, PASSWORD)
    expect(page.get_by_role("heading", name="Drop files here")).to_be_visible()
    someone.check("files-empty")


def test_folders_table_and_details(visit: Visits, space: Space, ines: str) -> None:
    folders = fill(space)
    someone = visit()
    page = someone.enter(ines, PASSWORD)
    table = page.get_by_role("grid", name="Files")
    expect(table.get_by_role("row", name=re.compile("letter.txt"))).to_be_visible()
    expect(page.get_by_role("tree", name="Folders").get_by_text("Contracts")).to_be_visible()
    someone.check("files")
    page.get_by_role("button", name="Size").click()
    expect(table.get_by_role("row").nth(4)).to_contain_text("figures.csv")
    page.get_by_role("button", name="Size").click()
    expect(table.get_by_role("row").nth(4)).to_contain_text("backup.bin")
    expect(page).to_have_url(re.compile("sort=-size"))
    letter = table.get_by_role("row", name=re.compile("letter.txt"))
    letter.get_by_text("38 bytes").click()
    expect(letter).to_be_focused()
    expect(page.get_by_role("complementary", name="Details")).to_have_count(0)
    letter.get_by_role("link", name="letter.txt").click()
    details = page.get_by_role("complementary", name="Details")
    expect(details.get_by_role("heading", name="letter.txt")).to_be_visible()
    expect(details.get_by_text("the lift is repaired")).to_be_visible()
    expect(details.get_by_text("Version 1")).to_be_visible()
    expect(details.get_by_text("Stored")).to_be_visible()
    someone.check("details")
    page.keyboard.press("Escape")
    expect(details).to_be_hidden()
    letter.press("ArrowUp")
    expect(table.get_by_role("row", name=re.compile("Facture"))).to_be_focused()
    page.keyboard.press("Enter")
    expect(details.locator("img")).to_be_visible()
    expect(details.locator(".preview img")).to_be_visible()
    expect(details.locator(".preview-wait")).to_have_count(0)
    expect(details.get_by_text("Page 1 of 2")).to_be_visible()
    expect(details.get_by_role("button", name="Page before")).to_be_disabled()
    details.get_by_role("button", name="Next page").click()
    expect(details.get_by_role("img", name="Facture 2026-17.pdf, Page 2 of 2")).to_be_visible()
    expect(details.locator(".preview-wait")).to_have_count(0)
    expect(details.get_by_role("button", name="Next page")).to_be_disabled()
    someone.check("details-pdf")
    details.get_by_role("button", name="Page before").press("Enter")
    expect(details.get_by_text("Page 1 of 2")).to_be_visible()
    page.get_by_role("tree", name="Folders").get_by_text("Invoices").click()
    expect(page.get_by_role("row", name=re.compile("2026"))).to_be_visible()
    page.goto(f"/console/{space.short}/files/{folders['Invoices/2026']}")
    expect(page.get_by_role("row", name=re.compile("deep.txt"))).to_be_visible()
    crumbs = page.get_by_role("navigation", name="Folder", exact=True)
    expect(crumbs.get_by_role("link", name="Invoices")).to_be_visible()


def test_many_are_selected_and_changed_together(visit: Visits, space: Space, ines: str) -> None:
    """By the mouse and by the keyboard: tags, move, delete, undo, trash, restore."""
    writer = bearer(space, ines)
    for name in ("one.txt", "two.txt", "three.txt"):
        writer.upload(name.encode(), params={"name": name})
    someone = visit()
    page = someone.enter(ines, PASSWORD)
    grid = page.get_by_role("grid", name="Files")

    def row(name: str) -> Locator:
        return grid.get_by_role("row", name=name)

    page.get_by_role("button", name="New folder").click()
    page.get_by_label("Name of the folder").fill(f"Paid {HTML}")
    page.keyboard.press("Enter")
    expect(row(f"Paid {HTML}")).to_be_visible()

    row("one.txt").focus()
    page.keyboard.press("Space")
    page.keyboard.press("Shift+ArrowDown")
    expect(page.get_by_text("2 files selected")).to_be_visible()
    someone.check("files-selected")
    page.get_by_role("button", name="Tags").click()
    page.get_by_role("textbox", name="Add").fill(f"urgent, {HTML}")
    page.keyboard.press("Enter")
    expect(row("one.txt").get_by_text("urgent")).to_be_visible()
    expect(row("three.txt").get_by_text(HTML)).to_be_visible()

    grid.get_by_role("checkbox", name="Select one.txt").click()
    page.get_by_role("button", name="Move").click()
    dialog = page.get_by_role("dialog", name="Move 1 file")
    dialog.get_by_role("button", name=f"Paid {HTML}").click()
    someone.check("files-move")
    dialog.get_by_role("button", name="Move here").click()
    expect(row("one.txt")).to_be_hidden()

    row("two.txt").get_by_role("button", name="Actions for two.txt").click()
    page.get_by_role("menuitem", name="Rename").click()
    page.get_by_label("New name").fill(f"{HTML}.txt")
    page.keyboard.press("Enter")
    expect(row(f"{HTML}.txt")).to_be_visible()

    grid.get_by_role("checkbox", name="Select all").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()
    archive = zipfile.ZipFile(download.value.path())
    assert sorted(archive.read(name) for name in archive.namelist()) == [b"three.txt", b"two.txt"]

    page.get_by_role("button", name="Delete").click()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("2 files restored")).to_be_visible()
    expect(row("three.txt")).to_be_visible()
    row("three.txt").click(button="right")
    page.get_by_role("menuitem", name="Delete").click()
    expect(row("three.txt")).to_be_hidden()
    page.get_by_role("link", name="Trash").click()
    trash = page.get_by_role("grid", name="Trash")
    expect(trash.get_by_role("row", name=re.compile("three.txt"))).to_be_visible()
    someone.check("trash")
    trash.get_by_role("checkbox", name="Select three.txt").click()
    page.get_by_role("button", name="Restore").click()
    expect(page.get_by_role("heading", name="The trash is empty")).to_be_visible()


def test_all_that_match_are_changed_not_only_what_is_loaded(
    visit: Visits, space: Space, ines: str, server: RunningServer
) -> None:
    """The exact number is said before; a job does it, and what is protected stays."""
    writer = bearer(space, ines)
    owner = writer.ok("GET", "/me")["user"]["id"]
    number = space.admin.ok("GET", f"/spaces/{space.short}")["id"]
    many = [a_file(number, f"scan {n:03}.txt", owner_id=owner) for n in range(450)]
    held = a_file(
        number, "a held one.txt", owner_id=owner, guards=Guard.HOLD, hold_reason="lawsuit"
    )
    write(server, lambda tx: [files.insert_file(tx, each) for each in [held, *many]])
    writer.ok("PUT", "/folders", params={"path": "Old"})
    someone = visit(locale="fr-FR")
    page = someone.enter(ines, PASSWORD)
    grid = page.get_by_role("grid", name="Fichiers")
    expect(page.get_by_text("451 fichiers")).to_be_visible()
    grid.get_by_role("row", name="scan 000.txt").focus()
    page.keyboard.press("Control+a")
    expect(page.get_by_text("451 fichiers sélectionnés en tout")).to_be_visible()
    grid.get_by_role("checkbox", name="Sélectionner scan 001.txt").click()
    expect(page.get_by_text("en tout")).to_have_count(0)
    grid.get_by_role("checkbox", name="Tout sélectionner").click()
    grid.get_by_role("checkbox", name="Tout sélectionner").click()
    expect(page.get_by_text("451 fichiers sélectionnés en tout")).to_be_visible()
    page.get_by_role("button", name="Étiquettes").click()
    dialog = page.get_by_role("dialog", name="Étiquettes de 450 fichiers")
    expect(
        dialog.get_by_text("Cela concerne 450 fichiers. 1 fichier reste tel quel")
    ).to_be_visible()
    dialog.get_by_label("Ajouter").fill("vu")
    someone.check("files-all-fr")
    dialog.get_by_role("button", name="Enregistrer").click()
    page.get_by_role("button", name="La suivre").click()
    expect(page.get_by_text("Terminée", exact=True)).to_be_visible()
    assert writer.ok("GET", "/files/count", params={"filter": "tag=vu"}) == {"count": 450}
    page.go_back()
    page.get_by_role("checkbox", name="Tout sélectionner").click()
    page.get_by_role("button", name="Télécharger").click()
    expect(page.get_by_role("dialog", name="Télécharger 451 fichiers")).to_be_visible()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Déplacer").click()
    page.get_by_role("dialog", name="Déplacer 450 fichiers").get_by_role(
        "button", name="Old"
    ).click()
    page.get_by_role("button", name="Déplacer ici").click()
    expect(page.get_by_text("1 fichier", exact=True)).to_be_visible()
    expect(grid.get_by_role("row", name="a held one.txt")).to_be_visible()


def test_html_in_every_field_is_text(visit: Visits, space: Space) -> None:
    """Names, tags, fields, folders, spaces, people and contents: no script runs anywhere."""
    admin = space.admin
    space.operator.ok("PATCH", f"/spaces/{space.short}", json={"name": HTML})
    eve = person(space, "eve", "admin")
    number = bearer(space, eve).ok("GET", "/me")["user"]["id"]
    space.operator.ok("PATCH", f"/users/{number}", json={"name": HTML})
    folder = admin.ok("POST", "/folders", 201, json={"name": HTML})
    made = {"name": f"{HTML}.html", "tag": HTML, f"meta.{HTML.replace('=', '')}": HTML}
    page_file = admin.upload(f"<script>alert(2)</script>{HTML}".encode(), params=made)
    admin.upload(b"<svg onload=alert(3)/>", params={"name": "a.svg", "folder": folder["id"]})
    admin.ok("PUT", f"/files/{page_file['id']}/hold", json={"reason": HTML})
    someone = visit(color_scheme="dark")
    page = someone.enter(eve, PASSWORD, f"/console/{space.short}/files?file={page_file['id']}")
    details = page.get_by_role("complementary", name="Details")
    expect(details.get_by_role("heading", name=f"{HTML}.html")).to_be_visible()
    expect(details.get_by_text("<script>alert(2)</script>")).to_be_visible()
    expect(details.get_by_text(f"legal hold, {HTML}")).to_be_visible()
    someone.check("html-details-dark")
    page.get_by_role("searchbox").fill(HTML)
    expect(page.get_by_role("listitem").locator("mark").first).to_be_visible()
    someone.check("html-search-dark")
    page.goto(f"/console/{space.short}/files/{folder['id']}")
    expect(page.get_by_role("row", name=re.compile("a.svg"))).to_be_visible()
    page.get_by_role("button", name=re.compile("^Space")).click()
    expect(page.get_by_role("menuitemradio", name=HTML)).to_be_visible()
    # Opened by its own address, as someone might be made to, active content is only a download.
    content = httpx.get(
        f"{space.url}/consigne/v1/files/{page_file['id']}/content?inline=true",
        headers={"Authorization": f"Bearer {admin.token}"},
    )
    assert content.headers["content-disposition"].startswith("attachment")
    assert "sandbox" in content.headers["content-security-policy"]


def test_a_hundred_thousand_files_are_scrolled_smoothly(
    visit: Visits, start_server: ServerStarter
) -> None:
    """Only the rows in view are in the page, wherever one goes; pages are read as they come."""
    server = start_server()
    Client(server.url, KEY).upload(b"x", params={"name": "file.txt"})
    multiply_the_file(server.data / "catalog.db", 100_000)
    someone = visit(server.url)
    page = someone.page
    asked: list[str] = []
    page.on("request", lambda each: asked.append(each.url) if "/v1/files?" in each.url else None)
    someone.enter(EMAIL, OPERATOR_PASSWORD)
    grid = page.get_by_role("grid", name="Files")
    expect(grid.get_by_text("file-000001.txt")).to_be_visible()
    expect(page.get_by_text("100,000 files")).to_be_visible()
    assert len(asked) == 1, "no more is read than is seen"
    grid.get_by_role("row", name="file-000001").focus()
    grid.evaluate("grid => { grid.scrollTop = 15_000 * 44; }")
    expect(grid.get_by_text("file-015001.txt")).to_be_visible()
    assert grid.get_by_role("row").count() < 80
    someone.shot("files-100000")
    grid.get_by_role("row", name="file-015001").focus()
    page.keyboard.press("Home")
    expect(grid.get_by_text("file-000001.txt")).to_be_visible()
    assert len(asked) == len(set(asked)), "nothing is read twice"


def multiply_the_file(path: Path, total: int) -> None:
    """Give a space with one file many rows of it, behind the server's back: by it takes minutes."""
    with closing(sqlite3.connect(path, timeout=60)) as database, database:
        names = [row[1] for row in database.execute("PRAGMA table_info(file)")]
        new = {"id": "f.id + n.i", "name": "printf('file-%06d.txt', n.i)"}
        new["name_fold"] = new["name"]
        columns = ", ".join(names)
        values = ", ".join(new.get(name, f"f.{name}") for name in names)
        database.execute(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) "
            f"INSERT INTO file ({columns}) SELECT {values} FROM file AS f, n",
            (total - 1,),
        )


def test_the_files_on_a_phone_in_french_and_dark(visit: Visits, space: Space, ines: str) -> None:
    fill(space)
    someone = visit(
        viewport={"width": 360, "height": 740}, locale="fr-FR", color_scheme="dark", has_touch=True
    )
    page = someone.enter(ines, PASSWORD)
    expect(page.get_by_role("row", name=re.compile("letter.txt"))).to_be_visible()
    someone.check("files-phone")
    page.get_by_role("link", name="letter.txt").tap()
    expect(page.get_by_role("complementary", name="Détails")).to_be_visible()
    someone.check("details-phone")
    overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert page.evaluate(overflow) <= 0


def test_a_reader_is_offered_only_what_he_may(visit: Visits, space: Space) -> None:
    fill(space)
    page = visit().enter(person(space, "rita", "reader"), PASSWORD)
    expect(page.get_by_role("row", name=re.compile("letter.txt"))).to_be_visible()
    expect(page.get_by_role("button", name="Upload")).to_have_count(0)
    page.get_by_role("checkbox", name="Select letter.txt").click()
    expect(page.get_by_role("button", name="Download")).to_be_visible()
    expect(page.get_by_role("button", name="Delete")).to_have_count(0)
