"""Dockerfile, Compose file and units: what can be checked without running them."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from consigne.cli import main, reference
from consigne.cli.main import COMMANDS

TOP = Path(__file__).parents[2]
DEPLOY = TOP / "deploy"
COMPOSE = DEPLOY / "compose.yaml"
UNITS = sorted(DEPLOY.glob("*.service"))


@pytest.fixture(scope="module")
def compose() -> Any:
    return yaml.safe_load(COMPOSE.read_text())


def is_a_command(words: list[str]) -> bool:
    """Tell whether the command line knows a command and the options that it is given."""
    assert words[0].rpartition("/")[2] == "consigne"
    command: click.Command | None = main
    arguments = words[1:]
    while isinstance(command, click.Group):
        command = command.get_command(click.Context(command), arguments.pop(0))
    assert command is not None, words
    command.make_parser(click.Context(command)).parse_args(arguments)
    return True


def test_every_variable_is_a_setting() -> None:
    known = {each.variable for each in reference.settings()}
    files = [TOP / "Dockerfile", *(path for path in DEPLOY.rglob("*") if path.is_file())]
    for path in files:
        named = set(re.findall(r"\bCONSIGNE_[A-Z0-9_]+", path.read_text()))
        assert named <= known, (path.name, named - known)


def test_the_services_belong_together(compose: Any) -> None:
    """Who waits for whom is there, volumes and configurations too, and commands exist."""
    services = compose["services"]
    assert set(services) == {"server", "worker", "postgres", "store", "bucket"}
    for name, service in services.items():
        assert service.get("image"), name
        for other in service.get("depends_on", []):
            assert other in services
        for volume in service.get("volumes", []):
            assert volume.split(":")[0] in compose["volumes"]
        for config in service.get("configs", []):
            assert config["source"] in compose["configs"]
        if service["image"] == "consigne":
            assert is_a_command(service["command"])
            assert (COMPOSE.parent / service["build"]["context"] / "Dockerfile").exists()


def test_servers_and_workers_share_a_vault(compose: Any) -> None:
    """Everything that must be the same on all of them is; secrets have no default."""
    server, worker = (compose["services"][name]["environment"] for name in ("server", "worker"))
    assert worker.items() <= server.items()
    for name in ("CONSIGNE_CATALOG", "CONSIGNE_BLOBS", "CONSIGNE_MASTER_KEY"):
        assert name in worker
    for name, value in server.items():
        if re.search("KEY|USER|SECRET|CATALOG", name) and name != "CONSIGNE_S3_ACCESS_KEY":
            assert re.search(r"\$\{\w+:\?\}", value), name
    told = set(re.findall(r"^(\w+)=", (DEPLOY / "README.md").read_text(), re.MULTILINE))
    needed = set(re.findall(r"\$\{(\w+):\?\}", COMPOSE.read_text()))
    assert needed == told


def test_the_image_runs_as_nobody_in_particular() -> None:
    text = (TOP / "Dockerfile").read_text()
    last = text.split("\nFROM ")[-1]
    assert re.search(r"^USER consigne$", last, re.MULTILINE)
    assert "HEALTHCHECK" in last
    assert is_a_command(re.findall(r'"([^"]+)"', last.rpartition("\nCMD ")[2]))
    probe = re.search(r'CMD \["python", "-c", "(.+)"\]', last)
    assert probe
    compile(probe[1], "HEALTHCHECK", "exec")


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_units_are_understood(unit: Path, tmp_path: Path) -> None:
    """By systemd itself where it is there; the commands are ours in any case."""
    text = unit.read_text()
    for line in re.findall(r"^Exec\w+=(.+)$", text, re.MULTILINE):
        assert is_a_command(line.split())
    assert "User=consigne" in text
    if shutil.which("systemd-analyze") is None:
        return
    # It looks whether the program is there.
    copy = tmp_path / unit.name
    copy.write_text(text.replace("/opt/consigne/bin/consigne", sys.executable))
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", str(copy)],
                          capture_output=True, text=True, check=False, timeout=60)  # fmt: skip
    about = [line for line in done.stderr.splitlines() if unit.name in line]
    assert not about, about


def test_there_is_a_unit_for_each_long_running_command() -> None:
    started = {re.search(r"^ExecStart=\S+ (\w+)", unit.read_text(), re.MULTILINE)[1]  # type: ignore[index]
               for unit in UNITS}  # fmt: skip
    assert started == {"serve", "worker"} <= set(COMMANDS)
