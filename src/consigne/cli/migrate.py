"""``consigne migrate``: move all bytes to another store while servers run."""

import asyncio
import sys
from pathlib import Path

import click
import msgspec

from consigne import app, observe
from consigne.cli.durations import Size
from consigne.cli.exits import Exit, Failure, not_run
from consigne.cli.local import data_options, require_installation, settings_of
from consigne.cli.output import Output, count_text, size_text, with_output
from consigne.cli.progress import contents
from consigne.core.care.moving import MoveStatus
from consigne.core.depot import Depot
from consigne.errors import ConsigneError
from consigne.settings import Settings, SettingsError

DONE, LEFT, NOT_RUN = 0, 1, 2
_EPILOG = (
    "Exit status: 0 done; 1 something is left (damaged contents, unfinished uploads); 2 it could "
    "not run; 130 interrupted (run it again, it goes on there)."
)


class _Asked(msgspec.Struct, frozen=True):
    """What the command is to do."""

    to: str | None
    rate: int
    finish: bool
    remove_source: bool


@click.command(epilog=_EPILOG)
@data_options
@click.option("--to", metavar="STORE", help="Where to: local, file:///folder, s3://bucket/prefix.")
@click.option(
    "--rate", type=Size(), default="0", help="Bytes a second, such as 100MB; 0: no limit."
)
@click.option("--finish", is_flag=True, help="End the move; says how to change the settings.")
@click.option("--remove-source", is_flag=True, help="Remove what a finished move left behind.")
@with_output
def migrate(
    output: Output,
    data: str | None,
    config: Path | None,
    to: str | None,
    rate: int,
    finish: bool,
    remove_source: bool,
) -> None:
    """Move all bytes to another store, while servers run.

    From its beginning on new bytes go to the new store, and reads look where each content is.
    Every content is compared with its checksums there before the old bytes are forgotten; nothing
    is removed from the source before --remove-source. Without an option it shows how far it is.
    """
    asked = _Asked(to, rate, finish, remove_source)
    if sum((to is not None, finish, remove_source)) > 1:
        raise Failure("Give one of --to, --finish and --remove-source.", exit=Exit.USAGE)
    try:
        settings = settings_of(data, config)
        require_installation(settings)
        # What goes well is told by the progress; the log would tear its bar.
        observe.configure(msgspec.structs.replace(settings, log_level="error"))
        status = asyncio.run(_run(settings, output, asked))
    except (ConsigneError, Failure, OSError, SettingsError) as error:
        hint = "Run it again: it goes on where it was."
        output.fail(not_run(error, "The move could not go on", hint))
        sys.exit(NOT_RUN)
    sys.exit(LEFT if status is not None and (status.left or status.uploads) else DONE)


async def _run(settings: Settings, output: Output, asked: _Asked) -> MoveStatus | None:
    depot = app.build_depot(settings)
    await depot.open()
    try:
        moving = depot.moving
        if moving is None:
            raise Failure("This store cannot be moved.")
        if asked.remove_source:
            removed = await moving.remove_source()
            if output.as_json:
                output.json({"removed": removed})
            output.line(f"{count_text(removed, 'content')} removed from the source.")
            return None
        if asked.finish:
            return _tell_end(output, await moving.finish())
        if asked.to is not None:
            with contents(output) as show:

                def watch(present: MoveStatus) -> None:
                    show(present.moved, present.moved + present.left, present.size)

                status = await moving.run(app.location_of(asked.to), asked.rate, watch)
            return _tell(output, status)
        return await _show(output, depot)
    finally:
        await depot.close()


async def _show(output: Output, depot: Depot) -> MoveStatus | None:
    assert depot.moving is not None
    status = await depot.moving.status()
    if status is not None:
        return _tell(output, status)
    if output.as_json:
        output.json(None)
    output.line("No move is under way.")
    return None


def _tell(output: Output, status: MoveStatus) -> MoveStatus:
    if output.as_json:
        output.json(status)
    moved = f"{count_text(status.moved, 'content')} ({size_text(status.size)}) moved"
    output.line(f"{status.source} → {status.target}: {moved}, {status.left:,} left.")
    if status.damaged:
        output.line(
            f"{count_text(status.damaged, 'content')} damaged in the source and not moved: "
            "'consigne fsck' names the files."
        )
    if status.uploads:
        output.line(f"{count_text(status.uploads, 'unfinished upload')} began in the source.")
    if not status.left and not status.uploads:
        output.notice("Everything is there. 'consigne migrate --finish' ends the move.")
    return status


def _tell_end(output: Output, status: MoveStatus) -> MoveStatus:
    setting = f"CONSIGNE_BLOBS={status.target}"
    if output.as_json:
        output.json({"finished": True, "set": setting, "source": status.source})
    output.line(f"All bytes are in {status.target}. Set {setting} for every server and worker.")
    output.notice(
        f"They may be restarted one after the other. 'consigne migrate --remove-source' then "
        f"removes what is left in {status.source}."
    )
    return status
