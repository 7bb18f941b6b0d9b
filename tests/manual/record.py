"""Write real output into pages: ``python -m tests.manual.record docs/tutorials/native.md``.

What a page shows under a command is replaced by what the command prints, unless it has an ``…``.
Not for pages that need more than a server.
"""

import sys
import tempfile
from pathlib import Path

from .shell import walk
from .snippets import Step, read
from .vault import newcomer


def record(path: Path) -> None:
    """Run a page and fill in what it leaves open."""
    lines = path.read_text().splitlines(keepends=True)
    found: list[tuple[int, int, str]] = []

    def seen(step: Step, printed: str) -> None:
        if step.shown is not None and "…" not in step.shown:
            start = step.line - 1 + step.text.count("\n")
            text = "".join(f"{line}\n" for line in printed.strip().splitlines())
            found.append((start, start + step.shown.count("\n"), text))

    page = read(path)
    with tempfile.TemporaryDirectory() as folder, newcomer(Path(folder), page, {}) as shell:
        try:
            walk(page, shell, seen)
        finally:
            for start, end, printed in reversed(found):
                lines[start:end] = [printed]
            path.write_text("".join(lines))


if __name__ == "__main__":
    for name in sys.argv[1:]:
        record(Path(name))
