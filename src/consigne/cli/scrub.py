"""``consigne scrub``: read everything that is stored again, at a rate, and heal what can be."""

import asyncio
import sys
from pathlib import Path
from typing import Any

import click
import msgspec

from consigne import app, observe
from consigne.cli.durations import Size
from consigne.cli.exits import Failure, not_run
from consigne.cli.local import data_options, require_installation, settings_of
from consigne.cli.output import Output, count_text, size_text, with_output
from consigne.cli.progress import contents
from consigne.core.care.scrub import ScrubStatus
from consigne.core.depot import Depot
from consigne.core.telling import moment
from consigne.errors import ConsigneError
from consigne.model.care import ScrubFinding, ScrubPass
from consigne.settings import Settings, SettingsError

SOUND, LEFT, NOT_RUN = 0, 1, 2
_EPILOG = (
    "Exit status: 0 nothing is damaged, or all of it is repaired; 1 damage is left; 2 the scrub "
    "could not run, or runs elsewhere; 130 interrupted (the next run goes on there)."
)
_FINDINGS = 1000


class _Done(msgspec.Struct, frozen=True):
    """What a command knows in the end."""

    status: ScrubStatus
    findings: list[ScrubFinding]


@click.command(epilog=_EPILOG)
@data_options
@click.option("--now", is_flag=True, help="Begin a pass that is not due yet, too.")
@click.option("--rate", type=Size(), help="Bytes a second, such as 100MB; 0: no limit.")
@click.option("--status", "only_status", is_flag=True, help="Only show how far it is.")
@with_output
def scrub(
    output: Output,
    data: str | None,
    config: Path | None,
    now: bool,
    rate: int | None,
    only_status: bool,
) -> None:
    """Read all stored bytes again and compare every checksum.

    A server does this by itself, every CONSIGNE_SCRUB_EVERY; here you can watch it, or have it
    now. It is safe beside running servers, and goes on where a pass was interrupted. What is
    damaged is marked, so that it is neither served nor shared, and healed where that is possible.
    """
    try:
        settings = settings_of(data, config)
        require_installation(settings)
        # What goes well is told by the progress; the log would tear its bar.
        observe.configure(msgspec.structs.replace(settings, log_level="error"))
        done = asyncio.run(_run(settings, output, now=now, rate=rate, only_status=only_status))
    except (ConsigneError, Failure, OSError, SettingsError) as error:
        hint = "Run 'consigne doctor' to see what is missing."
        output.fail(not_run(error, "The scrub could not run", hint))
        sys.exit(NOT_RUN)
    latest = done.status.latest
    if output.as_json:
        output.json(_document(done))
    else:
        output.table(("", "what", "content"), map(_row, done.findings))
        output.line(_verdict(done.status))
    sys.exit(LEFT if latest is not None and latest.found > latest.repaired else SOUND)


async def _run(
    settings: Settings, output: Output, *, now: bool, rate: int | None, only_status: bool
) -> _Done:
    depot = app.build_depot(settings)
    await depot.open()
    try:
        if not only_status:
            with contents(output) as show:

                def watch(present: ScrubPass) -> None:
                    show(min(present.checked, present.total), present.total, present.size)

                await depot.scrub.run(now=now, rate=rate, watch=watch)
        return await _look(depot)
    finally:
        await depot.close()


async def _look(depot: Depot) -> _Done:
    status = await depot.scrub.status()
    if status.latest is None:
        return _Done(status, [])
    return _Done(status, await depot.scrub.findings(status.latest.number, 0, _FINDINGS))


def _document(done: _Done) -> dict[str, Any]:
    latest = done.status.latest
    document: dict[str, Any] = {"pass": None, "is_running": done.status.is_running}
    if latest is not None:
        document["pass"] = {
            "number": latest.number,
            "started_at": latest.started_at,
            "ended_at": latest.ended_at,
            "contents": latest.total,
            "checked": latest.checked,
            "bytes_read": latest.size,
            "found": latest.found,
            "repaired": latest.repaired,
        }
    return document | {"due_at": done.status.due_at, "findings": done.findings}


def _row(found: ScrubFinding) -> tuple[str, str, str]:
    mark = "repaired" if found.is_repaired else "lost"
    return mark, f"{found.problem} in the {found.place}", str(found.content_id)


def _verdict(status: ScrubStatus) -> str:
    latest = status.latest
    if latest is None:
        return "Nothing has been scrubbed yet."
    seen = f"{latest.checked:,} of {count_text(latest.total, 'content')}"
    read = f"{size_text(latest.size)} read"
    if latest.ended_at is None:
        where = "under way" if status.is_running else "interrupted"
        head = f"A pass is {where}: {seen}, {read}."
    else:
        head = f"Checked {seen}, {read}, until {moment(latest.ended_at)}."
    if not latest.found:
        return f"{head} Nothing is damaged."
    left = latest.found - latest.repaired
    if not left:
        return f"{head} {count_text(latest.found, 'finding')}, all repaired."
    return f"{head} {count_text(left, 'content')} damaged: 'consigne fsck' names the files."
