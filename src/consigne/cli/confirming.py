"""The question before something is deleted."""

import sys

import click

from consigne.cli.exits import Exit, Failure


def confirm(what: str) -> None:
    """Ask whether to delete; raise Failure where the answer is no, or nobody is there to ask."""
    if not sys.stdin.isatty():
        raise Failure(
            f"Nothing was deleted: {what} would be.",
            rule="confirmation",
            hint="Give --yes if that is right.",
            exit=Exit.USAGE,
        )
    if not click.confirm(f"Delete {what}?", err=True):
        raise Failure("Nothing was deleted.", rule="confirmation")
