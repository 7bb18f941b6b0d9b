"""Debian's Chromium, led by Playwright."""

import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Run a browser for the tests of one file.

    No longer than that: as long as it is led, its event loop counts as running in this thread, and
    no asynchronous test of another file could start.
    """
    path = shutil.which("chromium")
    assert path, "Chromium is missing: run scripts/parts"
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=sandbox)
        yield running
        running.close()
