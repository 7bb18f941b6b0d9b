"""The pages of administrators: the space, members, keys; the spaces of an installation."""

import re
from datetime import UTC, datetime, timedelta

from console_support import PASSWORD, Visits, person, write
from native_support import Client, Space
from playwright.sync_api import expect
from tests.parts.server import EMAIL, RunningServer
from tests.parts.server import PASSWORD as OPERATOR_PASSWORD

from consigne.catalog import usage
from consigne.model.entities import UsageDay

HTML = '<img src=x onerror="alert(1)"><b>bold'


def test_members_come_get_another_role_and_go(visit: Visits, space: Space, ines: str) -> None:
    boss = person(space, "ada", "admin")
    space.operator.ok(
        "POST", "/users", 201, json={"email": f"x.{boss}", "password": PASSWORD, "name": HTML}
    )
    someone = visit()
    page = someone.enter(boss, PASSWORD, f"/console/{space.short}/members")
    row = page.get_by_role("row")
    expect(row.filter(has_text=ines)).to_be_visible()
    page.get_by_role("button", name="Add a member").click()
    page.get_by_label("E-mail or user name").fill("nobody@example.org")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("Nobody with this e-mail")
    page.get_by_label("E-mail or user name").fill(f"x.{boss}")
    page.get_by_label("Role", exact=True).select_option("reader")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(row.filter(has_text=HTML)).to_be_visible()
    page.get_by_role("button", name="New group").click()
    page.get_by_label("Name").fill("not a name!")
    page.get_by_label(re.compile("^Ines")).check()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_contain_text("cannot name a group")
    page.get_by_label("Name").fill("auditors")
    page.get_by_role("button", name="Save").click()
    expect(row.filter(has_text="auditors")).to_contain_text("1 member")
    page.get_by_role("button", name="Change auditors").click()
    page.get_by_label(re.compile("^Ada")).check()
    page.get_by_role("button", name="Save").click()
    expect(row.filter(has_text="auditors")).to_contain_text("Ada")
    (group,) = space.admin.ok("GET", "/groups")["groups"]
    assert (group["name"], len(group["members"])) == ("auditors", 2)
    someone.check("members")
    page.get_by_role("button", name="Delete auditors").click()
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(page.get_by_text("No groups yet.")).to_be_visible()
    page.get_by_label("Role of Ines").select_option("manager")
    expect(page.get_by_text("Ines has a new role.")).to_be_visible()
    page.get_by_role("button", name=f"Remove {HTML}").click()
    page.get_by_role("button", name="Remove", exact=True).click()
    expect(row.filter(has_text=HTML)).to_have_count(0)
    members = space.admin.ok("GET", f"/spaces/{space.short}/members")["members"]
    roles = {member["email"]: member["role"] for member in members}
    assert roles[ines] == "manager"
    assert f"x.{boss}" not in roles


def test_a_key_is_shown_once_and_revoked(visit: Visits, space: Space, ines: str) -> None:
    someone = visit(locale="fr-FR")
    page = someone.enter(ines, PASSWORD, f"/console/{space.short}/keys")
    page.get_by_role("button", name="Nouvelle clé").click()
    page.get_by_label("Nom").fill(HTML)
    page.get_by_label("Seulement en lecture").check()
    page.get_by_role("button", name="Créer la clé").click()
    secret = page.get_by_role("dialog", name="La nouvelle clé").get_by_role("code").inner_text()
    someone.check("key-made-fr")
    page.get_by_role("button", name="Je l’ai conservé").click()
    program = Client(space.url, secret)
    assert program.call("GET", "/files").status_code == 200
    assert program.call("POST", "/files", content=b"no").status_code == 403
    page.reload()
    expect(page.get_by_role("row").filter(has_text=HTML)).to_contain_text(secret[-4:])
    assert secret not in page.content()
    someone.check("keys-fr")
    page.get_by_role("button", name=f"Révoquer {HTML}").click()
    page.get_by_role("button", name="Révoquer", exact=True).click()
    expect(page.get_by_role("heading", name="Aucune clé")).to_be_visible()
    assert program.call("GET", "/files").status_code == 401
    # A writer finds no page of administrators.
    expect(page.get_by_role("link", name="Membres")).to_have_count(0)


def test_an_administrator_sees_all_keys_and_how_full_the_space_is(
    visit: Visits, space: Space
) -> None:
    boss = person(space, "ada", "admin")
    space.operator.ok("PATCH", f"/spaces/{space.short}", json={"quota": 4_000_000})
    space.admin.upload(bytes(1_000_000), params={"name": "one.bin"})
    someone = visit(color_scheme="dark", viewport={"width": 360, "height": 740})
    page = someone.enter(boss, PASSWORD, f"/console/{space.short}/keys?of=space")
    expect(page.get_by_role("row").filter(has_text=space.short)).to_have_count(1)
    page.goto(f"/console/{space.short}/space")
    expect(page.get_by_role("img", name=re.compile("1 MB of 4 MB .25%"))).to_be_visible()
    someone.check("space-phone-dark")
    page.get_by_label("Name", exact=True).fill(HTML)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    assert space.admin.ok("GET", f"/spaces/{space.short}")["name"] == HTML


def test_how_full_the_space_was_is_drawn_and_told(
    visit: Visits, space: Space, server: RunningServer
) -> None:
    boss = person(space, "ada", "admin")
    space.operator.ok("PATCH", f"/spaces/{space.short}", json={"quota": 4_000_000})
    space.admin.upload(bytes(1_000_000), params={"name": "one.bin"})
    number = space.admin.ok("GET", f"/spaces/{space.short}")["id"]
    today = datetime.now(UTC).date()
    past = [
        UsageDay(number, f"{today - timedelta(days=n)}", 90_000 * n, 0, n, 3_000_000, 50 + n, n % 3)
        for n in range(1, 60)
    ]
    write(server, lambda tx: [usage.put(tx, day) for day in past])
    someone = visit(locale="fr-FR")
    page = someone.enter(boss, PASSWORD, f"/console/{space.short}/space")
    room = page.get_by_role("img", name=re.compile("Place utilisée : de 90 ko à 2,7 Mo, 1 Mo"))
    expect(room).to_be_visible()
    expect(
        page.get_by_role("img", name="Pages lues (OCR) : de 0 à 2, 0 en dernier")
    ).to_be_visible()
    page.get_by_text("Les chiffres en tableau").click()
    rows = page.get_by_role("table", name="Évolution").get_by_role("row")
    expect(rows).to_have_count(1 + 31)
    expect(rows.nth(1)).to_contain_text("1 Mo")
    someone.check("space-history-fr")
    page.get_by_label("Période").select_option("quarter")
    expect(
        page.get_by_role("img", name=re.compile("Place utilisée : de 90 ko à 5,3 Mo"))
    ).to_be_visible()
    # An operator sees the same among the spaces of the installation.
    operator = visit(color_scheme="dark", viewport={"width": 390, "height": 1400})
    page = operator.enter(EMAIL, OPERATOR_PASSWORD, f"/console/~/spaces/{space.short}")
    expect(
        page.get_by_role("img", name=re.compile("Room that is used: from 90 kB"))
    ).to_be_visible()
    operator.check("one-space-history-phone-dark")


def test_operators_make_change_delete_and_restore_spaces(visit: Visits, space: Space) -> None:
    someone = visit()
    page = someone.enter(EMAIL, OPERATOR_PASSWORD, "/console/~/spaces")
    short = f"n{space.short}"
    page.get_by_role("button", name="New space").click()
    page.get_by_label("Short name").fill("Not This!")
    page.get_by_role("button", name="Make the space").click()
    expect(page.get_by_role("alert")).to_be_visible()
    page.get_by_label("Short name").fill(short)
    page.get_by_label("Name", exact=True).fill(HTML)
    page.get_by_label("Quota").fill("1.5 GB")
    page.get_by_role("button", name="Make the space").click()
    expect(page.get_by_role("heading", name=HTML)).to_be_visible()
    expect(page.get_by_label("Quota")).to_have_value("1.5 GB")
    page.get_by_label("Quota").fill("many")
    expect(page.get_by_role("button", name="Save")).to_be_disabled()
    page.get_by_label("Quota").fill("2 GB")
    page.get_by_role("spinbutton", name=re.compile("Pages that may be read")).fill("7")
    page.get_by_label("Own host names").fill(f"{short}.example.org")
    someone.check("one-space")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    found = space.operator.ok("GET", f"/spaces/{short}")
    assert (found["quota"], found["hosts"]) == (2_000_000_000, [f"{short}.example.org"])
    assert space.operator.ok("GET", f"/spaces/{short}/usage")["ocr_credits"] == 7
    page.get_by_role("button", name="Delete the space").click()
    remove = page.get_by_role("button", name="Delete", exact=True)
    expect(remove).to_be_disabled()
    page.get_by_label(f"Type {short} to confirm").fill(short)
    remove.click()
    row = page.get_by_role("row").filter(has_text=HTML)
    expect(row).to_be_visible()
    someone.check("spaces-deleted")
    row.get_by_role("button", name="Restore").click()
    expect(row).to_have_count(0)
    page.get_by_label("Which spaces").select_option("present")
    expect(page.get_by_role("columnheader", name="Quota")).to_be_visible()
    someone.check("spaces")
    assert space.operator.ok("GET", f"/spaces/{short}")["name"] == HTML


def test_operators_look_after_users(visit: Visits, space: Space) -> None:
    """Made with a role, given a password, locked out, let in, raised, deleted with a hand-over."""
    email = f"zoe.{space.short}@example.org"
    someone = visit()
    page = someone.enter(EMAIL, OPERATOR_PASSWORD, "/console/~/users")
    page.get_by_role("button", name="New user").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name", exact=True).fill(HTML)
    dialog.get_by_label("Space").select_option(space.short)
    dialog.get_by_label("Role there").select_option("manager")
    page.get_by_label("E-mail", exact=True).fill(EMAIL)
    dialog.get_by_role("button", name="Make the user").click()
    expect(dialog.get_by_role("alert")).to_be_visible()
    page.get_by_label("E-mail", exact=True).fill(email)
    someone.shot("user-new")
    dialog.get_by_role("button", name="Make the user").click()
    told = page.get_by_role("dialog", name=f"The password of {email}")
    first = told.get_by_role("code").inner_text()
    told.get_by_role("button", name="I have kept it").click()
    member = {"login": email, "password": first}
    token = Client(space.url).ok("POST", "/session", 201, json=member)["token"]
    zoe = Client(space.url, token, **{"X-Consigne-Space": space.short})
    assert zoe.ok("GET", "/me")["spaces"][0]["role"] == "manager"
    zoe.upload(b"hers", params={"name": "hers.txt", "access": "private"})
    page.get_by_label("Name or e-mail contains").fill("nobody at all")
    expect(page.get_by_text("There is nobody.")).to_be_visible()
    page.get_by_label("Name or e-mail contains").fill(email.upper())
    row = page.get_by_role("row").filter(has_text=email)
    expect(row).to_contain_text("may sign in")

    def choose(name: str) -> None:
        row.get_by_role("button", name="Actions for").click()
        page.get_by_role("menuitem", name=name).click()

    choose("Make an operator")
    expect(row).to_contain_text("Operator")
    choose("No operator any more")
    expect(row).not_to_contain_text("Operator")
    choose("Lock out")
    dialog.get_by_role("button", name="Lock out").click()
    expect(row).to_contain_text("locked out")
    someone.check("users")
    assert Client(space.url).call("POST", "/session", json=member).status_code == 401
    choose("Let in again")
    expect(row).to_contain_text("may sign in")
    choose("New password")
    dialog.get_by_role("button", name="Make a new password").click()
    second = told.get_by_role("code").inner_text()
    told.get_by_role("button", name="I have kept it").click()
    assert second != first

    # Zoe herself, in French, on a dark phone: another password of her own.
    herself = visit(locale="fr-FR", color_scheme="dark", viewport={"width": 360, "height": 740})
    other = herself.enter(email, second, f"/console/{space.short}/files")
    other.get_by_role("button", name="Ouvrir la navigation").click()
    other.get_by_role("button", name="Compte").click()
    other.get_by_role("menuitem", name="Changer de mot de passe").click()
    other.get_by_label("Mot de passe actuel").fill("wrong")
    other.get_by_label("Nouveau mot de passe").fill(PASSWORD)
    other.keyboard.press("Enter")
    expect(other.get_by_role("alert")).to_contain_text("incorrect")
    herself.check("password-fr-phone-dark")
    other.get_by_label("Mot de passe actuel").fill(second)
    other.keyboard.press("Enter")
    expect(other.get_by_text("Le mot de passe est changé.")).to_be_visible()
    expect(other.get_by_role("dialog")).to_have_count(0)

    choose("Delete")
    dialog.get_by_role("button", name="Delete").click()
    expect(page.get_by_text("the files are handed over")).to_be_visible()
    expect(row).to_have_count(0)
    assert space.admin.ok("GET", "/files/count") == {"count": 1}
    page.get_by_label("Name or e-mail contains").fill(EMAIL)
    me = page.get_by_role("row").filter(has_text="(you)")
    me.get_by_role("button", name="Actions for").click()
    expect(page.get_by_role("menuitem", name="Delete")).to_be_disabled()
