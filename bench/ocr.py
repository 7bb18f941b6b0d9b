"""OCR: how right it is, how long it takes, and whether the server stays quick beside it.

``python -m bench.ocr`` prints two tables. The first reads invoices and receipts that are drawn here
at several resolutions, clean and as a bad scanner sees them: character error rate, share of words
that are right, seconds a page. The second asks a server for the metadata of a file again and again,
at rest and while it has 50 jobs in its queue and two of them under way.
"""

import argparse
import statistics
import tempfile
import time
from collections import Counter
from pathlib import Path

import httpx
from tests.parts.papers import INVOICE, RECEIPT, encoded, error_rate, paper, scanned
from tests.parts.server import KEY, RunningServer

from consigne.jobs.tesseract import recognise

API = "/consigne/v1"
ARTEFACTS: dict[str, dict[str, float]] = {
    "clean": {},
    "skewed 3°": {"skew": 3},
    "noise 1 %": {"noise": 0.01},
    "noise 3 %, skewed": {"noise": 0.03, "skew": -2},
    "JPEG 40": {"quality": 40},
    "JPEG 40, noise 1 %, skewed": {"quality": 40, "noise": 0.01, "skew": 2},
    "upside down": {"turn": 180},
}


def accuracy(resolutions: list[int]) -> None:
    """Print error rates over both documents, by artefact and resolution."""
    print(f"{'':28}" + "".join(f"{dpi:>6} dpi: CER, words, s/page" for dpi in resolutions))
    for name, seen in ARTEFACTS.items():
        cells = [_cell(dpi, seen) for dpi in resolutions]
        print(f"{name:28}" + "".join(f"{cell:>30}" for cell in cells), flush=True)


def _cell(dpi: int, seen: dict[str, float]) -> str:
    rates, words, seconds = [], [], []
    for text in (INVOICE, RECEIPT):
        image = scanned(paper(text, dpi), **seen).convert("L")
        before = time.monotonic()
        page = recognise(image, "fra", 120)
        seconds.append(time.monotonic() - before)
        rates.append(error_rate(text, page.text))
        words.append(_right_words(text, page.text))
    mean = statistics.mean
    return f"{mean(rates):.1%}  {mean(words):.0%}  {mean(seconds):.1f}"


def _right_words(truth: str, found: str) -> float:
    wanted, got = Counter(truth.split()), Counter(found.split())
    return (wanted & got).total() / wanted.total()


def latency(jobs: int, reads: int) -> None:
    """Print percentiles of reading a file's metadata, at rest and beside two busy workers."""
    with tempfile.TemporaryDirectory() as folder:
        env = {"CONSIGNE_WORKER_SLOTS": "2", "CONSIGNE_OCR_CREDITS": "1000"}
        server = RunningServer(Path(folder) / "data", env=env).start()
        try:
            _latency(server.url, jobs, reads)
        finally:
            server.kill9()


def _latency(url: str, jobs: int, reads: int) -> None:
    headers = {"Authorization": f"Bearer {KEY}"}
    with httpx.Client(base_url=url + API, headers=headers, timeout=60) as client:
        sources = []
        for number in range(jobs):
            data = encoded(paper(f"Facture numéro {number}\n{INVOICE}", 200))
            sources.append(client.post("/files", params={"name": "a.png"}, content=data).json())
        path = f"/files/{sources[0]['id']}"
        print(f"at rest:           {_percentiles(client, path, reads)}")
        for source in sources:
            wish = {"Prefer": "respond-async"}
            answer = client.post(f"/files/{source['id']}/ocr", headers=wish)
            answer.raise_for_status()
        print(f"two workers busy:  {_percentiles(client, path, reads)}")
        running = client.get("/jobs", params={"state": "queued", "limit": 1000}).json()["jobs"]
        print(f"jobs still queued at the end: {len(running)} of {jobs}")


def _percentiles(client: httpx.Client, path: str, reads: int) -> str:
    times = []
    for _ in range(reads):
        before = time.perf_counter()
        client.get(path).raise_for_status()
        times.append((time.perf_counter() - before) * 1000)
        time.sleep(0.005)
    times.sort()
    return f"p50 {times[reads // 2]:.1f} ms, p99 {times[reads * 99 // 100]:.1f} ms"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.ocr", description=__doc__)
    parser.add_argument("--dpi", type=int, nargs="+", default=[100, 150, 200, 300])
    parser.add_argument("--jobs", type=int, default=50, help="jobs in the queue (default: 50)")
    parser.add_argument("--reads", type=int, default=1000, help="metadata reads (default: 1000)")
    options = parser.parse_args()
    accuracy(options.dpi)
    print()
    latency(options.jobs, options.reads)


if __name__ == "__main__":
    main()
