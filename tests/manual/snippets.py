"""What the pages tell people to type: taken out of them, typed, and compared with what they show.

A block is fenced as ``console`` (commands after ``$ ``, then what they print), ``sh`` (commands) or
``python`` (a program). Comments, which readers do not see, steer the run:

- ``<!-- not run: why -->`` above a block: only its syntax is looked at;
- ``<!-- exit 1 -->`` above a block: its last command ends with this status;
- ``<!-- any order -->`` above a block: so are the lines of what it shows;
- ``<!-- keeps running -->`` above a block: each of its commands runs on, from when it says that it
  works until the page ends;
- ``<!-- here X is Y -->``: below it ``Y`` is typed where the page says ``X``;
- ``<!-- with PART… -->``: what the page needs beside a server (``tests.manual.machine``);
- ``<!-- run`` … ``-->``: what a reader does by hand, such as copying an id out of the answer above:
  ``last KEY…`` prints a value of it, ``shown LANGUAGE N`` the page's own block of that number,
  ``ctrl_c`` ends the server.

``export NAME=…`` stands for a value that the reader has: it must be there already. In what is
shown, ``…`` is anything, a line with nothing else any number of lines; and ids, digests, times and
widths of columns may differ.
"""

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

_PIECE = re.compile(
    r"^(?P<indent> *)```(?P<language>\w+)[^\n]*\n(?P<body>.*?)^(?P=indent)```"
    r"|<!-- run\n(?P<hidden>.*?)-->"
    r"|<!-- not run: (?P<why>[^\n]*?) -->"
    r"|<!-- exit (?P<exit>\d+) -->"
    r"|<!-- (?P<mixed>any order) -->"
    r"|<!-- (?P<stays>keeps running) -->"
    r"|<!-- with (?P<parts>[^\n]*?) -->"
    r"|<!-- here (?P<written>\S+) is (?P<meant>[^\n]*?) -->",
    re.DOTALL | re.MULTILINE,
)
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
    stays: bool = False
    here: dict[str, str] = field(default_factory=dict)

    @property
    def typed(self) -> str:
        """What is typed for it here."""
        text = self.text
        for written, meant in self.here.items():
            text = text.replace(written, meant)
        return text


@dataclass
class Page:
    """The steps of a page, in order; ``unrun`` are blocks that are only looked at.

    ``parts``: what it needs beside a server.
    """

    path: Path
    steps: list[Step] = field(default_factory=list)
    unrun: list[Step] = field(default_factory=list)
    parts: list[str] = field(default_factory=list)


def read(path: Path) -> Page:
    """Take the blocks out of a page."""
    page, marks, here = Page(path), dict[str, str](), dict[str, str]()
    text = path.read_text()
    for piece in _PIECE.finditer(text):
        line = text.count("\n", 0, piece.start()) + 1
        if piece["hidden"] is not None:
            page.steps.append(Step(piece["hidden"], line=line, visible=False))
        elif piece["parts"] is not None:
            page.parts += piece["parts"].split()
        elif piece["written"] is not None:
            here[piece["written"]] = piece["meant"]
        elif piece["body"] is None:
            marks |= {name: found for name, found in piece.groupdict().items() if found is not None}
        else:
            body = re.sub(f"^{piece['indent']}", "", piece["body"], flags=re.MULTILINE)
            steps = list(_steps(piece["language"], body, line))
            for step in steps:
                step.mixed, step.stays, step.here = "mixed" in marks, "stays" in marks, dict(here)
            if steps:
                steps[-1].status = int(marks.get("exit", 0))
            (page.unrun if "why" in marks else page.steps).extend(steps)
            marks = {}
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
            elif not text.endswith("\\\n") and not syntax_error(Step(text)):
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
