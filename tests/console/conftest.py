"""Visits of people to the console."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser
from tests.parts.server import KEY, RunningServer

sys.path.append(str(Path(__file__).parent.parent / "native"))
sys.path.append(str(Path(__file__).parent.parent / "webhooks"))

from console_support import Visit, Visits, person
from native_support import Space, make_space


@pytest.fixture
def visit(browser: Browser, server: RunningServer) -> Iterator[Visits]:
    """Give a function that opens a browser window of a new person."""
    with ExitStack() as visits:

        def start(url: str = server.url, **options: Any) -> Visit:
            made = Visit(browser, url, **options)
            visits.callback(made.end)
            return made

        yield start


@pytest.fixture
def space(server: RunningServer) -> Space:
    """An empty space of this test's own."""
    return make_space(server.url, KEY)


@pytest.fixture
def ines(space: Space) -> str:
    """A writer whose home the space is, by her e-mail address."""
    return person(space, "ines")
