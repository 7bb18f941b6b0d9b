"""``consigne ls`` and ``consigne find``: what is in a folder, what matches in the whole space."""

import re
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any, TypeVar

import click

from consigne.cli.exits import HELP
from consigne.cli.hits import count_hits, hits_of, show_hits
from consigne.cli.output import Output, size_text, with_output
from consigne.cli.places import (
    FILE_FIELDS,
    require_folder,
)
from consigne.cli.remote import Remote, remote_options
from consigne.client import Folder
from consigne.settings import parse_size

F = TypeVar("F", bound=Callable[..., Any])
_LIMIT = 1000
_TERM = re.compile(r"(?:meta\.[^=!~<>]+|[a-z0-9_]+)(?:!=|!~|>=|<=|=|~|>|<)", re.DOTALL)
_SIZE_TERM = re.compile(r"(size(?:!=|>=|<=|=|>|<))(.*)")
_STATES = ["kept", "held", "released"]


def _list_options(command: F) -> F:
    """Give a command the options of a list."""
    for option in (
        click.option("--sort", metavar="KEYS", help="Such as name or -size,name."),
        click.option("--limit", type=click.IntRange(1), default=_LIMIT, show_default=True,
                     help="At most so many files."),
        click.option("--all", "everything", is_flag=True, help="However many there are."),
        click.option("--state", type=click.Choice(_STATES), default="kept", show_default=True,
                     help="released: the trash."),
    ):  # fmt: skip
        command = option(command)
    return command


@click.command(epilog=HELP)
@click.argument("folder", default="")
@_list_options
@with_output
@remote_options
def ls(
    output: Output,
    remote: Remote,
    folder: str,
    sort: str | None,
    limit: int,
    everything: bool,
    state: str,
) -> None:
    """List a FOLDER (path or id; by default the top): its folders, then its files.

    With --json each line is a folder {"folder": id, "name": …} or a file.
    """
    place = require_folder(remote, folder)
    folders = list(remote.folders(place))
    params = [("folder", place.id), ("state", state)]
    if sort:
        params.append(("sort", sort))
    _print(output, folders, _files(remote, params), None if everything else limit)


@click.command(epilog=HELP)
@click.argument("words", nargs=-1, metavar="WORD|FILTER...")
@click.option("--folder", help="Only directly in this folder (path or id).")
@click.option("--names", is_flag=True, help="Look for words in names only, also inside of others.")
@click.option("--count", is_flag=True, help="Print only how many there are.")
@_list_options
@with_output
@remote_options
def find(
    output: Output,
    remote: Remote,
    words: tuple[str, ...],
    folder: str | None,
    names: bool,
    count: bool,
    sort: str | None,
    limit: int,
    everything: bool,
    state: str,
) -> None:
    """Search names, metadata, tags and text for all WORDs, among the files for which every FILTER
    holds.

    Words are found without regard to case, accents and endings, "several words" in one argument
    side by side, the last word also as the beginning of one; the best hits come first.

    A filter is FIELD OP VALUE without blanks, such as name~invoice, 'size>=1MiB', type=image/png,
    tag=urgent, meta.year=2026 or 'created_at>2026-01-31'; operators are = != ~ !~ > >= < <=.
    """
    sought = [] if names else [word for word in words if not is_filter(word)]
    params = [("filter", filter_of(word)) for word in words if word not in sought]
    if folder is not None:
        params.append(("folder", require_folder(remote, folder).id))
    if sought and (sort or state != "kept"):
        raise click.UsageError("--sort and --state go with filters, and with words as --names.")
    question = " ".join(map(_quoted, sought))
    if not sought:
        params.append(("state", state))
    if count:
        number = (
            count_hits(remote, question, params)
            if sought
            else remote.json("GET", "/files/count", params=params)["count"]
        )
        if output.as_json:
            output.json({"count": number})
        output.line(str(number))
        return
    if sought:
        show_hits(output, hits_of(remote, question, params), None if everything else limit)
        return
    if sort:
        params.append(("sort", sort))
    _print(output, [], _files(remote, params), None if everything else limit)


def _quoted(word: str) -> str:
    """Put an argument of several words into quotes, unless it has some."""
    return f'"{word}"' if " " in word.strip() and '"' not in word else word


def is_filter(word: str) -> bool:
    """Tell whether an argument is a filter and not a word.

    >>> is_filter("name~invoice"), is_filter("invoice")
    (True, False)
    """
    return _TERM.match(word) is not None


def filter_of(word: str) -> str:
    """Return a filter of the native API: bare words search names, sizes may have units.

    >>> filter_of("invoice"), filter_of("size>=1KiB")
    ('name~invoice', 'size>=1024')
    """
    sized = _SIZE_TERM.fullmatch(word)
    if sized:
        try:
            return f"{sized[1]}{parse_size(sized[2])}"
        except ValueError as error:
            raise click.UsageError(str(error)) from None
    return word if is_filter(word) else f"name~{word}"


def _files(remote: Remote, params: list[tuple[str, str]]) -> Iterable[Any]:
    return remote.pages("/files", "files", [*params, ("fields", FILE_FIELDS)])


def _print(
    output: Output,
    folders: list[Folder],
    files: Iterable[Any],
    limit: int | None,
) -> None:
    """Print folders and up to ``limit`` files, and say if there are more."""
    waiting = iter(files)
    shown = islice(waiting, limit) if limit is not None else waiting
    if output.as_json:
        for folder in folders:
            output.json({"folder": folder.id, "name": folder.name})
        for file in shown:
            output.json(file)
    else:
        rows = [(each.id, "-", "-", f"{each.name}/") for each in folders]
        rows += [
            (f["id"], size_text(f["size"]), _moment(f["created_at"]), f["name"]) for f in shown
        ]
        if rows:
            output.table(("id", "size", "created", "name"), rows)
    if limit is not None and next(waiting, None) is not None:
        output.notice(f"There are more than {limit}: --all shows them.")


def _moment(text: str) -> str:
    """Return an ISO 8601 time to the minute."""
    return text[:16].replace("T", " ")
