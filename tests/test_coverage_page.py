"""docs/coverage.md is what the requirements and the tests say it is."""

import difflib
import importlib.util
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[1] / "scripts/coverage.py"
_specification = importlib.util.spec_from_file_location("coverage_page", SCRIPT)
assert _specification
assert _specification.loader
coverage = importlib.util.module_from_spec(_specification)
sys.modules["coverage_page"] = coverage
_specification.loader.exec_module(coverage)


def test_the_page_is_up_to_date() -> None:
    committed, generated = coverage.PAGE.read_text(), coverage.page()
    diff = difflib.unified_diff(
        committed.splitlines(), generated.splitlines(), "docs/coverage.md", "as it should be", n=0
    )
    if committed != generated:
        changes = "\n".join(diff)
        pytest.fail(f"run `make coverage` and commit docs/coverage.md:\n{changes}", pytrace=False)


def test_cited_ids_exist() -> None:
    defined = {number for source in coverage.sources() for number in source.requirements}
    unknown = {n: tests for n, tests in coverage.citations().items() if n not in defined}
    assert unknown == {}


def test_seeds_name_requirements_that_exist() -> None:
    for source in coverage.sources():
        for text, numbers in source.seed:
            assert set(numbers) <= source.requirements.keys(), text


@pytest.mark.parametrize(
    "source", [s for s in coverage.sources() if s.implemented], ids=lambda source: source.prefix
)
def test_an_implemented_specification_has_a_test_for_each_requirement(source) -> None:  # type: ignore[no-untyped-def]
    cited = coverage.citations()
    assert [number for number in source.requirements if number not in cited] == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("AM-13", ["AM-13"]),
        ("(AM-13..15, see C-20)", ["AM-13", "AM-14", "AM-15", "C-20"]),
        ("DX-31–34, 36, 37.", ["DX-31", "DX-32", "DX-33", "DX-34", "DX-36", "DX-37"]),
        ("AM-13, 14 and 17: all", ["AM-13", "AM-14", "AM-17"]),
        ("AM-13/14", ["AM-13", "AM-14"]),
        ("def test_am_07_and_c20() -> None:", ["AM-07", "C-20"]),
        ("AM-13, 20 files come in", ["AM-13"]),
        ("X-AM-13, SPAM-13, AM-131, DAERR-01, RFC-20, C-2026-01", []),
    ],
)
def test_ids_are_found_in_words_and_names(text: str, expected: list[str]) -> None:
    assert list(coverage.ids(text)) == expected


def test_an_id_belongs_to_the_innermost_test_class_or_file() -> None:
    text = '''
"""AM-01"""

class TestUpload:
    """AM-02"""

    @pytest.mark.parametrize("n", [1])  # AM-03
    def test_chunks(self, n):
        """AM-04"""

async def test_am05():
    pass
'''
    found = {name: list(coverage.ids(part)) for name, part in coverage.owners(text)}
    assert found == {
        "": ["AM-01"],
        "TestUpload": ["AM-02"],
        "test_chunks": ["AM-03", "AM-04"],
        "test_am05": ["AM-05"],
    }
