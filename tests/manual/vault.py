"""A server as a newcomer has it: first start, nothing given, and what it printed."""

import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.parts.process import free_port
from tests.parts.server import RunningServer

from .shell import Shell
from .snippets import ROOT, Page, Step

NOTHING_GIVEN = {
    "CONSIGNE_BOOTSTRAP_USER": "",
    "CONSIGNE_BOOTSTRAP_KEY": "",
    "CONSIGNE_BOOTSTRAP_CLIENT": "",
    "CONSIGNE_WEBHOOK_ALLOW_PRIVATE": "127.0.0.1",
}
PORTS = ("PORT_A", "PORT_B", "PORT_C")


@contextmanager
def newcomer(folder: Path, page: Page, parts: Mapping[str, str]) -> Iterator[Shell]:
    """Start a server in a folder; give a shell there that knows what the greeting says.

    ``make`` is what a reader types in a checkout: ``make run`` prints the greeting. ``parts`` are
    variables for the shell; ``PORTS`` are free ones.
    """
    server = RunningServer(folder / "data", env=NOTHING_GIVEN)
    shell = None
    try:
        server.start()
        greeting = server.log
        (folder / "greeting").write_text(greeting.replace(str(folder / "data"), "./data"))
        known = {"URL": server.url, **facts(greeting), "CONSIGNE_DATA": "./data"}
        known |= {"CONSIGNE_URL": server.url, "SERVER_PID": str(server.pid)}
        known["CONSIGNE_PORT"] = str(server.port)
        known |= {name: str(free_port()) for name in PORTS}
        _like_a_checkout(folder)
        shutil.copy(page.path, folder / ".page")
        shell = Shell(folder, server.url, {**known, **parts})
        shell.run(Step("make() { cat greeting; }"))
        if "MACHINE" in parts:
            shell.run(Step('. "$MACHINE"'))
        yield shell
        server.terminate()
    finally:
        if shell is not None:
            shell.close()
        server.kill9()


def _like_a_checkout(folder: Path) -> None:
    """Lay out what the pages use of a checkout."""
    for name in ("README.md", "examples", "deploy", ".venv"):
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
