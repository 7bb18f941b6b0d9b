"""``consigne backup``: take a cut of the vault, list cuts, read one back."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from tempfile import gettempdir
from typing import TypeVar

import click
import msgspec

from consigne import app, observe
from consigne.cli.exits import HELP, Exit, Failure
from consigne.cli.local import data_options, require_installation, settings_of
from consigne.cli.output import Output, count_text, size_text, with_output
from consigne.cli.progress import steps
from consigne.cli.streams import STREAM, received, require_reader
from consigne.core.backup.checking import Checked, check
from consigne.core.backup.format import Manifest
from consigne.core.backup.pruning import Pruned, prune
from consigne.core.backup.repository import Repository
from consigne.core.backup.sealing import Seal
from consigne.core.backup.taking import Taking
from consigne.core.secrets import master_key
from consigne.settings import Settings

T = TypeVar("T")
_SPOOL = "backup.part"
IDENTITY = click.option(
    "--identity", "-i", "identities", multiple=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="File with a secret key of age or SSH; repeatable.",
)  # fmt: skip


class _WithDefault(click.Group):
    """A group whose first argument may also be what ``create`` is given."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0] not in (*self.commands, "--help", "-h"):
            args = ["create", *args]
        return super().parse_args(ctx, args)


@click.group(cls=_WithDefault, epilog=HELP)
def backup() -> None:
    """Save the vault while it works: 'consigne backup DEST'.

    DEST is a folder, s3://bucket/prefix, or '-': standard output. 'consigne restore' brings it
    back.
    """


@backup.command(epilog=HELP)
@click.argument("dest")
@click.option("--encrypt", "recipients", multiple=True, metavar="RECIPIENT",
              help="Encrypt with age to this public key (age1… or SSH); repeatable.")  # fmt: skip
@click.option("--with-master-key", is_flag=True,
              help="Also save the key that secrets are sealed under; needs --encrypt.")  # fmt: skip
@click.option("--keep", type=click.IntRange(1), help="Then remove all cuts but so many.")
@data_options
@with_output
def create(
    output: Output,
    dest: str,
    recipients: tuple[str, ...],
    with_master_key: bool,
    keep: int | None,
    data: str | None,
    config: Path | None,
) -> None:
    """Save catalog and bytes as they are at one moment, beside a running server or without.

    What DEST has already is not copied again. An interrupted run is given once more. A stream ('-')
    has everything each time.
    """
    is_stream = dest == STREAM
    if is_stream:
        require_reader()
        if keep is not None:
            raise click.UsageError("--keep needs a folder or a bucket: a stream has one cut.")
    if with_master_key and not recipients:
        raise click.UsageError("The master key is saved only with --encrypt.")
    settings = settings_of(data, config)
    require_installation(settings)
    observe.configure(msgspec.structs.replace(settings, log_level="warning"))

    async def work(repository: Repository) -> tuple[Manifest, Pruned | None]:
        return await _take(settings, repository, with_master_key, keep, output)

    made, pruned = asyncio.run(in_repository(dest, settings, Seal(recipients), work, make=True))
    if output.as_json:
        gone = None if pruned is None else {"cuts": pruned.cuts, "objects": pruned.objects}
        output.json(document(made) | {"pruned": gone}, aside=is_stream)
    amounts = made.contents
    tell = output.notice if is_stream else output.line
    tell(
        f"Saved {made.cut}: {count_text(amounts.objects, 'content')}, {size_text(amounts.size)}; "
        f"{amounts.copied:,} copied, {size_text(amounts.copied_size)}."
    )
    if pruned is not None:
        output.notice(f"Removed {count_text(len(pruned.cuts), 'cut')}, {size_text(pruned.size)}.")
    if amounts.damaged:
        raise Failure(
            f"{count_text(amounts.damaged, 'content')} could not be saved: the bytes are damaged.",
            rule="corrupt",
            hint="'consigne fsck --rehash' names the files. Everything else is saved.",
            exit=Exit.CORRUPT,
        )


async def _take(
    settings: Settings, repository: Repository, carries: bool, keep: int | None, output: Output
) -> tuple[Manifest, Pruned | None]:
    depot = app.build_depot(settings)
    await depot.open()
    try:
        await app.require_whole(depot.catalog)
        folder = settings.data_path / _SPOOL
        with steps(output) as progress:
            made = await Taking(
                depot.catalog,
                depot.bucket,
                repository,
                key=await depot.secrets.get("backup"),
                master_key=master_key(settings.master_key, settings.data_path),
                carries_master_key=carries,
                folder=folder,
                progress=progress,
            ).run()
        if keep is None:
            return made, None
        return made, await prune(depot.catalog, repository, keep, folder)
    finally:
        await depot.close()


@backup.command("list", epilog=HELP)
@click.argument("dest")
@data_options
@with_output
def list_cuts(output: Output, dest: str, data: str | None, config: Path | None) -> None:
    """List the cuts in DEST, the oldest first."""
    if dest == STREAM:
        raise click.UsageError("A stream has one cut; 'consigne backup verify -' says which.")

    async def work(repository: Repository) -> tuple[list[Manifest], list[str]]:
        whole, unfinished = await repository.cuts()
        return [await repository.manifest(cut) for cut in whole], unfinished

    found, unfinished = asyncio.run(in_repository(dest, settings_of(data, config), Seal(), work))
    if output.as_json:
        for each in found:
            output.json(document(each))
    else:
        output.table(
            ("cut", "taken at", "contents", "size", "copied", "encrypted"),
            (
                (each.cut, each.taken_at, str(each.contents.objects),
                 size_text(each.contents.size), size_text(each.contents.copied_size),
                 "yes" if each.recipients else "no")
                for each in found
            ),
        )  # fmt: skip
    for cut in unfinished:
        output.notice(f"{cut} was not finished; the next --keep removes it.")


@backup.command(epilog=HELP)
@click.argument("dest")
@click.option("--cut", help="Which one; default: the newest.")
@IDENTITY
@data_options
@with_output
def verify(
    output: Output,
    dest: str,
    cut: str | None,
    identities: tuple[Path, ...],
    data: str | None,
    config: Path | None,
) -> None:
    """Read a whole cut back and compare everything with what was written.

    Without --identity an encrypted one is only looked through: all files and objects are there.
    With '-' it comes by standard input.
    """
    settings = settings_of(data, config)

    async def work(repository: Repository) -> Checked:
        manifest = await repository.chosen(cut)
        with steps(output) as progress:
            return await check(repository, manifest, progress)

    seal = Seal((), identities)
    with received(dest, Path(gettempdir()) / f"consigne-{os.getpid()}.part") as place:
        checked = asyncio.run(in_repository(place, settings, seal, work))
    if output.as_json:
        output.json(checked)
    for problem in checked.problems:
        output.line(problem)
    read = f"{count_text(checked.objects, 'object')}, {size_text(checked.bytes_read)} read"
    output.notice(f"{checked.cut}: {read}, {count_text(checked.wrong, 'problem')}.")
    if not checked.is_complete:
        output.notice("It is encrypted: with --identity its bytes are read, too.")
    if checked.wrong:
        sys.exit(Exit.CORRUPT)


async def in_repository(
    address: str,
    settings: Settings,
    seal: Seal,
    work: Callable[[Repository], Awaitable[T]],
    *,
    make: bool = False,
) -> T:
    """Run ``work`` with the backups at an address."""
    archive = app.open_archive(address, settings)
    await archive.open(make=make)
    try:
        return await work(Repository(archive, seal))
    finally:
        await archive.close()


def document(manifest: Manifest) -> dict[str, object]:
    """Return a cut as JSON shows it."""
    return {
        "cut": manifest.cut,
        "taken_at": manifest.taken_at,
        "finished_at": manifest.finished_at,
        "consigne": manifest.consigne,
        "schema": manifest.schema,
        "encrypted": bool(manifest.recipients),
        "contents": manifest.contents,
    }
