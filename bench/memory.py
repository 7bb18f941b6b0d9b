"""How much memory a server process of ours takes while large files go in and out at once."""

import subprocess
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from shutil import disk_usage
from statistics import fmean

from bench.load import LoadError, curl_upload
from bench.peers.peer import Peer, Running
from bench.rows import peak_memory, process_tree, resident_memory

FILES = 10
SIZE = 2 * 1024**3
LIMIT_MB = 150


def measure_memory(peer: Peer, running: Running, folder: Path) -> str:
    """Upload and download ten 2 GiB files at the same time; return what that took, in words."""
    needed = (FILES + 1) * SIZE + SIZE // 2
    if disk_usage(folder).free < needed:
        raise LoadError(f"this needs {needed >> 30} GiB of free disk")
    peer.install()
    running.start(peer)
    before = peak_memory(peer.pid)
    bodies = [_sparse_file(folder / f"body-{number}", number) for number in range(FILES + 1)]
    _, answer = curl_upload(peer.url, peer.upload(SIZE), bodies[0], "first")
    path = peer.content_path(answer) or ""
    began = time.monotonic()
    totals = _transfer(peer, bodies[1:], peer.url + path)
    seconds = time.monotonic() - began
    peak, processes = peak_memory(peer.pid), len(process_tree(peer.pid))
    verdict = "under" if peak < LIMIT_MB else "OVER"
    return (
        f"{FILES} files of {SIZE >> 30} GiB in and {FILES} out at once, in {seconds:.0f} s:\n"
        f"  highest resident memory of one server process: {peak:.0f} MB"
        f" ({before:.0f} MB before), {verdict} the {LIMIT_MB} MB that are allowed\n"
        f"  all {processes} processes together: {max(totals):.0f} MB at most,"
        f" {fmean(totals):.0f} MB on average"
    )


def _sparse_file(path: Path, number: int) -> Path:
    """Make a file that takes no room here and is like no other."""
    with path.open("wb") as file:
        file.write(f"file {number}".encode())
        file.truncate(SIZE)
    return path


def _transfer(peer: Peer, bodies: list[Path], download: str) -> list[float]:
    """Send all bodies and get as many files at once; return samples of the memory."""
    upload = peer.upload(SIZE)
    curl = ["curl", "--silent", "--show-error", "--fail", "--noproxy", "*", "--output", "/dev/null"]
    commands = []
    for number, body in enumerate(bodies):
        url = peer.url + upload.path.replace("{name}", f"body-{number}")
        sending = ["--request", upload.method, "--header", "Expect:", "--upload-file", str(body)]
        commands.append([*curl, *_headers(upload.headers), *sending, url])
        commands.append([*curl, *_headers(peer.read_headers), download])
    samples = []
    with ExitStack() as stack:
        transfers = [stack.enter_context(subprocess.Popen(command)) for command in commands]
        while any(transfer.poll() is None for transfer in transfers):
            samples.append(resident_memory(peer.pid))
            time.sleep(0.5)
    failed = sum(transfer.returncode != 0 for transfer in transfers)
    if failed:
        raise LoadError(f"{failed} of {len(transfers)} transfers failed")
    return samples


def _headers(headers: Mapping[str, str]) -> list[str]:
    return [word for name, value in headers.items() for word in ("--header", f"{name}: {value}")]
