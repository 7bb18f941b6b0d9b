"""Every setting is described, and the pages about settings and metrics name what there is."""

import re
from pathlib import Path

import msgspec

from consigne.cli import reference
from consigne.settings import NOT_SETTINGS, Settings

DOCS = Path(__file__).resolve().parents[1] / "docs"


def test_every_setting_is_described() -> None:
    """A setting without a comment behind it would be missing in the reference."""
    described = [each.name for each in reference.settings()]
    assert described == [field.name for field in msgspec.structs.fields(Settings)]
    assert all(each.group and each.meaning for each in reference.settings())


def test_pages_name_settings_that_exist() -> None:
    known = {each.variable for each in reference.settings()} | NOT_SETTINGS
    for page in (DOCS / "configuration.md", DOCS / "observability.md"):
        named = set(re.findall(r"CONSIGNE_[A-Z0-9_]+[A-Z0-9]", page.read_text()))
        assert named <= known, named - known
