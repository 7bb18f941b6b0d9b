"""The manual in a real browser: nothing is refused, nothing leaves, the search finds (C-40)."""

import os
import re
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import BrowserContext, Page, expect, sync_playwright

from tests.parts.server import RunningServer

PATIENCE = 60_000
REPORTS = """
window.refused = [];
document.addEventListener("securitypolicyviolation", (event) =>
  window.refused.push(`${event.violatedDirective}: ${event.blockedURI} ${event.sourceFile}`));
"""


@pytest.fixture(scope="module")
def context() -> Iterator[BrowserContext]:
    path = shutil.which("chromium")
    assert path, "Chromium is missing: run scripts/parts"
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=sandbox)
        context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
        context.set_default_timeout(PATIENCE)
        context.add_init_script(REPORTS)
        yield context
        browser.close()


@pytest.fixture
def page(context: BrowserContext, server: RunningServer) -> Iterator[Page]:
    """A page that may ask nobody but the server, and whose errors are the test's."""
    page = context.new_page()
    complaints: list[str] = []

    def asked(url: str) -> None:
        if not url.startswith((server.url, "data:", "blob:")):
            complaints.append(url)

    page.on("request", lambda request: asked(request.url))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    yield page
    complaints += page.evaluate("window.refused")
    page.close()
    assert complaints == []


def test_search(page: Page, server: RunningServer) -> None:
    """From the start to an error's explanation, by words."""
    page.goto(f"{server.url}/docs/")
    field = page.locator("input[role=combobox]")
    field.wait_for(state="attached")  # the search has its index
    page.locator(".md-search__button").click()
    field.fill("quota exceeded")
    hit = page.get_by_role("option").first
    expect(hit).to_contain_text("quota_exceeded", timeout=PATIENCE)
    assert page.evaluate("window.refused") == []
    hit.click()
    page.wait_for_url(re.compile(r"/docs/errors/.*#quota_exceeded$"), timeout=PATIENCE)
    expect(page.locator("#quota_exceeded")).to_be_in_viewport(timeout=PATIENCE)


def test_what_is_copied(page: Page, server: RunningServer) -> None:
    """The commands of a tour, without prompts and answers."""
    page.goto(f"{server.url}/docs/tutorials/native/")
    block = page.locator(".highlight").nth(1)
    block.hover()
    block.get_by_role("button").first.click()
    page.wait_for_function("navigator.clipboard.readText().then((text) => text.includes('curl'))")
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith("printf 'Offer 118")
    assert "$ " not in copied
    assert "detected_type" not in copied


def test_the_openapi_browser(page: Page, server: RunningServer) -> None:
    """Every operation of a dialect is shown, and one can be opened."""
    page.goto(f"{server.url}/docs/api/arrhes")
    operation = page.locator(".opblock").first
    expect(operation).to_be_visible(timeout=PATIENCE)
    assert page.locator(".opblock").count() >= 28
    operation.locator(".opblock-summary-control").click()
    expect(operation.get_by_role("button", name="Try it out")).to_be_visible(timeout=PATIENCE)
