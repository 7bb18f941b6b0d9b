"""What is shipped installs into an empty environment and runs from an empty folder.

The environment is made by the very commands of the Dockerfile, so one run shows both.
"""

import hashlib
import os
import re
import shlex
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import httpx
import pytest
from tests.parts.server import RunningServer

TOP = Path(__file__).parents[2]
DOCKERFILE = TOP / "Dockerfile"
pytestmark = pytest.mark.timeout(900)


def sources() -> list[str]:
    """Return every file of the project; what is made or fetched on a desk is left out."""
    found = []
    for folder, below, names in os.walk(TOP):
        here = Path(folder).relative_to(TOP)
        below[:] = [name for name in below if not is_made(here / name)]
        found += [str(here / name) for name in names if not name.endswith(".pyc")]
    return found


def is_made(folder: Path) -> bool:
    """Tell whether a folder is none of the repository's (see .gitignore)."""
    made = {"data", "dist", "node_modules", "bench/results", "src/consigne/manual/site"}
    hidden = folder.name.startswith(".") and folder.name != ".ci"
    return hidden or folder.name in ("__pycache__", "node_modules") or str(folder) in made


def given_to_docker(name: str) -> bool:
    """Tell whether .dockerignore lets a file through."""
    rules = [line for line in (TOP / ".dockerignore").read_text().splitlines() if line[:1] != "#"]
    kept = [rule[1:] for rule in rules if rule.startswith("!")]
    assert rules[0] == "*"
    return any(name == rule or name.startswith(f"{rule}/") for rule in kept)


def copied(to: Path, names: list[str]) -> None:
    for name in names:
        (to / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(TOP / name, to / name)


def build_commands() -> list[str]:
    """Return the RUN lines of the Dockerfile's first stage."""
    first = DOCKERFILE.read_text().split("\nFROM ")[1]
    commands: list[str] = re.findall(r"^RUN (.+)$", first, re.MULTILINE)
    assert len(commands) == 4
    return commands


class Shipped:
    """What the Dockerfile has built: the wheel and the environment."""

    def __init__(self, folder: Path) -> None:
        self.source, self.wheels, self.environment = (
            folder / name for name in ("src", "wheels", "environment")
        )
        copied(self.source, [name for name in sources() if given_to_docker(name)])
        for command in build_commands():
            # With pip's cache: the desk's environment is made of the same versions.
            here = command.replace(" --no-cache-dir", "").replace("/wheels", str(self.wheels))
            here = here.replace("/opt/consigne", str(self.environment))
            here = re.sub(r"^python ", f"{shlex.quote(sys.executable)} ", here)
            run(["sh", "-c", here], self.source)

    @property
    def wheel(self) -> Path:
        (found,) = self.wheels.glob("consigne-*.whl")
        return found

    @property
    def command(self) -> Path:
        return self.environment / "bin/consigne"


def run(command: list[str], folder: Path, env: Mapping[str, str] | None = None) -> str:
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True,
                          check=False, timeout=600)  # fmt: skip
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shipped]:
    folder = tmp_path_factory.mktemp("shipped")
    yield Shipped(folder)
    shutil.rmtree(folder, ignore_errors=True)


def test_the_wheel_runs_from_an_empty_environment(shipped: Shipped, tmp_path: Path) -> None:
    """Serve in an empty folder, upload, download, look at every kind of page, and stop."""
    server = RunningServer(
        tmp_path / "data", command=(str(shipped.command),),
        env={"PYTHONPATH": "", "PATH": "/usr/bin:/bin", "CONSIGNE_PUBLIC_URL": ""},
    )  # fmt: skip
    server.start()
    try:
        body = os.urandom(3_000_000)
        with server.client() as client:
            sent = client.post("/consigne/v1/files", params={"name": "a.bin"}, content=body)
            assert sent.status_code == 201, sent.text
            again = client.get(f"/consigne/v1/files/{sent.json()['id']}/content")
            assert hashlib.sha256(again.content).digest() == hashlib.sha256(body).digest()
            assert client.get("/files").status_code == 200
        for path in ("/", "/docs/", "/console", "/console/", "/metrics", "/health/ready"):
            shown = httpx.get(server.url + path, follow_redirects=True, timeout=30)
            assert shown.status_code == 200, path
        assert "consigne_build_info" in httpx.get(f"{server.url}/metrics", timeout=30).text
        server.terminate()
    finally:
        server.kill9()


def test_the_commands_of_the_wheel_work(shipped: Shipped, tmp_path: Path) -> None:
    env = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)}
    for arguments in (["--help"], ["config", "check"], ["config", "show"], ["doctor", "--quiet"]):
        run([str(shipped.command), *arguments], tmp_path, env)


def test_nothing_is_missing_in_the_wheel(shipped: Shipped) -> None:
    """Every file of the package is in it: pages, migrations, OpenAPI documents, tables."""
    inside = set(zipfile.ZipFile(shipped.wheel).namelist())
    wanted = {name.removeprefix("src/") for name in sources() if name.startswith("src/")}
    assert wanted - inside == set()
    assert any(name.startswith("consigne/manual/site/") for name in inside)
    assert any(name.endswith("licenses/LICENSE") for name in inside)
    strange = {name for name in inside - wanted if not name.startswith("consigne/manual/site/")}
    assert all(".dist-info/" in name for name in strange), strange


def test_the_sdist_makes_the_same_wheel(shipped: Shipped, tmp_path: Path) -> None:
    """So what installs from the one installs from the other; nothing of a desk is in it."""
    copied(tmp_path / "top", sources())
    build = [sys.executable, "-m", "hatchling", "build"]
    run([*build, "-t", "sdist", "-d", str(tmp_path)], tmp_path / "top")
    (sdist,) = tmp_path.glob("consigne-*.tar.gz")
    with tarfile.open(sdist) as packed:
        names = packed.getnames()
        packed.extractall(tmp_path / "unpacked", filter="data")
    assert not [name for name in names if re.search(r"/(\.venv|\.cache|data|node_modules)/", name)]
    (source,) = (tmp_path / "unpacked").iterdir()
    run([*build, "-t", "wheel", "-d", str(tmp_path)], source)
    (wheel,) = tmp_path.glob("consigne-*.whl")
    assert contents(wheel) == contents(shipped.wheel)


def contents(wheel: Path) -> dict[str, str]:
    """Return a digest of each file; the manual's pages may carry the time of their making."""
    with zipfile.ZipFile(wheel) as packed:
        return {
            name: hashlib.sha256(packed.read(name)).hexdigest()
            for name in packed.namelist()
            if not name.startswith("consigne/manual/site/") and not name.endswith("RECORD")
        }
