"""The jobs area: the list, progress as it comes, cancelling, errors to download, advice."""

import json
import re
import sqlite3
from contextlib import closing

from console_support import PASSWORD, Visits, bearer, person
from native_support import Client, Space, make_space
from playwright.sync_api import expect
from tests.parts.server import KEY, RunningServer, ServerStarter

HTML = '<img src=x onerror="alert(1)">'


def tag(api: Client, name: str) -> str:
    """Start a job that tags files by their name; return its id."""
    wish = {"action": "tag", "add": ["seen"]}
    job: str = api.ok("POST", "/bulk", 202, params={"filter": f"name~{name}"}, json=wish)["id"]
    return job


def put(server: RunningServer, creator: int, kind: str, **columns: object) -> None:
    """Make the job of one person something else than a worker would in a moment."""
    given = ", ".join(f"{name} = :{name}" for name in columns)
    with closing(sqlite3.connect(server.data / "catalog.db", timeout=60)) as database, database:
        changed = database.execute(
            f"UPDATE job SET {given} WHERE kind = :kind AND created_by = :creator",
            {**columns, "kind": kind, "creator": creator},
        )
        assert changed.rowcount == 1


def test_jobs_are_followed_cancelled_and_explained(
    visit: Visits, start_server: ServerStarter
) -> None:
    """A server without a worker of its own keeps each state as long as the test looks at it."""
    server = start_server(env={"CONSIGNE_WORKER": "false"})
    space = make_space(server.url, KEY)
    ines = person(space, "ines")
    api = bearer(space, ines)
    number = api.ok("GET", "/me", headers={"X-Consigne-Space": ""})["user"]["id"]
    for i in range(4):
        api.upload(b"%d" % i, params={"name": f"in {i} {HTML}.txt"})

    someone = visit(server.url)
    page = someone.enter(ines, PASSWORD, f"/console/{space.short}/jobs?kind=bulk")
    expect(page.get_by_role("heading", name="No job is like this")).to_be_visible()
    someone.check("jobs-none")
    page.get_by_role("combobox", name="Kind").select_option("")
    first = tag(api, "in 0")
    # It appears by itself, told by the stream of events.
    row = page.get_by_role("row", name=re.compile("Change of many files"))
    expect(row).to_contain_text("Waiting for its turn")

    put(server, number, "bulk", state="running", done=3, total=4, holder="x", lease_until=1 << 60)
    page.reload()
    bar = row.get_by_role("progressbar")
    expect(bar).to_have_attribute("aria-valuenow", "75")
    someone.check("jobs-running")
    put(server, number, "bulk", done=4)
    expect(bar).to_have_attribute("aria-valuenow", "100")

    row.get_by_role("link").click()
    expect(page).to_have_url(re.compile(f"/jobs/{first}$"))
    expect(page.get_by_role("heading", level=1, name="Change of many files")).to_be_visible()
    expect(page.get_by_text("4 of 4")).to_be_visible()
    page.get_by_role("button", name="Cancel …").click()
    dialog = page.get_by_role("dialog")
    someone.check("job-cancel")
    dialog.get_by_role("button", name="Cancel the job").click()
    expect(page.get_by_role("definition").filter(has_text="Cancelled")).to_be_visible()
    expect(page.get_by_role("button", name="Cancel …")).to_have_count(0)
    assert api.ok("GET", f"/jobs/{first}")["state"] == "cancelled"

    # A refusal is said where one asked: it was over when the button was pressed.
    put(server, number, "bulk", state="queued", ended_at=None, run_at=1 << 60)
    page.reload()
    page.get_by_role("button", name="Cancel …").click()
    api.ok("DELETE", f"/jobs/{first}")
    dialog.get_by_role("button", name="Cancel the job").click()
    expect(dialog.get_by_role("alert")).to_contain_text("cancelled already")
    page.keyboard.press("Escape")

    failure = json.dumps({"code": "storage_full", "message": f"No room for {HTML}"})
    put(server, number, "bulk", state="failed", error=failure, attempts=3)
    page.reload()
    expect(page.get_by_text("No room for <img src=x")).to_be_visible()
    expect(page.get_by_text("Make room in the space")).to_be_visible()
    someone.check("job-failed")


def test_what_was_left_alone_can_be_downloaded(visit: Visits, space: Space, ines: str) -> None:
    """In French, dark, on a phone; another's jobs are there for managers only."""
    api = bearer(space, ines)
    made = [api.upload(b"%d" % i, params={"name": f"in {i} {HTML}.txt"}) for i in range(3)]
    space.admin.ok("PUT", f"/files/{made[1]['id']}/hold", json={"reason": "a case"})
    job = tag(api, "in ")
    someone = visit(locale="fr-FR", color_scheme="dark", viewport={"width": 360, "height": 740})
    page = someone.enter(ines, PASSWORD, f"/console/{space.short}/jobs/{job}")
    expect(page.get_by_role("heading", name="Résultat")).to_be_visible()
    someone.check("job-fr-phone")
    with page.expect_download() as coming:
        page.get_by_role("link", name="Télécharger la liste").click()
    rows = coming.value.path().read_text().splitlines()
    assert len(rows) == 2
    assert "in 1 <img src=x" in rows[1]
    page.get_by_role("link", name="Toutes les tâches").click()
    expect(page.get_by_role("row", name=re.compile("Terminée"))).to_be_visible()
    someone.check("jobs-fr-phone")

    other = visit()
    page = other.enter(person(space, "otto"), PASSWORD, f"/console/{space.short}/jobs?kind=bulk")
    expect(page.get_by_role("heading", name="No job is like this")).to_be_visible()
    page.goto(f"/console/{space.short}/jobs/{job}")
    expect(page.get_by_role("alert")).to_contain_text("no longer there")
    boss = visit()
    page = boss.enter(person(space, "mona", "manager"), PASSWORD, f"/console/{space.short}/jobs")
    expect(page.get_by_role("row", name=re.compile("Change of many"))).to_be_visible()
