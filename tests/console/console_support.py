"""A console in a real browser, and people who use it."""

import asyncio
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from native_support import Client, Space
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Dialog, Page, expect
from tests.parts.server import RunningServer

from consigne import app
from consigne.catalog.engine import Tx
from consigne.settings import load

TOP = Path(__file__).resolve().parents[2]
SCREENS = TOP / "console/.screens"
AXE = TOP / "console/node_modules/axe-core/axe.min.js"
PATIENCE = 60_000
# What WCAG 2.2 AA asks for, as far as a program can see it, and what axe thinks is good practice.
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]

expect.set_options(timeout=PATIENCE)


class Visit:
    """One person's browser window on the console.

    Anything that the page logs as an error, a violation of its policy above all, fails the test
    when the visit ends; a refusal of the server is not one of these.
    """

    def __init__(self, browser: Browser, url: str, **options: Any) -> None:
        self.url = url
        options = {"locale": "en-GB", "viewport": {"width": 1280, "height": 800}} | options
        self.context: BrowserContext = browser.new_context(base_url=url, **options)
        self.context.set_default_timeout(PATIENCE)
        self.wrong: list[str] = []
        self.page = self.new_page()

    def new_page(self) -> Page:
        """Open another tab of the same person."""
        page = self.context.new_page()
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.wrong.append(f"uncaught: {error}"))
        page.on("dialog", self._answer)
        return page

    def sign_in(self, login: str, password: str, path: str = "/console") -> Page:
        """Go to a place of the console and sign in by its form."""
        page = self.page
        page.goto(path)
        page.get_by_label("E-mail or user name").fill(login)
        page.get_by_label("Password").fill(password)
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("navigation", name="Navigation").wait_for(state="attached")
        return page

    def enter(self, login: str, password: str, path: str = "/console") -> Page:
        """Get a session without the form, which has tests of its own, and go to a place."""
        answer = self.context.request.post(
            "/consigne/v1/session", data={"login": login, "password": password, "cookie": True}
        )
        assert answer.status == 201, answer.text()
        self.page.goto(path)
        return self.page

    def shot(self, name: str, page: Page | None = None) -> None:
        """Keep a picture of the page for people to look at."""
        SCREENS.mkdir(exist_ok=True)
        (page or self.page).screenshot(path=SCREENS / f"{name}.png", animations="disabled")

    def check(self, name: str, page: Page | None = None) -> None:
        """Keep a picture, and let axe look at the page: it finds nothing to blame."""
        page = page or self.page
        self.shot(name, page)
        page.evaluate(AXE.read_text())
        # Scripts of the protocol are not bound by the page's policy; those of the page are.
        found = page.evaluate(
            "rules => axe.run(document, {runOnly: rules, resultTypes: ['violations']})", RULES
        )
        blamed = [
            f"{each['id']}: {node['html'][:200]} {node['failureSummary']}"
            for each in found["violations"]
            for node in each["nodes"]
        ]
        assert not blamed, "\n".join(blamed)

    def end(self) -> None:
        self.context.close()
        assert not self.wrong, self.wrong

    def _answer(self, dialog: Dialog) -> None:
        """Leave a page that asks whether to; no other dialog of the browser's is ours."""
        if dialog.type != "beforeunload":
            self.wrong.append(f"a dialog: {dialog.message}")
        dialog.accept()

    def _hear(self, message: ConsoleMessage) -> None:
        refused = re.match("Failed to load resource: (the|net::)", message.text)
        if "Content Security Policy" in message.text or (message.type == "error" and not refused):
            self.wrong.append(message.text)


Visits = Callable[..., Visit]

PASSWORD = "a password for tests"


def person(space: Space, name: str, role: str = "writer") -> str:
    """Make a user with a role in a space whose home it is, and return his e-mail address."""
    email = f"{name}.{space.short}@example.org"
    user = {"email": email, "password": PASSWORD, "name": name.capitalize(), "home": space.short}
    space.operator.ok("POST", "/users", 201, json=user)
    space.operator.ok("PUT", f"/spaces/{space.short}/members/{email}", json={"role": role})
    return email


def sign_in(url: str, login: str, password: str) -> tuple[Client, str]:
    """Return a client that has the cookie of a session, and the session's proof."""
    client = Client(url)
    body = {"login": login, "password": password, "cookie": True}
    return client, client.ok("POST", "/session", 201, json=body)["csrf"]


def bearer(space: Space, email: str) -> Client:
    """Return a client that is logged in as this person, in the space."""
    body = {"login": email, "password": PASSWORD}
    token = Client(space.url).ok("POST", "/session", 201, json=body)["token"]
    return Client(space.url, token, **{"X-Consigne-Space": space.short})


def write(server: RunningServer, work: Callable[[Tx], object]) -> None:
    """Run a unit of work in the catalog of a server: what only time would bring about."""
    catalog = app.open_catalog(load({"data": str(server.data)}, environ=server.env))

    async def run() -> None:
        await catalog.open()
        await catalog.write(work)
        await catalog.close()

    # The browser's own loop runs in this thread.
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, run()).result()
