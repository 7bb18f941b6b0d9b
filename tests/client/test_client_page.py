"""docs/client.md is so: its snippets run, in order, and it names every exception there is."""

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.appmixer.support import Person

import consigne.client
from consigne.client import ClientError

PAGE = (Path(__file__).parents[2] / "docs/client.md").read_text()


def test_the_snippets_run(ines: Person, tmp_path: Path) -> None:
    """As one program, twice: the second time with what the first one has left."""
    snippets = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "page.py").write_text("\n".join(snippets))
    (tmp_path / "scan.pdf").write_bytes(b"%PDF-1.7 " + os.urandom(2000))
    (tmp_path / "movie.mkv").write_bytes(os.urandom(17 << 20))
    env = {**os.environ, "CONSIGNE_URL": ines.space.server.url, "CONSIGNE_KEY": ines.token}
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "page.py"], cwd=tmp_path, env=env, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        assert "404 file_not_found No such file." in done.stdout
    assert (tmp_path / "copy.mkv").read_bytes() == (tmp_path / "movie.mkv").read_bytes()
    assert not (tmp_path / "movie.ticket").exists()


def test_every_exception_is_named() -> None:
    things = (getattr(consigne.client, name) for name in consigne.client.__all__)
    for thing in things:
        if isinstance(thing, type) and issubclass(thing, ClientError):
            assert f"`{thing.__name__}`" in PAGE
