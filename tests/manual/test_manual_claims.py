"""What the pages say about names, defaults and states is what the code has."""

import re
import shutil
import subprocess
from pathlib import Path

import msgspec
import pytest

from consigne import lifecycle
from consigne.settings import NOT_SETTINGS, Settings, parse_size
from tests.parts.process import free_port

from .snippets import ROOT

NAMES = {f"CONSIGNE_{field.name.upper()}" for field in msgspec.structs.fields(Settings)}
# Variables of the example scripts and of the tests.
OTHERS = NOT_SETTINGS | {"CONSIGNE_CLIENT", "CONSIGNE_USER", "CONSIGNE_PASSWORD"}


@pytest.mark.parametrize("folder", ["tutorials", "howto", "migrate", "explanation"])
def test_settings_exist(folder: str) -> None:
    """A setting that is renamed takes the pages along."""
    for page in (ROOT / "docs" / folder).glob("*.md"):
        named = set(re.findall(r"(?<!_)\bCONSIGNE_[A-Z0-9_]+\b", page.read_text()))
        assert named - NAMES - OTHERS == set(), page.name


def test_the_machine_of_a_file() -> None:
    """C-14: the page has the rows of the one table."""
    text = (ROOT / "docs/explanation/life-of-a-file.md").read_text()
    table = text.partition("| from | verb | to |")[2]
    rows = re.findall(r"^\| (\w+) \| (\w+) \| (\w+) \|$", table, re.MULTILINE)
    told = [(str(start), verb, str(end)) for (start, verb), end in lifecycle.FILE.items()]
    assert rows == told


def test_limits() -> None:
    """The sizes and counts of the page are the defaults."""
    text = (ROOT / "docs/explanation/limits.md").read_text()
    settings = Settings()
    compared = 0
    for shown, name in re.findall(r"\| ([^|]+) \| `CONSIGNE_(\w+)` \|$", text, re.MULTILINE):
        value = getattr(settings, name.lower())
        if re.fullmatch(r"[\d,.]+ [KMGT]i?B", shown):
            assert parse_size(shown) == value, name
        elif number := re.fullmatch(r"([\d,]+)( characters)?", shown):
            assert int(number[1].replace(",", "")) == value, name
        elif days := {"a day": 1, "two days": 2, "30 days": 30}.get(shown):
            assert value == days * 86_400, name
        else:
            assert (shown, value) == ("none", 0), name
        compared += 1
    assert compared >= 10


def test_the_configuration_of_nginx(tmp_path: Path) -> None:
    """The real nginx takes it, with another port and a certificate of the test's own."""
    nginx = shutil.which("nginx", path="/usr/sbin:/usr/local/sbin:/usr/bin")
    assert nginx, "nginx is missing: run scripts/parts"
    page = (ROOT / "docs/howto/reverse-proxy.md").read_text()
    (server,) = re.findall(r"```nginx\n(.*?)```", page, re.DOTALL)
    pem, key = tmp_path / "pem", tmp_path / "key"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1",
         "-subj", "/CN=files.example.org", "-keyout", key, "-out", pem],
        check=True, capture_output=True,
    )  # fmt: skip
    for shown, real in (
        ("listen 443 ssl", f"listen 127.0.0.1:{free_port()} ssl"),
        ("/etc/ssl/files.example.org.pem", str(pem)),
        ("/etc/ssl/private/files.example.org.key", str(key)),
    ):
        assert shown in server
        server = server.replace(shown, real)
    configuration = tmp_path / "nginx.conf"
    configuration.write_text(f"pid {tmp_path}/pid;\nevents {{}}\nhttp {{\n{server}\n}}\n")
    done = subprocess.run(
        [nginx, "-t", "-c", configuration, "-e", tmp_path / "log"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
