"""Years to sign URLs for, and issued key pairs."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.parts.server import COMMAND, EMAIL, RunningServer

sys.path.append(str(Path(__file__).parents[1] / "arrhes"))

from arrhes_support import Organization, Year, found_organization

Issue = Callable[..., tuple[str, str]]


@pytest.fixture
def organization(server: RunningServer) -> Organization:
    """An empty organization of this test's own."""
    return found_organization(server)


@pytest.fixture
def year(organization: Organization) -> Year:
    """An open year in it."""
    return organization.year()


@pytest.fixture
def issue(server: RunningServer) -> Issue:
    """Give a function that issues a key pair with the command: (access key, secret key)."""

    def make(space: str | None = None, *more: str) -> tuple[str, str]:
        command = [*COMMAND, "key", "create", "--s3", "--user", EMAIL, "--json", *more]
        command += ["--data", str(server.data), *(["--space", space] if space else [])]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0, done.stderr
        made = json.loads(done.stdout)
        return made["access_key"], made["secret_key"]

    return make
