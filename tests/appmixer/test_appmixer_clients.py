"""Clients as they are: the npm package huge-uploader, a loop of curl (AM-18, AM-35, AM-36)."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.appmixer.stumbling_proxy import stumbling_proxy
from tests.appmixer.support import Person, md5, ok, refused

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / ".cache/node/node_modules/huge-uploader"
# The package's file on npm, so that it is known to be unmodified.
PACKAGE_SHA256 = "718bf7d2ff52fb3c1e85e781e26c73b56fcee312a2e5c00274ffc8c0ef9ca6ce"
DRIVER = Path(__file__).with_name("huge_uploader.mjs")
CURL_LOOP = ROOT / "examples/appmixer/upload-in-chunks.sh"


def node() -> str:
    """Return the node that the development tools bring, else the one on the PATH."""
    own = Path(sys.executable).with_name("node")
    found = str(own) if own.exists() else shutil.which("node")
    assert found, "node is missing: run scripts/setup --dev"
    return found


def huge_uploader(person: Person, path: Path, url: str = "", megabytes: str = "0.1") -> Any:
    """Upload a file with the package in chunks of 100,000 bytes; return how it ended."""
    assert PACKAGE.exists(), "huge-uploader is missing: run scripts/parts"
    endpoint = f"{url or person.space.server.url}/files"
    command = [node(), str(DRIVER), str(PACKAGE), endpoint, person.token, str(path), megabytes]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_package_is_the_one_of_the_registry() -> None:
    """AM-35: version 1.2.0, as npm installed it."""
    assert json.loads((PACKAGE / "package.json").read_text())["version"] == "1.2.0"
    code = (PACKAGE / "lib/index.js").read_bytes()
    assert hashlib.sha256(code).hexdigest() == PACKAGE_SHA256


@pytest.mark.parametrize(
    ("size", "chunks"),
    [(250_000, 3), (0, 1), (300_000, 3), (100_000, 1), (7, 1)],
    ids=["3 chunks", "empty", "exact multiple", "one full chunk", "7 bytes"],
)
def test_huge_uploader(ines: Person, tmp_path: Path, size: int, chunks: int) -> None:
    """AM-18, AM-35, case 10: complete, with equal md5."""
    path = tmp_path / "big.bin"
    path.write_bytes(data := os.urandom(size))
    done = huge_uploader(ines, path)
    assert done["event"] == "finish", done
    assert len([e for e in done["events"] if e[0] == "progress"]) >= chunks - 1
    assert done["detail"]["md5"] == md5(data)
    file = ines.files()[0]
    assert file == done["detail"]
    assert (file["filename"], file["length"]) == ("blob", size)
    assert ines.content(file["fileId"]) == data
    assert ines.space.usage() == (size, 0)


@pytest.mark.parametrize("after", [False, True], ids=["request lost", "answer lost"])
@pytest.mark.parametrize("at", [0, 1, 2])
def test_huge_uploader_and_one_503(ines: Person, tmp_path: Path, at: int, after: bool) -> None:
    """AM-15, AM-35, case 10: the chunk is sent again and counts once."""
    path = tmp_path / "big.bin"
    path.write_bytes(data := os.urandom(250_000))
    with stumbling_proxy(ines.space.server.url, at, after=after) as url:
        done = huge_uploader(ines, path, url)
    assert done["event"] == "finish", done
    assert ["retry", at] in done["events"]
    assert done["detail"]["md5"] == md5(data)
    assert ines.space.usage() == (250_000, 0)


def test_huge_uploader_stops_at_a_refusal(ines: Person, tmp_path: Path) -> None:
    """AM-35: other statuses end the upload; the client gets the refusal."""
    ines.space.change(quota=150_000)
    path = tmp_path / "big.bin"
    path.write_bytes(os.urandom(250_000))
    done = huge_uploader(ines, path)
    assert done["event"] == "error"
    assert done["detail"][0] == 507
    assert json.loads(done["detail"][1])["details"]["code"] == "quota_exceeded"


def curl_loop(person: Person, path: Path, *arguments: str, **env: str) -> Any:
    whole = os.environ | {"URL": person.space.server.url, "TOKEN": person.token} | env
    done = subprocess.run(
        [CURL_LOOP, path, *arguments], env=whole, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("size", [0, 10, 299_999, 300_000, 300_001])
def test_a_loop_of_curl(ines: Person, tmp_path: Path, size: int) -> None:
    """AM-13 … AM-15: the example in examples/appmixer, byte for byte."""
    path = tmp_path / "plan été.bin"
    path.write_bytes(data := os.urandom(size))
    file = curl_loop(ines, path, "100000")
    assert (file["filename"], file["md5"]) == ("plan été.bin", md5(data))
    assert ines.files() == [file]
    assert ines.content(file["fileId"]) == data


def test_a_loop_of_curl_that_carries_on(ines: Person, tmp_path: Path) -> None:
    """AM-17: what metadata says is enough to resume."""
    path = tmp_path / "big.bin"
    path.write_bytes(data := os.urandom(450_000))
    file_id = ines.begin(data[:100_000], total=5)
    ok(ines.post(data[100_000:200_000], file_id, 2))
    assert curl_loop(ines, path, "100000", FILE_ID=file_id)["md5"] == md5(data)


def test_a_loop_of_curl_that_is_refused(ines: Person, tmp_path: Path) -> None:
    """AM-34: curl sees status and text."""
    path = tmp_path / "big.bin"
    path.write_bytes(b"x")
    env = os.environ | {"URL": ines.space.server.url, "TOKEN": "none"}
    done = subprocess.run([CURL_LOOP, path], env=env, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "Missing or invalid token" in done.stderr


def test_the_sdk_of_the_platform(ines: Person) -> None:
    """AM-36: log-in by e-mail, array filters, raw operators; status and message on errors."""
    ines.keep(b"x", "invoice.pdf", media_type="application/pdf")
    ines.keep(b"x", "offer.pdf", media_type="application/pdf")
    query = "filter[]=filename:~invoice&filter[]=contentType:application%2Fpdf&filter[]=md5:!x"
    (file,) = ines.files(query)
    assert {"filename", "contentType", "length"} <= set(file)
    answer = ines.http.get("/files/none")
    refused(answer, 404, "file_not_found")
    assert answer.json()["message"] == "File (id) not found"
