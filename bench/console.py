"""The console in a real browser: how heavy it is, and how long people wait for it.

``python -m bench.console`` starts a server, puts many files into it, and leads Debian's Chromium.
It prints what a first visit weighs, then medians of several rounds, each with an empty cache:

- *sign-in page*: from going there to the first paint of its form;
- *rows*: from going to the files to the first row that can be clicked, session there already;
- *far away*: from scrolling to the middle of the table to its rows;
- *search*: from the last letter typed to the first hit that is marked, the pause in which the page
  waits for more letters included.

``--large 5`` does something else: it sends one file of 5 GiB through the page and says how much
memory the browser took meanwhile. It needs twice as much free disk, and some minutes.
"""

import argparse
import gzip
import os
import re
import shutil
import sqlite3
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from bench.peers.consigne import FILES, Consigne
from bench.peers.peer import Running, scratch_folder
from bench.rows import peak_memory, process_tree
from consigne.console.pages import STATIC

GIB = 1 << 30
PATIENCE = 600_000
_PAINT = """new Promise(done => new PerformanceObserver(list => {
    const paint = list.getEntriesByName("first-contentful-paint")[0];
    if (paint) done(paint.startTime);
}).observe({type: "paint", buffered: true}))"""
# Both clocks are the page's own: what leads the browser does not count.
_ROW = """() => new Promise(done => {
    const look = () => document.querySelector('.table-body [data-row="0"] a')
        ? done(performance.now()) : requestAnimationFrame(look);
    look();
})"""
_FAR = """() => new Promise(done => {
    const table = document.querySelector(".table");
    const row = Math.floor(table.ariaRowCount / 2), begun = performance.now();
    table.scrollTop = row * 44;
    const look = () => document.querySelector(`[data-row="${row}"] a`)
        ? done(performance.now() - begun) : requestAnimationFrame(look);
    look();
})"""
_SEARCH = """text => new Promise(done => {
    const field = document.querySelector(".search input"), begun = performance.now();
    field.value = text;
    field.dispatchEvent(new Event("input", {bubbles: true}));
    const look = () => document.querySelector(".hit mark")
        ? done(performance.now() - begun) : requestAnimationFrame(look);
    look();
})"""


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m bench.console",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--files", type=int, default=100_000, help="in the space")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--large", type=int, metavar="GIB", help="send one file of this size")
    options = parser.parse_args()
    weigh()
    with scratch_folder() as name, Running() as running:
        peer = Consigne(Path(name) / "consigne")
        peer.install()
        running.start(peer)
        if options.large:
            large(peer, Path(name), options.large * GIB)
        else:
            fill(peer, options.files)
            timings(peer, options.rounds)
    return 0


def weigh() -> None:
    """Print how heavy the files of the console are, compressed."""
    page = (STATIC / "index.html").read_text()
    first = ["index.html", *re.findall(r'/console/static/([^"]+)', page)]
    weight = {path.name: len(gzip.compress(path.read_bytes(), 9)) for path in STATIC.iterdir()}
    begun = sum(weight[name] for name in first)
    print(f"first load {begun / 1000:.1f} kB compressed, in {len(first)} files; "
          f"everything {sum(weight.values()) / 1000:.1f} kB in {len(weight)}")  # fmt: skip


def fill(peer: Consigne, total: int) -> None:
    """Put one file into the server and many rows of it into its catalog; index their names."""
    httpx.post(
        peer.url + FILES, params={"name": "file.txt"}, content=b"x", headers=peer.read_headers
    ).raise_for_status()
    data = peer.folder / "data"
    with closing(sqlite3.connect(data / "catalog.db", timeout=60)) as database, database:
        names = [row[1] for row in database.execute("PRAGMA table_info(file)")]
        new = {"id": "f.id + n.i", "name": "printf('invoice %06d.txt', n.i)"}
        new["name_fold"] = new["name"]
        database.execute(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) "
            f"INSERT INTO file ({', '.join(names)}) "
            f"SELECT {', '.join(new.get(name, f'f.{name}') for name in names)} FROM file AS f, n",
            (total - 1,),
        )
    program = Path(sys.executable).with_name("consigne")
    subprocess.run([program, "reindex", "--data", data, "--quiet"], check=True)
    print(f"{total:,} files in one folder")


def timings(peer: Consigne, rounds: int) -> None:
    """Print the medians of what people wait for."""
    took: dict[str, list[float]] = {}
    with chromium() as browser:
        for number in range(rounds):
            with visit(browser, peer) as context:
                page = context.new_page()
                page.goto("/console")
                page.get_by_role("button", name="Sign in").wait_for()
                took.setdefault("sign-in page, first paint", []).append(page.evaluate(_PAINT))
            with visit(browser, peer) as context:
                sign_in(context)
                page = context.new_page()
                page.goto("/console/default/files", wait_until="commit")
                took.setdefault("rows that can be clicked", []).append(page.evaluate(_ROW))
                expect(page.locator(".list-foot")).to_contain_text(re.compile(r"\d,\d{3}"))
                took.setdefault("rows far away", []).append(page.evaluate(_FAR))
                for word in (f"invoice {number:02}", f"00{number % 10}", "inv"):
                    page.get_by_role("searchbox").fill("")
                    expect(page.locator(".hit")).to_have_count(0)
                    found = page.evaluate(_SEARCH, word)
                    took.setdefault("search as one types, first hit", []).append(found)
    for name, values in took.items():
        print(f"{name + ':':34} {statistics.median(values):6.0f} ms "
              f"({min(values):.0f} to {max(values):.0f})")  # fmt: skip


def large(peer: Consigne, folder: Path, size: int) -> None:
    """Send one large file through the page, and print what memory that took."""
    if shutil.disk_usage(folder).free < size + GIB:
        raise SystemExit(f"this needs {(size >> 30) + 1} GiB of free disk")
    path = folder / "large.bin"
    with path.open("wb") as file:
        file.truncate(size)
    with chromium() as browser, visit(browser, peer) as context:
        sign_in(context)
        page = context.new_page()
        page.goto("/console/default/files")
        page.get_by_role("heading", name="Drop files here").wait_for()
        before, begun = memory(), time.monotonic()
        page.locator("input[type=file][multiple]").set_input_files(path)
        highest, samples = watch(page)
        seconds = time.monotonic() - begun
    files = httpx.get(peer.url + FILES, headers=peer.read_headers).json()["files"]
    assert [each["size"] for each in files] == [size], files
    rate = size / seconds / 1e6
    print(f"{size / GIB:.0f} GiB from the browser in {seconds:.0f} s ({rate:.0f} MB/s)")
    print(f"browser, all processes: {before:.0f} MB before, {highest:.0f} MB at most "
          f"({samples} samples)")  # fmt: skip
    print(f"server, the largest process: {peak_memory(peer.pid):.0f} MB")


def watch(page: Page) -> tuple[float, int]:
    """Wait until the upload is done; return the highest memory of the browser, and how often it
    was looked at."""
    done = page.locator('.upload[data-state="done"]')
    highest, samples = 0.0, 0
    while not done.count():
        highest, samples = max(highest, memory()), samples + 1
        assert not page.locator('.upload[data-state="failed"]').count(), "the upload was refused"
        page.wait_for_timeout(500)
    return highest, samples


def memory() -> float:
    """Return the memory of all processes of the browser in MB; what they share counts once."""
    total = 0
    for pid in process_tree(os.getpid()):
        try:
            if b"chromium" not in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0]:
                continue
            lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue  # it has ended
        total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total * 1024 / 1e6


@contextmanager
def chromium() -> Iterator[Browser]:
    path = shutil.which("chromium")
    if path is None:
        raise SystemExit("Chromium is missing: run scripts/parts")
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=sandbox)
        yield browser
        browser.close()


@contextmanager
def visit(browser: Browser, peer: Consigne) -> Iterator[BrowserContext]:
    """Open a window of somebody with an empty cache."""
    context = browser.new_context(
        base_url=peer.url, locale="en-GB", viewport={"width": 1280, "height": 800}
    )
    context.set_default_timeout(PATIENCE)
    yield context
    context.close()


def sign_in(context: BrowserContext) -> None:
    login, _, password = Consigne.environment["CONSIGNE_BOOTSTRAP_USER"].partition(":")
    body = {"login": login, "password": password, "cookie": True}
    answer = context.request.post("/consigne/v1/session", data=body)
    assert answer.status == 201, answer.text()


if __name__ == "__main__":
    sys.exit(main())
