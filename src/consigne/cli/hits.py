"""What ``consigne find`` prints of a search: files with the places where the words were found."""

import sys
from collections.abc import Iterator
from itertools import islice
from typing import Any

import click

from consigne.cli.output import Output, printable, size_text
from consigne.cli.places import FILE_FIELDS
from consigne.cli.remote import Remote

_PAGE = 100


def hits_of(remote: Remote, question: str, params: list[tuple[str, str]]) -> Iterator[Any]:
    """Yield all hits of a question, best first, page by page."""
    cursor: str | None = None
    while True:
        query = [("q", question), *params, ("fields", FILE_FIELDS), ("limit", str(_PAGE))]
        if cursor:
            query.append(("cursor", cursor))
        page = remote.json("GET", "/search", params=query)
        yield from page["hits"]
        cursor = page["next"]
        if not cursor:
            return


def count_hits(remote: Remote, question: str, params: list[tuple[str, str]]) -> int:
    """Return exactly how many hits there are."""
    query = [("q", question), *params, ("fields", "id"), ("limit", "1")]
    number: int = remote.json("GET", "/search", params=query)["total"]
    return number


def show_hits(output: Output, hits: Iterator[Any], limit: int | None) -> None:
    """Print up to ``limit`` hits, and say if there are more.

    With ``--json`` a file a line, with ``score`` and ``snippets``; on a terminal the places stand
    below each file, the words in bold; else they are a last column.
    """
    shown = islice(hits, limit) if limit is not None else hits
    for hit in shown:
        file, snippets = hit["file"], hit["snippets"]
        if output.as_json:
            output.json({**file, "score": hit["score"], "snippets": snippets})
            continue
        cells = [file["id"], size_text(file["size"]), _moment(file["created_at"]), file["name"]]
        places = [snippet for snippet in snippets if snippet["in"] != "name"]
        if not sys.stdout.isatty():
            output.line(*cells, " | ".join(_plain(snippet) for snippet in places))
            continue
        output.line(*cells)
        for snippet in places:
            click.echo(f"    {_head(snippet)}{_bold(snippet)}")
    if limit is not None and next(hits, None) is not None:
        output.notice(f"There are more than {limit}: --all shows them.")


def _head(snippet: Any) -> str:
    if snippet["in"] == "text":
        return f"p. {snippet['page']}: " if snippet["page"] else ""
    return f"{printable(snippet['key'] or snippet['in'])}: "


def _plain(snippet: Any) -> str:
    return _head(snippet) + str(snippet["text"])


def _bold(snippet: Any) -> str:
    """Return the text of a snippet with its marks in bold."""
    text, parts, place = snippet["text"], [], 0
    for start, end in snippet["marks"]:
        parts += [printable(text[place:start]), click.style(printable(text[start:end]), bold=True)]
        place = end
    return "".join([*parts, printable(text[place:])])


def _moment(text: str) -> str:
    return text[:16].replace("T", " ")
