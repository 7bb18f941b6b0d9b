"""`docs/cli.md` is complete: every command, option, kind of finding and status is in it."""

from pathlib import Path

import click
import pytest

from consigne.cli import main
from consigne.cli.exits import Exit
from consigne.cli.main import COMMANDS
from consigne.core.proof.report import MEANING, Kind

PAGE = (Path(__file__).parents[2] / "docs" / "cli.md").read_text()

Leaf = tuple[tuple[str, ...], click.Command]


def section(command: str) -> str:
    """Return the part of the page that tells of a command."""
    heads = [part for part in PAGE.split("\n## ") if f"`{command}`" in part.partition("\n")[0]]
    assert len(heads) == 1, command
    return heads[0]


def leaves(
    command: click.Command, path: tuple[str, ...]
) -> list[tuple[tuple[str, ...], click.Command]]:
    if isinstance(command, click.Group):
        found = []
        for name, each in command.commands.items():
            found += leaves(each, (*path, name))
        return found
    return [(path, command)]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_on_the_page(name: str) -> None:
    """A new option that nobody has described fails here."""
    command = main.get_command(click.Context(main), name)
    assert command is not None
    text = section(name) + PAGE.partition("## `put`")[0]
    for path, leaf in leaves(command, (name,)):
        assert " ".join(path) in text or name in text
        for option in leaf.params:
            long = [each for each in option.opts if each.startswith("--")]
            assert not long or any(each in text for each in long), (path, option.opts)


def test_every_finding_and_every_status_is_on_the_page() -> None:
    """So do a new kind of finding, one without a meaning, and a new status."""
    assert set(MEANING) == set(Kind)
    for kind in Kind:
        assert f"| `{kind}` |" in section("fsck")
    for status in Exit:
        assert f"\n| {int(status)} | " in PAGE
