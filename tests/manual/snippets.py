"""What the pages tell people to type: taken out of them, typed, and compared with what they show.

A block is fenced as ``console`` (commands after ``$ ``, then what they print), ``sh`` (commands) or
``python`` (a program). Comments, which readers do not see, steer the run:

- ``<!-- not run: why -->`` above a block: only its syntax is looked at;
- ``<!-- exit 1 -->`` above a block: its last command ends with this status;
- ``<!-- any order -->`` above a block: so are the lines of what it shows;
- ``<!-- typed -->`` above a block: it is run on a page of which not everything is;
- ``<!-- run`` … ``-->``: what a reader does by hand, such as copying an id out of the answer above:
  ``last KEY…`` prints a value of it.

``export NAME=…`` stands for a value that the reader has: it must be there already. In what is
shown, ``…`` is anything, a line with nothing else any number of lines; and ids, digests, times and
widths of columns may differ.
"""

import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.parts.process import bound_to_us

ROOT = Path(__file__).resolve().parents[2]
SHOWN_URL = "http://127.0.0.1:8080"
PATIENCE = 120.0
LAST = """last() { python3 -c "import json, sys
found = json.load(open('.last'))
for key in sys.argv[1:]: found = found[int(key) if isinstance(found, list) else key]
print(found)" "$@"; }"""

_PIECE = re.compile(
    r"^(?P<indent> *)```(?P<language>\w+)[^\n]*\n(?P<body>.*?)^(?P=indent)```"
    r"|<!-- run\n(?P<hidden>.*?)-->"
    r"|<!-- not run: (?P<why>[^\n]*?) -->"
    r"|<!-- exit (?P<exit>\d+) -->"
    r"|<!-- (?P<mixed>any order) -->"
    r"|<!-- (?P<typed>typed) -->",
    re.DOTALL | re.MULTILINE,
)
_PLACEHOLDER = re.compile(r"(?:export )?(\w+)=…(?:\s+#.*)?")
_VARYING = (
    (r"\b(whsec|cs[a-z])_[\w+/=-]+", "SECRET"),
    (r"\beyJ[\w.-]+", "TOKEN"),
    (r"(?i)\b(password:?\s+)\S+", r"\1PASSWORD"),
    (r"\b(tmp|files)/[a-z]{14}\b", r"\1/ID"),
    (r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", "UUID"),
    (r":[A-Za-z0-9+/]{20,}={0,2}:", "DIGEST"),
    (r"\b\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT\b", "TIME"),
    (r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d)?(\.\d+)?(Z|\+00:00)?", "TIME"),
    (r"\b\d{4}-\d\d-\d\d\b", "DATE"),
    (r"\b\d{8}T\d{6}Z\b", "TIME"),
    (r"%2F\d{8}%2F", "%2FDATE%2F"),
    (r"\b[0-9a-z]{16}\b", "ID"),
    (r"(?<![\w-])[\w-]{20,}(?![\w-])", "ID"),
    (r"\b\d{8,}\b", "NUMBER"),
    (r"\b\d+(\.\d+)? (ms|s|seconds)\b", "DURATION"),
    (r"[ \t]+", " "),
)


@dataclass
class Step:
    """A command, or a program, with what the page shows of its output (None: nothing)."""

    text: str
    language: str = "sh"
    shown: str | None = None
    status: int = 0
    line: int = 0
    mixed: bool = False
    visible: bool = True


@dataclass
class Page:
    """The steps of a page, in order; ``unrun`` are blocks that are only looked at."""

    path: Path
    steps: list[Step] = field(default_factory=list)
    unrun: list[Step] = field(default_factory=list)


def read(path: Path, *, only_marked: bool = False) -> Page:
    """Take the blocks out of a page. ``only_marked``: run only what is marked as typed."""
    page, why, status, mixed, typed = Page(path), "", 0, False, not only_marked
    text = path.read_text()
    for piece in _PIECE.finditer(text):
        line = text.count("\n", 0, piece.start()) + 1
        if piece["hidden"] is not None:
            page.steps.append(Step(piece["hidden"], line=line, visible=False))
        elif piece["why"] is not None:
            why = piece["why"]
        elif piece["exit"] is not None:
            status = int(piece["exit"])
        elif piece["mixed"]:
            mixed = True
        elif piece["typed"]:
            typed = True
        else:
            body = re.sub(f"^{piece['indent']}", "", piece["body"], flags=re.MULTILINE)
            steps = list(_steps(piece["language"], body, line))
            for step in steps:
                step.mixed = mixed
            if steps:
                steps[-1].status = status
            (page.steps if typed and not why else page.unrun).extend(steps)
            why, status, mixed, typed = "", 0, False, not only_marked
    return page


def _steps(language: str, body: str, line: int) -> Iterator[Step]:
    if language == "python":
        yield Step(body, "python", line=line)
    elif language in ("sh", "bash"):
        text, start = "", line + 1
        for number, each in enumerate(body.splitlines(keepends=True), start=line + 1):
            text, start = (text + each, start) if text else (each, number)
            if text.isspace():
                text = ""
            elif not syntax_error(Step(text)):
                yield Step(text, line=start)
                text = ""
        if text:
            yield Step(text, line=start)
    elif language == "console":
        for match in re.finditer(
            r"^\$ (?P<command>(?:.*\\\n)*.*\n(?:> .*\n)*)(?P<shown>(?:(?!\$ ).*\n)*)", body, re.M
        ):
            command = re.sub(r"^> ", "", match["command"], flags=re.MULTILINE)
            at = line + 1 + body.count("\n", 0, match.start())
            yield Step(command, shown=match["shown"] or None, line=at)


def syntax_error(step: Step) -> str:
    """Return what is wrong with the text of a step, "" where nothing is."""
    if step.language == "python":
        try:
            compile(step.text, "page", "exec")
        except SyntaxError as error:
            return str(error)
        return ""
    done = subprocess.run(["bash", "-n"], input=step.text, capture_output=True, text=True)
    return done.stderr


def agrees(shown: str, printed: str, *, mixed: bool = False) -> bool:
    """Say whether what a page shows is what was printed, but for what varies.

    ``mixed``: the lines may come in any order.

    >>> agrees('{"id": "…", "size": 3}\\n', '{"id": "x", "size": 3}\\n')
    True
    >>> agrees("a\\n…\\nd\\n", "a\\nb\\nc\\nd\\n"), agrees("a\\n", "b\\n")
    (True, False)
    """
    if mixed:
        return sorted(steady(shown).splitlines()) == sorted(steady(printed).splitlines())
    pattern = re.escape(steady(shown) + "\n").replace("\\\n", "\n")
    pattern = re.sub(r"^…$\n?", r"(?:[^\\n]*\\n)*?", pattern, flags=re.MULTILINE)
    return re.fullmatch(pattern.replace("…", "[^\n]*?"), steady(printed) + "\n") is not None


def steady(text: str) -> str:
    """Return a text with everything that varies from run to run replaced by its kind."""
    for pattern, kind in _VARYING:
        text = re.sub(pattern, kind, text)
    return "\n".join(line.strip() for line in text.strip().splitlines())


class Shell:
    """A bash in a folder, with the commands of this checkout; ``url`` is shown as SHOWN_URL."""

    def __init__(self, folder: Path, url: str, env: dict[str, str]) -> None:
        self._folder = folder
        self._url = url
        ours = {k: v for k, v in os.environ.items() if not k.startswith("CONSIGNE_")}
        bin_folder = str(Path(sys.executable).parent)
        self._env = ours | {
            "PATH": f"{bin_folder}:{os.environ['PATH']}",
            "LC_ALL": "C.UTF-8",
            "COLUMNS": "100",
            "XDG_STATE_HOME": str(folder / ".state"),
            **env,
        }
        self._last = folder / ".last"
        self._bash = subprocess.Popen(
            bound_to_us(["bash", "--norc", "--noprofile"]),
            cwd=folder,
            env=self._env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.run(Step(LAST))

    def close(self) -> None:
        """End the shell."""
        self._bash.kill()
        self._bash.communicate()

    def run(self, step: Step) -> tuple[str, int]:
        """Do a step; return what it printed, as a reader would see it, and its exit status."""
        if step.language == "python":
            program = self._folder / ".program.py"
            program.write_text(self._real(step.text))
            command = f"{sys.executable} {program}"
        elif placeholder := _PLACEHOLDER.fullmatch(step.text.strip()):
            command = f'test -n "${placeholder[1]}" && export {placeholder[1]}'
        else:
            command = self._real(step.text)
        assert self._bash.stdin
        assert self._bash.stdout
        mark = f"--{os.urandom(8).hex()}--"
        self._bash.stdin.write(f"{{\n{command}\n}} </dev/null\nprintf '\\n{mark} %d\\n' $?\n")
        self._bash.stdin.flush()
        printed: list[str] = []
        watch = threading.Timer(PATIENCE, self._bash.kill)
        watch.start()
        try:
            for line in self._bash.stdout:
                if line.startswith(mark):
                    text = "".join(printed)[:-1]
                    self._last.write_text(text)
                    return self._shown(text), int(line.split()[1])
                printed.append(line)
        finally:
            watch.cancel()
        raise AssertionError(f"the shell ended in: {step.text}\n{''.join(printed)}")

    def _real(self, text: str) -> str:
        return text.replace(SHOWN_URL, self._url).replace(SHOWN_URL[7:], self._url[7:])

    def _shown(self, text: str) -> str:
        text = text.replace(self._url, SHOWN_URL).replace(self._url[7:], SHOWN_URL[7:])
        return text.replace(str(self._folder), "/home/ann")


def walk(page: Page, shell: Shell, seen: Callable[[Step, str], None] | None = None) -> None:
    """Do all steps of a page; an AssertionError says which one does not do what the page says."""
    for step in page.steps:
        printed, status = shell.run(step)
        place = f"{page.path.name}:{step.line}: {step.text.strip()}"
        assert status == step.status, f"{place}\nexit {status}, not {step.status}:\n{printed}"
        if seen is not None:
            seen(step, printed)
        elif step.shown is not None:
            assert agrees(step.shown, printed, mixed=step.mixed), (
                f"{place}\nshown:\n{step.shown}\nprinted:\n{printed}\n"
                f"--- without what varies:\n{steady(step.shown)}\n---\n{steady(printed)}"
            )
