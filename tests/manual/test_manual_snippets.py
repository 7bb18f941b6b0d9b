"""What the pages tell people to type works, and prints what they show."""

from pathlib import Path

import pytest

from .machine import parts
from .shell import walk
from .snippets import ROOT, agrees, read, syntax_error
from .vault import newcomer

# A program in pieces, which has a test of its own (tests/client).
ELSEWHERE = "docs/client.md"
PAGES = sorted(
    path.relative_to(ROOT).as_posix()
    for path in [
        ROOT / "README.md",
        ROOT / "deploy/README.md",
        ROOT / "examples/plugin/README.md",
        *ROOT.glob("docs/**/*.md"),
        *ROOT.glob("src/**/README.md"),
    ]
    if "requirements" not in path.parts
)
TYPED = [
    page
    for page in PAGES
    if page != ELSEWHERE and any(step.visible for step in read(ROOT / page).steps)
]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("page", TYPED)
def test_a_page_does_what_it_says(
    page: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Each has a server of its own, as it is after the first start."""
    read_page = read(ROOT / page)
    with (
        parts(read_page.parts, request) as found,
        newcomer(tmp_path, read_page, found) as shell,
    ):
        walk(read_page, shell)


def test_pages_are_typed() -> None:
    """The run covers what a newcomer reads, and few blocks say why they cannot be run."""
    assert {"README.md", "docs/cli.md", "docs/audit.md", "docs/operations.md"} < set(TYPED)
    assert len(TYPED) >= 25
    assert sum(len(read(ROOT / page).unrun) for page in TYPED) < 30


@pytest.mark.parametrize("page", PAGES)
def test_nothing_on_a_page_is_misspelled(page: str) -> None:
    """The blocks that no test can run are at least commands and programs."""
    found = read(ROOT / page)
    wrong = {step.line: syntax_error(step) for step in [*found.steps, *found.unrun]}
    assert {line: error for line, error in wrong.items() if error} == {}


def test_pages_are_compared() -> None:
    """The comparison sees what matters: a status, a name, a line too many or too few."""
    shown = (
        '{"id": "94e99686-70d9-4784-9633-5a02d87afa57", "size": 3, "at": "2026-11-21T21:04:53Z"}'
    )
    printed = (
        '{"id": "02c7ebaa-fbeb-4687-8d55-6c02517fd7c6", "size": 3, "at": "2027-01-01T00:00:00Z"}'
    )
    assert agrees(shown, printed)
    assert not agrees(shown, printed.replace("3", "4"))
    assert agrees("a\n…\nd", "a\nb\nc\nd")
    assert agrees("a\n…", "a")
    assert not agrees("a\n…\nd", "a\nb\nc")
    assert not agrees("a", "a\nb")
    assert not agrees("a\nb", "a")
    assert agrees("stored … now", "stored 3 files now")
    assert agrees("a\nb", "b\na", mixed=True)
    assert not agrees("a\nb", "b\na")
