"""A server as a newcomer has it: first start, nothing given, and what it printed."""

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.parts.server import RunningServer

from .snippets import ROOT, Shell, Step

NOTHING_GIVEN = {
    "CONSIGNE_BOOTSTRAP_USER": "",
    "CONSIGNE_BOOTSTRAP_KEY": "",
    "CONSIGNE_BOOTSTRAP_CLIENT": "",
}


@contextmanager
def newcomer(folder: Path) -> Iterator[Shell]:
    """Start a server in a folder; give a shell there that knows what the greeting says.

    ``make`` is what a reader types in a checkout: ``make run`` prints the greeting.
    """
    server = RunningServer(folder / "data", env=NOTHING_GIVEN)
    shell = None
    try:
        server.start()
        greeting = server.log
        (folder / "greeting").write_text(greeting.replace(str(folder / "data"), "./data"))
        known = {"URL": server.url, **facts(greeting), "CONSIGNE_DATA": "./data"}
        _like_a_checkout(folder)
        shell = Shell(folder, server.url, {"CONSIGNE_URL": server.url, **known})
        shell.run(Step("make() { cat greeting; }"))
        yield shell
        server.terminate()
    finally:
        if shell is not None:
            shell.close()
        server.kill9()


def _like_a_checkout(folder: Path) -> None:
    """Lay out what the pages use of a checkout."""
    for name in ("README.md", "examples", ".venv"):
        (folder / name).symlink_to(ROOT / name)
    (folder / "docs").mkdir()
    for page in (ROOT / "docs").glob("*s.md"):
        shutil.copy(page, folder / "docs")
    shutil.copy(ROOT / "docs/cli.md", folder / "docs")


def facts(greeting: str) -> dict[str, str]:
    """Return what the first start printed, under the names that the pages use."""
    found = {}
    for name, pattern in (
        ("USER_NAME", r"User +(\S+)"),
        ("PASSWORD", r"Password +(\S+)"),
        ("KEY", r"API key +(\S+)"),
        ("CLIENT_ID", r"OAuth +client (\S+),"),
        ("CLIENT_SECRET", r"secret (\S+)"),
    ):
        match = re.search(pattern, greeting)
        assert match, greeting
        found[name] = match[1]
    return found
