"""Bytes by the Python client: in by every kind of source, out to every kind of target, over a
network that breaks; issue 6."""

import hashlib
import io
import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.appmixer.support import Person
from tests.parts.cutting_proxy import cutting_proxy

from consigne.client import Changed, Conflict, NoRoom

MIB = 1 << 20
BIG = 20 * MIB + 7  # goes up in parts of 8 MiB

Connect = Callable[..., Any]


class Pipe(io.RawIOBase):
    """Bytes that come in small pieces and cannot be read twice."""

    def __init__(self, data: bytes) -> None:
        self._rest = io.BytesIO(data)

    def read(self, size: int = -1) -> bytes:
        return self._rest.read(min(size, 100_000))

    def seekable(self) -> bool:
        return False


class Told:
    """What a progress callback was told; ``limit``: raise once so many bytes are done."""

    def __init__(self, limit: int | None = None) -> None:
        self.steps: list[tuple[int, int | None]] = []
        self._limit = limit

    def __call__(self, done: int, total: int | None) -> None:
        self.steps.append((done, total))
        if self._limit is not None and done >= self._limit:
            raise InterruptedError("enough")


@pytest.mark.parametrize("size", [0, 1, BIG], ids=["empty", "small", "big"])
def test_every_source_and_every_target(client: Any, tmp_path: Path, size: int) -> None:
    """What goes in comes out, from and to paths, files, pipes and memory."""
    data = os.urandom(size)
    path = tmp_path / "Été 1.bin"
    path.write_bytes(data)
    told = Told()
    file = client.upload(path, progress=told)
    assert (file.name, file.size, file.sha256) == (
        path.name,
        size,
        hashlib.sha256(data).hexdigest(),
    )
    assert [done for done, _ in told.steps] == sorted({done for done, _ in told.steps})
    assert told.steps[-1] == (size, size)
    assert client.upload(data, name="a").sha256 == file.sha256
    assert client.upload(Pipe(data), name="b").sha256 == file.sha256
    with path.open("rb") as source:
        source.seek(min(size, 1))
        assert client.upload(source, name="c").size == size - min(size, 1)
    assert client.json("GET", "/uploads")["uploads"] == []

    told = Told()
    assert client.download(file, tmp_path / "out", progress=told).name == path.name
    assert (tmp_path / "out").read_bytes() == data
    assert told.steps[-1:] == [(size, size)] * (size > 0)
    assert not list(tmp_path.glob("*.part"))
    target = io.BytesIO()
    client.download(file.id, target)
    assert target.getvalue() == client.read(file) == b"".join(client.stream(file.id)) == data


def test_wishes_reach_the_file(client: Any) -> None:
    """Small and large files get the same properties."""
    folder = client.ensure_folder("In/2026 100%25")
    for data in (b"x", bytes(BIG)):
        file = client.upload(
            data, name="発注.pdf", folder=folder.id, type="image/x-odd", access="private",
            reference="R 1", tags=["b", "a"], meta={"k": "v=&"}, hold=True, expires_in=3600,
        )  # fmt: skip
        assert (file.name, file.folder, file.type) == ("発注.pdf", folder.id, "image/x-odd")
        assert (file.access, file.reference, file.tags) == ("private", "R 1", ["a", "b"])
        assert (file.meta, file.state) == ({"k": "v=&"}, "held")
        assert (file.expires_at - file.created_at).total_seconds() < 3700


def test_a_new_version(client: Any, tmp_path: Path) -> None:
    """From a path and from a pipe; where the version meant is not there any more, it is refused."""
    file = client.upload(b"one", name="a.txt")
    path = tmp_path / "two"
    path.write_bytes(os.urandom(BIG))
    told = Told()
    second = client.replace(file, path, match=file.sha256, progress=told)
    assert (second.id, second.version) == (file.id, file.version + 1)
    assert told.steps[-1] == (BIG, BIG)
    with pytest.raises(Conflict) as refused:
        client.replace(file, b"three", match=file.sha256)
    assert (refused.value.status, refused.value.code) == (412, "precondition_failed")
    third = client.replace(file.id, Pipe(b"three" * 100_000), name="b.txt")
    assert third.name == "b.txt"
    assert client.read(third) == b"three" * 100_000
    assert [version.number for version in client.versions(file)] == [3, 2, 1]


def _cuts(seed: int, number: int, most: int) -> Iterator[int | None]:
    """Yield cuts on the way up and on the way down, some before the first byte of an answer."""
    chance = random.Random(seed)
    for _ in range(number):
        size = chance.randrange(1, most)
        yield chance.choice([size, -size, -1])


@pytest.mark.parametrize("seed", range(2))
def test_over_a_network_that_breaks(
    connect: Connect, ines: Person, tmp_path: Path, seed: int
) -> None:
    """Cut anywhere, again and again: one file, all bytes, and nothing left behind (pains 3)."""
    data = os.urandom(BIG)
    (tmp_path / "in").write_bytes(data)
    port = ines.space.server.port
    with cutting_proxy(port, _cuts(seed, 4, 8 * MIB)) as url:
        client = connect(url, ines.token, longest_pause=0.01)
        client.count()  # whoever was never there is not waited for
        file = client.upload(tmp_path / "in")
        client.upload(b"small")
    with cutting_proxy(port, _cuts(seed + 10, 4, 8 * MIB)) as url:
        client = connect(url, ines.token, longest_pause=0.01)
        client.count()
        client.download(file, tmp_path / "out")
        assert b"".join(client.stream(file)) == data
    assert (tmp_path / "out").read_bytes() == data
    assert ines.space.usage() == (BIG + 5, 0)
    assert ines.http.get("/consigne/v1/files/count").json() == {"count": 2}
    assert ines.http.get("/consigne/v1/uploads").json()["uploads"] == []


def test_an_upload_is_gone_on_with(client: Any, ines: Person, tmp_path: Path) -> None:
    """With its id another process sends what is missing; once it is done, nothing."""
    path = tmp_path / "in"
    path.write_bytes(os.urandom(BIG))
    opened: list[str] = []
    with pytest.raises(InterruptedError):
        client.upload(path, on_open=opened.append, progress=Told(limit=1))
    told = Told()
    file = client.upload(path, resume=opened[0], progress=told)
    assert told.steps[0] == (8 * MIB, BIG)
    again = client.upload(path, resume=opened[0])
    assert again.id == file.id
    assert ines.space.usage() == (BIG, 0)


def test_an_upload_of_other_bytes_is_not_gone_on_with(client: Any, ines: Person) -> None:
    """It is given up, and an id that is not known any more does no harm."""
    opened: list[str] = []
    with pytest.raises(InterruptedError):
        client.upload(bytes(BIG), on_open=opened.append, progress=Told(limit=1))
    data = os.urandom(BIG)
    for _ in range(2):
        assert client.upload(data, resume=opened[0]).sha256 == hashlib.sha256(data).hexdigest()
    assert client.json("GET", "/uploads")["uploads"] == []
    assert ines.space.usage() == (2 * BIG, 0)


def test_an_upload_that_nobody_can_go_on_with_is_given_up(
    client: Any, ines: Person, tmp_path: Path
) -> None:
    """Interrupted, changed meanwhile, out of room: no session and no reservation stays."""
    before = ines.space.traces()
    with pytest.raises(InterruptedError):
        client.upload(bytes(BIG), progress=Told(limit=9 * MIB))
    path = tmp_path / "in"
    path.write_bytes(bytes(BIG))

    def meddle(done: int, total: int | None) -> None:
        with path.open("ab") as file:
            file.write(b"!")

    with pytest.raises(Changed):
        client.upload(path, progress=meddle, on_open=lambda upload: None)
    ines.space.change(quota=BIG - 1)
    with pytest.raises(NoRoom) as refused:
        client.upload(bytes(BIG))
    assert refused.value.code == "quota_exceeded"
    with pytest.raises(NoRoom):
        client.upload(Pipe(bytes(BIG)))
    with pytest.raises(FileNotFoundError):
        client.upload(tmp_path / "none")
    assert ines.space.traces() == before


def test_a_download_is_gone_on_with(client: Any, tmp_path: Path) -> None:
    """What has arrived is not fetched again; a half file never has the file's name."""
    data = os.urandom(BIG)
    file = client.upload(data)
    target = tmp_path / ("n" * 254)  # with .part it would be too long
    with pytest.raises(InterruptedError):
        client.download(file, target, progress=Told(limit=9 * MIB))
    (part,) = tmp_path.iterdir()
    assert part.name.endswith(".part")
    assert data.startswith(part.read_bytes())
    told = Told()
    client.download(file, target, resume=True, progress=told)
    assert told.steps[0][0] >= 8 * MIB
    assert target.read_bytes() == data
    client.download(file, target)
    assert [each.name for each in tmp_path.iterdir()] == [target.name]


def test_a_file_that_is_replaced_meanwhile_is_not_mixed(client: Any, tmp_path: Path) -> None:
    """The version that was looked at, or none (RFC 9110 §13.1)."""
    file = client.upload(b"one" * 1000)
    client.replace(file, b"two" * 1000)
    with pytest.raises(Changed):
        client.download(file, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert client.read(file.id) == b"two" * 1000
