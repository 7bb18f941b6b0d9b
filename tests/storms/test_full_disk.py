"""A disk that fills up under a running server: a small tmpfs of our own (needs the right to mount).

The same faults without a mount are in the loops over a flaky driver, ``tests/core``.
"""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.parts.server import ServerStarter

MIB = 1 << 20


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 96 MiB."""
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=96m", "tmpfs", str(place)]
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode:
        pytest.skip(f"no right to mount: {done.stderr.decode().strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.mark.parametrize("size", [5 * MIB, 20_000])
def test_full_disk_is_507_and_service_goes_on(
    small_disk: Path, start_server: ServerStarter, size: int
) -> None:
    """507 in the dialect's words, nothing left behind, and uploads work again with new space."""
    server = start_server(small_disk / "data")
    with server.client() as client:
        kept: dict[str, bytes] = {}
        for number in range(10_000):
            body = os.urandom(size)
            answer = client.post(f"/consigne/v1/files?name={number}", content=body)
            if answer.status_code != 201:
                break
            kept[answer.json()["id"]] = body
        assert answer.status_code == 507, answer.text
        assert answer.json()["code"] == "storage_full"
        boom = client.post("/files", files={"file": ("x", os.urandom(size))})
        assert boom.status_code == 507
        assert boom.json()["details"]["code"] == "quota_exceeded"
        used = client.get("/consigne/v1/spaces/default/usage").json()
        assert (used["used"], used["reserved"]) == (size * len(kept), 0)
        for file_id, body in list(kept.items())[-5:]:
            assert client.get(f"/consigne/v1/files/{file_id}/content").content == body
        remount = ["mount", "-o", "remount,size=160m", str(small_disk)]
        subprocess.run(remount, check=True)
        again = client.post("/consigne/v1/files?name=again", content=os.urandom(size))
        assert again.status_code == 201, again.text
    server.terminate()
