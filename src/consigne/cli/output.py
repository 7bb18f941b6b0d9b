"""Where commands write: results to standard output, everything else to standard error.

For people there are tables, colours and progress bars; without a terminal there are tab-separated
lines and silence; with ``--json`` there is one JSON document, or one a line.
"""

import contextlib
import functools
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NoReturn, TypeVar

import click
import msgspec

from consigne.cli.exits import Exit, Failure, Stopped, failure_of
from consigne.errors import ConsigneError
from consigne.settings import SettingsError

F = TypeVar("F", bound=Callable[..., Any])
_HIDDEN = "\N{REPLACEMENT CHARACTER}"


class Output:
    """What a command says. ``quiet``: no progress and no notices."""

    def __init__(self, as_json: bool, quiet: bool = False) -> None:
        self.as_json = as_json
        self.quiet = quiet

    @property
    def is_lively(self) -> bool:
        """Whether somebody watches: progress bars make sense."""
        return not self.as_json and not self.quiet and sys.stderr.isatty()

    def json(self, document: Any, *, aside: bool = False) -> None:
        """Print one JSON document on one line; ``aside``: to standard error, as standard output has
        something else.
        """
        stream = sys.stderr if aside else sys.stdout
        stream.buffer.write(msgspec.json.encode(document) + b"\n")
        stream.flush()

    def line(self, *cells: str) -> None:
        """Print a line of the result, cells separated by tabs; nothing with ``--json``."""
        if not self.as_json:
            click.echo("\t".join(map(printable, cells)))

    def notice(self, text: str) -> None:
        """Tell people something beside the result."""
        if not self.as_json and not self.quiet:
            click.echo(printable(text), err=True)

    def table(self, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """Print rows: a table on a terminal, else tab-separated without a heading."""
        if not sys.stdout.isatty():
            for row in rows:
                click.echo("\t".join(printable(cell) for cell in row))
            return
        from rich.console import Console
        from rich.table import Table

        table = Table(*columns, box=None, pad_edge=False, header_style="bold")
        for row in rows:
            table.add_row(*(_plain(cell) for cell in row))
        Console().print(table)

    def fail(self, failure: Failure) -> None:
        """Say what was refused, by which rule, and what to do."""
        if self.as_json:
            document = {"error": failure.message, "rule": failure.rule, "hint": failure.hint}
            click.echo(msgspec.json.encode(document | {"exit": int(failure.exit)}), err=True)
            return
        click.echo(f"consigne: {printable(failure.message)}", err=True)
        if failure.rule:
            click.echo(f"  rule: {failure.rule}", err=True)
        if failure.hint:
            click.echo(f"  do:   {printable(failure.hint)}", err=True)


def with_output(command: F) -> F:
    """Give a command the options ``--json`` and ``--quiet`` and its ``Output`` as first argument.

    Refusals end it with the status that tells of them.
    """

    @click.option("--json", "as_json", is_flag=True, help="Print JSON instead of text.")
    @click.option("--quiet", "-q", is_flag=True, help="Print results only.")
    @functools.wraps(command)
    def wrapped(*args: Any, as_json: bool, quiet: bool, **options: Any) -> Any:
        output = Output(as_json, quiet)
        try:
            return command(output, *args, **options)
        except Failure as failure:
            output.fail(failure)
            sys.exit(failure.exit)
        except ConsigneError as error:
            refused = failure_of(error)
            output.fail(refused)
            sys.exit(refused.exit)
        except SettingsError as error:
            output.fail(Failure(str(error), rule="settings", hint="Correct the setting."))
            sys.exit(Exit.USAGE)
        except (KeyboardInterrupt, Stopped) as stop:
            hint = stop.hint if isinstance(stop, Stopped) else ""
            output.fail(Failure("Interrupted.", hint=hint, exit=Exit.INTERRUPTED))
            _leave(Exit.INTERRUPTED)
        except BrokenPipeError:
            sys.stderr.close()  # whoever read our output has seen enough
            sys.exit(Exit.OK)

    return wrapped  # type: ignore[return-value]


def printable(text: str) -> str:
    """Return text on one line that cannot move the cursor of a terminal, whatever a file is called.

    >>> printable("one" + chr(10) + "two")
    'one�two'
    """
    text = text.encode("utf-8", "replace").decode()
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else _HIDDEN for c in text)


def _leave(status: Exit) -> NoReturn:
    """End at once: threads may hang on a dead network, and nothing that they hold is needed."""
    with contextlib.suppress(OSError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(status)


def size_text(size: int) -> str:
    """Return a size as people read it.

    >>> size_text(1536)
    '1.5 KiB'
    """
    value, unit = float(size), "B"
    for larger in ("KiB", "MiB", "GiB", "TiB", "PiB"):
        if value < 1024:
            break
        value, unit = value / 1024, larger
    return f"{size} B" if unit == "B" else f"{value:.1f} {unit}"


def count_text(number: int, noun: str) -> str:
    """Return a number with its noun.

    >>> count_text(2, "file")
    '2 files'
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _plain(cell: str) -> Any:
    """Return a cell in which square brackets are only brackets."""
    from rich.text import Text

    return Text(printable(cell))
