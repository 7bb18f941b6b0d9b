"""Write docs/coverage.md: seed sentence → requirement → route → test.

The requirements stand in docs/requirements/*.toml. A test cites one by its id, in its name
(`test_am13_…`) or anywhere in its text; `AM-13..15` and `AM-13, 14` cite several. An id
outside a test function is cited by the class of tests or the test file that it stands in.
"""

import ast
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

TOP = Path(__file__).resolve().parents[1]
PAGE = TOP / "docs/coverage.md"
SUITES = "src/consigne/testing/**/*.py"  # conformance suites, run by tests on each back end
ITS_OWN_TEST = "test_coverage_page.py"  # has ids as examples
NOT_YET = "*not yet*"

ORDER = ("core", "appmixer", "arrhes", "daxium", "dynacase", "dynacase2")
PREFIXES = "AM|AR|DX|DY|C"
END = r"""(?=\s*(?:[,.;:/)\]"'`]|–|and\b|$))"""
CITED = re.compile(
    rf"(?<![\w-])(?P<prefix>{PREFIXES})-(?P<first>\d\d)\b(?!-\d)"
    rf"(?P<rest>(?:(?:\s*(?:\.\.|–)\s*|,\s+|/|\s+and\s+)\d\d\b{END})*)",
    re.MULTILINE,
)
IN_A_NAME = re.compile(rf"_(?P<prefix>{PREFIXES.lower()})_?(?P<number>\d\d)(?=_|\b)")


@dataclass(frozen=True)
class Source:
    """One specification: its requirements and the sentences of its seed."""

    title: str
    prefix: str
    implemented: bool
    requirements: dict[str, dict[str, object]]
    seed: list[tuple[str, list[str]]]


def sources() -> list[Source]:
    """Read docs/requirements."""
    return [_source(TOP / "docs/requirements" / f"{name}.toml") for name in ORDER]


def citations() -> dict[str, list[str]]:
    """Return the tests that cite each id, as links."""
    found: dict[str, set[str]] = {}
    for path in sorted([*TOP.glob("tests/**/test_*.py"), *TOP.glob(SUITES)]):
        place = path.relative_to(TOP)
        for name, text in owners(path.read_text()):
            is_test = name or path.name.startswith("test_")
            if is_test and path.name != ITS_OWN_TEST:
                link = f"[{name or place.name}](../{place.as_posix()})"
                for cited in ids(text):
                    found.setdefault(cited, set()).add(link)
    return {cited: sorted(links) for cited, links in found.items()}


def owners(text: str) -> Iterator[tuple[str, str]]:
    """Split a test file into its tests, its classes and the rest (named ""), each with its text."""
    lines: list[str | None] = list(text.splitlines())
    tree = ast.parse(text)
    functions = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test")
    ]
    classes = [
        node
        for node in tree.body
        if isinstance(node, ast.ClassDef) and any(f in ast.walk(node) for f in functions)
    ]
    for node in (*functions, *classes):
        first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)]) - 1
        yield node.name, "\n".join(line for line in lines[first : node.end_lineno] if line)
        lines[first : node.end_lineno] = [None] * ((node.end_lineno or first) - first)
    yield "", "\n".join(line for line in lines if line)


def ids(text: str) -> Iterator[str]:
    """Find the ids that a text cites, ranges and lists spelled out.

    >>> list(ids("AM-13..15 and DX-01, 02; C-20"))
    ['AM-13', 'AM-14', 'AM-15', 'DX-01', 'DX-02', 'C-20']
    """
    for match in CITED.finditer(text):
        last = int(match["first"])
        yield f"{match['prefix']}-{last:02d}"
        for joint, digits in re.findall(r"(\.\.|–|,|/|and)\s*(\d\d)", match["rest"]):
            number = int(digits)
            for each in range(last + 1 if joint in ("..", "–") else number, number + 1):
                yield f"{match['prefix']}-{each:02d}"
            last = number
    for match in IN_A_NAME.finditer(text):
        yield f"{match['prefix'].upper()}-{match['number']}"


def page() -> str:
    """Return what docs/coverage.md should be."""
    known, cited = sources(), citations()
    parts = [_HEAD, _summary(known, cited)]
    for source in known:
        parts.append(f"## {source.title}\n")
        parts.append(_requirements(source, cited))
        if source.seed:
            parts.append(f"### {source.title}: sentence by sentence\n")
            parts.append(_seed(source, cited))
    return "\n".join(parts)


_HEAD = """\
# Coverage: which test holds which requirement

Written by `make coverage` from `docs/requirements/` and the ids that the tests cite; do not edit.

*Origin*: MUST = the seed (the original description of the system) says it · KNOWN = public
documentation or code of that system says it · OURS = decided here.
"""


def _source(path: Path) -> Source:
    content = tomllib.loads(path.read_text())
    return Source(
        content["title"],
        content["prefix"],
        content["implemented"],
        {entry["id"]: entry for entry in content["requirement"]},
        [(entry["text"], entry["requirements"]) for entry in content.get("seed", [])],
    )


def _summary(known: list[Source], cited: dict[str, list[str]]) -> str:
    rows = []
    for source in known:
        tested = sum(number in cited for number in source.requirements)
        rows.append([source.title, str(len(source.requirements)), str(tested)])
    return _table(["", "requirements", "with a test"], rows)


def _requirements(source: Source, cited: dict[str, list[str]]) -> str:
    rows = []
    for number, entry in source.requirements.items():
        routes = entry.get("routes", [])
        assert isinstance(routes, list)
        rows.append(
            [
                number,
                str(entry["text"]),
                str(entry.get("origin", "OURS")),
                "<br>".join(f"`{route}`" for route in routes),
                "<br>".join(cited.get(number, [NOT_YET])),
            ]
        )
    return _table(["id", "requirement", "origin", "routes", "tests"], rows)


def _seed(source: Source, cited: dict[str, list[str]]) -> str:
    rows = []
    for text, numbers in source.seed:
        tested = sum(number in cited for number in numbers)
        state = f"{tested} of {len(numbers)}" if tested else NOT_YET
        rows.append([text, ", ".join(numbers) or "no behaviour", state if numbers else ""])
    return _table(["seed", "requirements", "with a test"], rows)


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *([_cell(cell) for cell in row] for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(page())
