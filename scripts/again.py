"""Run the few tests that just failed once more, one at a time.

A machine has bad moments; of several thousand tests on real servers one may meet such a moment. It
gets a second chance, alone. What fails twice is a failure, and so is everything where more failed
than a bad moment explains. What passes now is named at the end: each such test deserves a look.
"""

import json
import subprocess
import sys
from pathlib import Path

MOST = 4
ROOT = Path(__file__).resolve().parent.parent


def main(noted: str) -> int:
    """``noted``: the cache folder of the run in which they failed. Returns the exit status."""
    failed = list(json.loads(Path(noted, "v/cache/lastfailed").read_text()))
    if len(failed) > MOST:
        print(f"{len(failed)} tests failed: too many to be tried again.")
        return 1
    print(f"Once more, one at a time: {len(failed)} of the whole run.", flush=True)
    pytest = [sys.executable, "-m", "pytest", "-v", "-o", f"cache_dir={noted}"]
    pytest += ["--last-failed", "--last-failed-no-failures=none"]
    status = subprocess.run(pytest, cwd=ROOT, check=False).returncode
    if status == 0:
        print("Failed in the whole run and passed alone:", *failed, sep="\n  ")
    return status


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
