"""``consigne reindex``: make the index of the search anew."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import click
import msgspec

from consigne import app, observe
from consigne.cli.exits import HELP
from consigne.cli.local import data_options, require_installation, settings_of
from consigne.cli.output import Output, count_text, with_output
from consigne.cli.progress import steps
from consigne.core.depot import Depot
from consigne.settings import Settings

_PAGE = 500
_POLL = 0.2

Show = Callable[[str, int, int], None]


@click.command(epilog=HELP)
@data_options
@click.option("--all", "everything", is_flag=True, help="Also what was read by the present rules.")
@click.option("--no-wait", is_flag=True, help="Leave the reading to the workers that run.")
@with_output
def reindex(
    output: Output, data: str | None, config: Path | None, everything: bool, no_wait: bool
) -> None:
    """Index names, metadata and tags anew, and read the texts that were never read.

    It is safe beside a running server, shares the reading with the workers that run, and can be
    interrupted: what is left is done by them, or by the next run.
    """
    settings = settings_of(data, config)
    require_installation(settings)
    # What goes well is told by the progress; the log would tear its bars.
    observe.configure(msgspec.structs.replace(settings, log_level="warning"))
    done = asyncio.run(_reindex(settings, output, everything, no_wait))
    if output.as_json:
        output.json(done)
    output.line(
        f"{count_text(done['files'], 'file')} indexed, "
        f"{count_text(done['texts'], 'text')} {'to read' if no_wait else 'read'}, "
        f"{count_text(done['strays'], 'stray')} removed."
    )


async def _reindex(
    settings: Settings, output: Output, everything: bool, no_wait: bool
) -> dict[str, int]:
    depot = app.build_depot(settings)
    await depot.open()
    try:
        with steps(output) as show:
            strays = 0
            while removed := await depot.texts.remove_strays():
                strays += removed
            files = await _labels(depot, show)
            texts = await _texts(depot, show, everything)
            if not no_wait:
                await _read(depot, show)
        return {"files": files, "texts": texts, "strays": strays}
    finally:
        await depot.close()


async def _labels(depot: Depot, show: Show) -> int:
    total, after = 0, 0
    while True:
        count, after = await depot.texts.note_labels(after, _PAGE)
        total += count
        await depot.texts.catch_up()
        show("names", total, 0)
        if count < _PAGE:
            return total


async def _texts(depot: Depot, show: Show, everything: bool) -> int:
    looked, total, after = 0, 0, 0
    while True:
        count, enqueued, after = await depot.texts.note_page(after, _PAGE, everything=everything)
        looked, total = looked + count, total + enqueued
        show("contents", looked, 0)
        if count < _PAGE:
            return total


async def _read(depot: Depot, show: Show) -> None:
    """Read what waits, beside other workers, until nothing does."""
    total, _ = await depot.texts.waiting()
    worker = app.build_text_worker(depot)
    await worker.start()
    try:
        while left := (await depot.texts.waiting())[0]:
            total = max(total, left)
            show("texts", total - left, total)
            await asyncio.sleep(_POLL)
        show("texts", total, total)
    finally:
        await worker.stop()
