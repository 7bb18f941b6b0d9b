"""Uploads from the browser: dropped, paused, interrupted, taken up again; scans are read."""

import hashlib
import itertools
import re
from pathlib import Path
from typing import Any

from console_support import PASSWORD, Visit, Visits, person
from native_support import Space
from playwright.sync_api import Page, Request, expect
from tests.parts.cutting_proxy import cutting_proxy
from tests.parts.papers import INVOICE, RECEIPT, encoded, paper, scanned
from tests.parts.server import RunningServer

MIB = 1 << 20


def uploads(page: Page) -> Any:
    return page.get_by_role("region", name="Uploads")


def choose(page: Page, *files: Any) -> None:
    page.locator("input[type=file][multiple]").set_input_files(list(files))


def slow(visit: Visit, bytes_a_second: int) -> Any:
    """Slow down what a page sends, or with -1 give it back its speed."""
    network = visit.context.new_cdp_session(visit.page)
    network.send("Network.enable")
    network.send(
        "Network.emulateNetworkConditions",
        {
            "offline": False,
            "latency": 0,
            "downloadThroughput": -1,
            "uploadThroughput": bytes_a_second,
        },
    )
    return network


DROP = """
async ([target, tree]) => {
  const transfer = new DataTransfer();
  for (const [name, text] of tree) transfer.items.add(new File([text], name));
  const box = document.querySelector(target);
  for (const kind of ['dragenter', 'dragover', 'drop']) {
    const about = {dataTransfer: transfer, bubbles: true, cancelable: true};
    box.dispatchEvent(new DragEvent(kind, about));
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
}
"""


def test_files_are_dropped_and_chosen_under_any_name(
    visit: Visits, space: Space, ines: str
) -> None:
    """Names in any script, and HTML in them, arrive as they are and run nowhere."""
    someone = visit()
    page = someone.enter(ines, PASSWORD)
    names = ["été à Nîmes.txt", "请求 – 日本語.txt", "<img src=x onerror=alert(1)>.txt", "ملف.txt"]
    page.get_by_role("heading", name="Drop files here").wait_for()
    page.evaluate(DROP, [".files", [[name, f"text of {name}"] for name in names]])
    expect(uploads(page).get_by_text("All uploads are done")).to_be_visible()
    for name in names:
        expect(page.get_by_role("grid").get_by_text(name, exact=True)).to_be_visible()
    someone.check("uploads-done")
    found = {each["name"]: each["id"] for each in space.admin.ok("GET", "/files")["files"]}
    assert set(found) == set(names)
    for name, number in found.items():
        assert space.admin.content(number) == f"text of {name}".encode()
    uploads(page).get_by_role("button", name="Clear the list").click()
    expect(uploads(page)).to_be_hidden()


def test_a_folder_arrives_as_folders(
    visit: Visits, space: Space, ines: str, tmp_path: Path
) -> None:
    root = tmp_path / "Scans & more"
    for place in ("a.txt", "2026/b.txt", "2026/été/c.txt"):
        path = root / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(place)
    page = visit().enter(ines, PASSWORD)
    page.locator("input[webkitdirectory]").set_input_files(root)
    expect(uploads(page).get_by_text("All uploads are done")).to_be_visible()
    tree = page.get_by_role("tree", name="Folders")
    expect(tree.get_by_text("Scans & more")).to_be_visible()
    listed = space.admin.ok("GET", "/files", params={"folder": "Scans & more/2026/été"})["files"]
    assert [each["name"] for each in listed] == ["c.txt"]
    assert space.admin.ok("GET", "/files/count") == {"count": 3}


def test_an_upload_is_paused_and_survives_a_lost_network(
    visit: Visits, server: RunningServer, space: Space, ines: str, tmp_path: Path
) -> None:
    """Each connection breaks behind so many bytes; what had arrived is not sent again."""
    body = tmp_path / "big.bin"
    body.write_bytes(bytes(range(256)) * 4096 * 12)
    with cutting_proxy(server.port, itertools.repeat(4 * MIB)) as url:
        someone = visit(url)
        page = someone.enter(ines, PASSWORD)
        page.get_by_role("heading", name="Drop files here").wait_for()
        network = slow(someone, 200_000)
        choose(page, body)
        bar = uploads(page).get_by_role("progressbar", name="big.bin")
        expect(bar).not_to_have_attribute("aria-valuenow", "0")
        uploads(page).get_by_role("button", name="Pause big.bin").click()
        expect(uploads(page).get_by_text(re.compile("Paused"))).to_be_visible()
        someone.check("upload-paused")
        network.detach()
        sent = offsets(page)
        uploads(page).get_by_role("button", name="Resume big.bin").click()
        expect(uploads(page).get_by_text("All uploads are done")).to_be_visible()
    (file,) = space.admin.ok("GET", "/files")["files"]
    assert file["sha256"] == hashlib.sha256(body.read_bytes()).hexdigest()
    assert len(sent) >= 3, sent
    assert sorted(sent) == sent


def offsets(page: Page) -> list[int]:
    """Return a list that takes where each request with bytes of an upload begins."""
    sent: list[int] = []

    def note(asked: Request) -> None:
        if asked.method == "PATCH" and "/tus/" in asked.url:
            sent.append(int(asked.headers["upload-offset"]))

    page.on("request", note)
    return sent


def test_an_upload_is_taken_up_after_a_reload(
    visit: Visits, space: Space, ines: str, tmp_path: Path
) -> None:
    body = tmp_path / "again.bin"
    body.write_bytes(bytes(range(255)) * 4096 * 12)
    someone = visit()
    page = someone.enter(ines, PASSWORD)
    page.get_by_role("heading", name="Drop files here").wait_for()
    network = slow(someone, 1_000_000)
    choose(page, body)
    bar = uploads(page).get_by_role("progressbar", name="again.bin")
    expect(bar).to_have_attribute("aria-valuenow", re.compile("[1-9]."))
    page.reload()
    network.detach()
    expect(uploads(page).get_by_text("Interrupted")).to_be_visible()
    someone.check("upload-lost")
    assert space.admin.ok("GET", "/files")["files"] == []
    other = tmp_path / "other.bin"
    other.write_bytes(b"x")
    picker = uploads(page).locator("input[type=file]")
    picker.set_input_files(other)
    expect(page.get_by_text("This is another file.")).to_be_visible()
    sent = offsets(page)
    picker.set_input_files(body)
    expect(uploads(page).get_by_text("All uploads are done")).to_be_visible()
    (file,) = space.admin.ok("GET", "/files")["files"]
    assert file["sha256"] == hashlib.sha256(body.read_bytes()).hexdigest()
    assert len(sent) == 1
    assert sent[0] > 0, "it began where it had stopped"


def test_a_session_that_ends_in_the_middle_costs_no_upload(
    visit: Visits, space: Space, ines: str
) -> None:
    someone = visit()
    page = someone.enter(ines, PASSWORD)
    page.get_by_role("heading", name="Drop files here").wait_for()
    someone.context.clear_cookies()
    choose(page, {"name": "late.txt", "mimeType": "text/plain", "buffer": b"not lost"})
    dialog = page.get_by_role("dialog", name="Your session has ended")
    expect(dialog).to_be_visible()
    someone.check("session-ended")
    page.keyboard.press("Escape")
    expect(dialog).to_be_visible()
    dialog.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(uploads(page).get_by_text("All uploads are done")).to_be_visible()
    expect(page.get_by_role("grid").get_by_text("late.txt")).to_be_visible()
    (file,) = space.admin.ok("GET", "/files")["files"]
    assert space.admin.content(file["id"]) == b"not lost"


def test_a_space_at_its_quota_says_so(visit: Visits, space: Space, ines: str) -> None:
    space.operator.ok("PATCH", f"/spaces/{space.short}", json={"quota": 1000})
    someone = visit()
    page = someone.enter(ines, PASSWORD)
    page.get_by_role("heading", name="Drop files here").wait_for()
    choose(page, {"name": "much.bin", "mimeType": "", "buffer": bytes(2000)})
    expect(uploads(page).get_by_text("No room left in this space")).to_be_visible()
    someone.check("quota")
    assert space.usage()["reserved"] == 0
    space.operator.ok("PATCH", f"/spaces/{space.short}", json={"quota": None})
    uploads(page).get_by_role("button", name="Try much.bin again").click()
    expect(uploads(page).get_by_text("All uploads are done")).to_be_visible()


def test_two_tabs_show_one_truth(visit: Visits, space: Space, ines: str) -> None:
    """What one tab stores the other shows; a new session in one is taken over by the other."""
    someone = visit()
    first = someone.enter(ines, PASSWORD)
    first.get_by_role("heading", name="Drop files here").wait_for()
    second = someone.new_page()
    second.goto(f"/console/{space.short}/files")
    second.get_by_role("heading", name="Drop files here").wait_for()
    choose(second, {"name": "from-two.txt", "mimeType": "text/plain", "buffer": b"2"})
    expect(second.get_by_role("grid").get_by_text("from-two.txt")).to_be_visible()
    first.bring_to_front()
    expect(first.get_by_role("grid").get_by_text("from-two.txt")).to_be_visible()
    someone.enter(ines, PASSWORD, f"/console/{space.short}/files")
    second.bring_to_front()
    choose(second, {"name": "later.txt", "mimeType": "text/plain", "buffer": b"3"})
    expect(second.get_by_role("grid").get_by_text("later.txt")).to_be_visible()


def test_done_means(visit: Visits, space: Space, tmp_path: Path) -> None:
    """Someone drops a folder of scanned invoices, sees them recognised, finds one by a word on
    it, and shares it: the whole way, by what the page says alone."""
    folder = tmp_path / "Factures"
    folder.mkdir()
    (folder / "scan-001.png").write_bytes(encoded(scanned(paper(INVOICE), skew=0.4)))
    (folder / "scan-002.png").write_bytes(encoded(scanned(paper(RECEIPT))))
    paul = person(space, "paul")
    someone = visit(permissions=["clipboard-read", "clipboard-write"])
    page = someone.sign_in(paul, PASSWORD)
    page.locator("input[webkitdirectory]").set_input_files(folder)
    expect(uploads(page).get_by_text("Reading the text").first).to_be_visible()
    someone.shot("done-1-reading")
    expect(uploads(page).get_by_text("Text recognised")).to_have_count(2, timeout=100_000)
    page.get_by_role("tree", name="Folders").get_by_text("Factures").click()
    expect(page.get_by_role("row", name=re.compile("scan-001.png"))).to_be_visible()
    someone.shot("done-2-recognised")
    page.get_by_role("searchbox").fill("fauteuil")
    hit = page.get_by_role("listitem").filter(has=page.get_by_role("button", name="scan-001.png"))
    expect(hit.locator("mark").first).to_have_text(re.compile("fauteuil", re.IGNORECASE))
    # The text that was made of it is a file too, and stands behind the scan.
    expect(page.get_by_role("button", name="scan-001.md")).to_have_count(0)
    someone.check("done-3-found")
    hit.get_by_role("button", name="scan-001.png").click()
    details = page.get_by_role("complementary", name="Details")
    expect(details.locator(".preview img")).to_be_visible()
    expect(details.locator(".preview-wait")).to_have_count(0)
    someone.check("done-4-details")
    details.get_by_role("button", name="Share").click()
    dialog = page.get_by_role("dialog", name=re.compile("Share"))
    dialog.get_by_role("button", name="Create the link").click()
    dialog.get_by_role("button", name="Copy").click()
    expect(page.get_by_text("Copied")).to_be_visible()
    someone.check("done-5-shared")
    url = page.evaluate("navigator.clipboard.readText()")
    stranger = visit().context.request.get(url)
    assert stranger.body() == (folder / "scan-001.png").read_bytes()
