"""What the pages tell people to type works, and prints what they show."""

from pathlib import Path

import pytest

from .snippets import ROOT, Page, agrees, read, syntax_error, walk
from .vault import newcomer

PAGES = sorted(
    path.relative_to(ROOT).as_posix()
    for path in [ROOT / "README.md", *ROOT.glob("docs/**/*.md"), *ROOT.glob("src/**/README.md")]
    if "requirements" not in path.parts
)
# Pages that are run from top to bottom; of the other ones in docs/, what is marked as typed.
WHOLE = (
    "README.md",
    *(f"docs/{name}/" for name in ("tutorials", "howto", "migrate", "explanation")),
)


def steps_of(page: str) -> Page:
    return read(ROOT / page, only_marked=not page.startswith(WHOLE))


TYPED = [page for page in PAGES if any(step.visible for step in steps_of(page).steps)]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("page", TYPED)
def test_a_page_does_what_it_says(page: str, tmp_path: Path) -> None:
    """Each has a server of its own, as it is after the first start."""
    with newcomer(tmp_path) as shell:
        walk(steps_of(page), shell)


def test_pages_are_typed() -> None:
    """The run covers what a newcomer reads."""
    assert {"README.md", "docs/cli.md", "docs/audit.md"} < set(TYPED)
    assert len(TYPED) >= 18


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
