"""The pages of docs/ make a site without a link that leads nowhere; those of the code are fresh."""

import importlib.util
from pathlib import Path
from types import ModuleType

SCRIPTS = Path(__file__).resolve().parents[1] / "scripts"


def script(name: str) -> ModuleType:
    specification = importlib.util.spec_from_file_location(name, SCRIPTS / f"{name}.py")
    assert specification
    assert specification.loader
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_every_link_leads_somewhere(tmp_path: Path) -> None:
    """Zensical checks pages and anchors; Failed says which."""
    docs = script("docs")
    assert docs.build(tmp_path / "site", strict=True)
    assert (tmp_path / "site/index.html").exists()
    assert not docs.build(tmp_path / "site")


def test_generated_pages_are_up_to_date() -> None:
    """C-41: the errors as the tables have them."""
    for page, text in script("reference").PAGES.items():
        assert page.read_text() == text(), "run `make reference` and commit the pages"
