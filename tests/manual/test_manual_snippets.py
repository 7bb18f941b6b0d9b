"""What the pages tell people to type works, and prints what they show."""

from pathlib import Path

import pytest

from .snippets import ROOT, agrees, read, syntax_error, walk
from .vault import newcomer

PAGES = sorted(
    path.relative_to(ROOT).as_posix()
    for path in [ROOT / "README.md", *ROOT.glob("docs/**/*.md"), *ROOT.glob("src/**/README.md")]
    if "requirements" not in path.parts
)
# Each has a server of its own, as it is after the first start.
FOLDERS = ("tutorials", "howto", "migrate", "explanation")
TYPED = [
    page
    for page in PAGES
    if page.split("/")[1:2] in [[folder] for folder in FOLDERS] and read(ROOT / page).steps
]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("page", TYPED)
def test_a_page_does_what_it_says(page: str, tmp_path: Path) -> None:
    with newcomer(tmp_path) as shell:
        walk(read(ROOT / page), shell)


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
