"""Record types as text, what protects a file, and the health of the installation."""

import re

from console_support import PASSWORD, Visits, person
from native_support import Space
from playwright.sync_api import expect
from tests.parts.server import EMAIL
from tests.parts.server import PASSWORD as OPERATOR_PASSWORD

HTML = '<img src=x onerror="alert(1)"><b>bold'


def test_a_type_is_made_changed_and_deleted(visit: Visits, space: Space) -> None:
    boss = person(space, "ada", "manager")
    someone = visit()
    page = someone.enter(boss, PASSWORD, f"/console/{space.short}/types")
    page.get_by_role("button", name="New type").click()
    text = page.get_by_label("The type as JSON")
    good = text.input_value()
    text.fill(good[:-3])
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_contain_text("This is not JSON")
    text.fill(good.replace('"file"', '"nonsense"'))
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_contain_text("nonsense")
    expect(text).to_have_value(re.compile("nonsense"))
    text.fill(good.replace('"Scan"', '"<b>Scan"'))
    someone.check("type-text")
    page.get_by_role("button", name="Save").click()
    fields = page.get_by_role("table", name="Fields")
    expect(fields.get_by_role("row").filter(has_text="<b>Scan")).to_contain_text("application/pdf")
    page.get_by_role("button", name="Edit as text").click()
    page.reload()
    text.fill(text.input_value().replace('"Invoice"', '"Bill"').replace('"title"', '"heading"'))
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Bill")).to_be_visible()
    expect(fields.get_by_role("row").filter(has_text="heading")).to_be_visible()
    someone.check("type")
    found = space.admin.ok("GET", "/types/INVOICE")
    assert (found["label"], found["version"], found["fields"][0]["id"]) == ("Bill", 2, "heading")
    page.get_by_role("link", name="All types").click()
    expect(page.get_by_role("row").filter(has_text="INVOICE")).to_contain_text("native")
    someone.check("types")
    page.get_by_role("link", name="Bill").click()
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete", exact=True).click()
    expect(page.get_by_role("heading", name="No types yet")).to_be_visible()


def test_a_file_is_held_and_retained(visit: Visits, space: Space, ines: str) -> None:
    boss = person(space, "ada", "admin")
    file = space.admin.upload(params={"name": "contract.pdf"})["id"]
    someone = visit(locale="fr-FR")
    page = someone.enter(boss, PASSWORD, f"/console/{space.short}/files?file={file}")
    page.get_by_role("button", name="Gel juridique…").click()
    page.get_by_label("Motif").fill(HTML)
    page.get_by_role("button", name="Geler", exact=True).click()
    details = page.get_by_role("complementary", name="Détails")
    expect(details.get_by_role("button", name="Lever le gel")).to_be_visible()
    expect(details.get_by_role("definition").filter(has_text=HTML).first).to_be_visible()
    assert space.admin.call("DELETE", f"/files/{file}").status_code == 409
    page.get_by_role("button", name="Conservation…").click()
    page.get_by_label("Jusqu’au").fill("2099-12-31")
    page.get_by_role("button", name="Protéger", exact=True).click()
    expect(page.get_by_role("button", name="Prolonger la conservation")).to_be_visible()
    details.get_by_role("heading", name="Protection").scroll_into_view_if_needed()
    someone.check("file-protected-fr")
    page.get_by_role("button", name="Prolonger la conservation").click()
    page.get_by_label("Jusqu’au").fill("2098-12-31")
    page.get_by_role("button", name="Protéger", exact=True).click()
    expect(page.get_by_role("alert")).to_be_visible()
    page.get_by_role("button", name="Annuler").click()
    page.get_by_role("button", name="Lever le gel").click()
    page.get_by_role("dialog").get_by_role("button", name="Lever le gel").click()
    expect(page.get_by_role("button", name="Gel juridique…")).to_be_visible()
    assert space.admin.ok("GET", f"/files/{file}/guards")["guards"] == ["retention"]
    page.get_by_role("button", name="Quarantaine…").click()
    page.get_by_label("Motif").fill(HTML)
    page.get_by_role("button", name="Mettre en quarantaine").click()
    expect(details.get_by_text("Ses octets sont en quarantaine")).to_be_visible()
    assert space.admin.call("GET", f"/files/{file}/content").status_code == 422
    details.get_by_role("heading", name="Protection").scroll_into_view_if_needed()
    someone.check("file-quarantined-fr")
    details.get_by_role("button", name="Mettre fin à la quarantaine").click()
    page.get_by_role("dialog").get_by_role("button", name="Mettre fin à la quarantaine").click()
    expect(details.get_by_role("button", name="Quarantaine…")).to_be_visible()
    assert space.admin.call("GET", f"/files/{file}/content").status_code == 200


def test_operators_see_how_the_installation_is(visit: Visits, space: Space, ines: str) -> None:
    someone = visit(color_scheme="dark", viewport={"width": 360, "height": 740})
    page = someone.enter(EMAIL, OPERATOR_PASSWORD, "/console/~/health")
    expect(page.get_by_text("The server is ready.")).to_be_visible()
    for part in ("Database", "Store", "Disk", "Queue of jobs"):
        expect(page.get_by_role("cell", name=part, exact=True)).to_be_visible()
    expect(page.get_by_role("row").filter(has_text="Disk")).to_contain_text("free")
    expect(page.get_by_text("compares all checksums")).to_be_visible()
    someone.check("health-phone-dark")
    other = visit()
    page = other.enter(ines, PASSWORD, "/console/~/health")
    expect(page.get_by_role("heading", name="There is nothing here")).to_be_visible()
