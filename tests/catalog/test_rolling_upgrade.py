"""The previous version serves while this one migrates, and both serve beside each other (0020)."""

import lzma
import sys
import tarfile
import threading
from pathlib import Path

import pytest
from test_expand import API, round_trip
from tests.parts.server import RunningServer, ServerStarter

from consigne.catalog import migrate

PREVIOUS = Path(__file__).with_name("previous.tar.xz")
REVISION = "0013"


@pytest.fixture
def old_code(tmp_path: Path) -> Path:
    """The source of the previous version (``scripts/previous``)."""
    with lzma.open(PREVIOUS) as packed, tarfile.open(fileobj=packed) as archive:
        archive.extractall(tmp_path / "previous", filter="data")
    return tmp_path / "previous/src"


class Uploads:
    """Round trips at a server that go on until the block is over; none may fail."""

    def __init__(self, server: RunningServer) -> None:
        self.server = server
        self.made: list[str] = []
        self.wrong: BaseException | None = None
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> "Uploads":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        if self.wrong is not None:
            raise self.wrong

    def _run(self) -> None:
        try:
            with self.server.client() as client:
                while not self._over.is_set():
                    self.made.append(round_trip(client))
        except BaseException as error:
            self.wrong = error


@pytest.mark.parametrize("engine", ["sqlite", "postgres"])
def test_the_previous_version_serves_through_an_upgrade(
    request: pytest.FixtureRequest,
    start_server: ServerStarter,
    tmp_path: Path,
    old_code: Path,
    engine: str,
) -> None:
    """Issue 5: it starts on its own schema, is migrated under load by a server of this version, and
    both read and write what the other has written; the old one starts again on the new schema."""
    url = f"sqlite:///{tmp_path / 'data/catalog.db'}"
    env = {}
    if engine == "postgres":
        url = env["CONSIGNE_CATALOG"] = request.getfixturevalue("postgres_url")
    command = (sys.executable, "-m", "consigne.cli")
    old = start_server(env=env | {"PYTHONPATH": str(old_code)}, command=command)
    assert migrate.current(url) == REVISION
    with Uploads(old) as load:
        new = start_server(old.data, env=env)
        assert migrate.current(url) == migrate.newest()
        with new.client() as client:
            made = [round_trip(client) for _ in range(3)]
    old.restart()
    with old.client() as at_old, new.client() as at_new:
        made += [*load.made, round_trip(at_old), round_trip(at_new)]
        for client in (at_old, at_new):
            listed = client.get(f"{API}/files", params={"limit": 1000}).json()["files"]
            assert {file["id"] for file in listed} == set(made)
            for file_id in made:
                assert client.get(f"{API}/files/{file_id}/content").content == b"two"
