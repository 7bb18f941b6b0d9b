"""``consigne get``: files and folders of a space onto this disk."""

import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import click

from consigne.cli.batch import Batch, Outcome
from consigne.cli.download import fetch, is_same, pour
from consigne.cli.exits import HELP, Failure, Stopped
from consigne.cli.output import Output, with_output
from consigne.cli.places import (
    files_in,
    find,
    free_name,
    local_name,
    shown_path,
)
from consigne.cli.progress import Meter, meter
from consigne.cli.remote import Remote, remote_options
from consigne.client import File, Folder

_GO_ON = "Run the same command again: it goes on where it was."


@dataclass(frozen=True)
class Job:
    """A file to fetch, and where to."""

    file: File
    path: Path
    place: str


@dataclass
class Plan:
    """Turns things of a space into jobs, making folders on this disk on the way."""

    remote: Remote
    meter: Meter
    files: int = 0

    def jobs(self, wanted: list[tuple[File | Folder, Path]]) -> Iterator[Job]:
        """Yield a job for each file."""
        for thing, path in wanted:
            if isinstance(thing, File):
                yield self._job(thing, path, "")
            else:
                yield from self._tree(thing, path, thing.name)

    def _tree(self, folder: Folder, path: Path, place: str) -> Iterator[Job]:
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise Failure(f"{shown_path(path)} cannot be made: {error.strerror}.") from error
        taken: set[str] = set()
        below = [
            (each, free_name(local_name(each.name), taken)) for each in self.remote.folders(folder)
        ]
        for file in files_in(self.remote, folder):
            yield self._job(file, path / free_name(local_name(file.name), taken), place)
        for each, name in below:
            yield from self._tree(each, path / name, f"{place}/{each.name}".strip("/"))

    def _job(self, file: File, path: Path, place: str) -> Job:
        self.files += 1
        self.meter.expect(self.files, file.size)
        return Job(file, path, place)


@click.command(epilog=HELP)
@click.argument("names", nargs=-1, required=True, metavar="ID|PATH...")
@click.option("--to", type=click.Path(file_okay=False, path_type=Path), default=Path(),
              metavar="DIR", help="Folder on this disk; made if missing; else here.")  # fmt: skip
@click.option("--output", "-o", "target", type=click.Path(path_type=Path),
              help="Path for a single file; '-' is standard output.")  # fmt: skip
@click.option("--overwrite", is_flag=True, help="Replace files here that have other bytes.")
@click.option("--parallel", "-j", type=click.IntRange(1, 32), default=4, show_default=True,
              help="Files at the same time.")  # fmt: skip
@with_output
@remote_options
def get(
    output: Output,
    remote: Remote,
    names: tuple[str, ...],
    to: Path,
    target: Path | None,
    overwrite: bool,
    parallel: int,
) -> None:
    """Fetch files and whole folders, by id or by path ('Invoices/2026/a.pdf').

    A file arrives as NAME.part and gets its name once its checksum is right. After an interruption
    give the same command again: it goes on where it was. Files that are here already with the same
    bytes are skipped.
    """
    if target is not None and len(names) > 1:
        raise click.UsageError("--output is for a single file.")
    wanted = [(find(remote, name), name) for name in names]
    if target is not None and not isinstance(wanted[0][0], File):
        raise click.UsageError("--output is for a file, --to for a folder.")
    if target == Path("-"):
        file = wanted[0][0]
        assert isinstance(file, File)
        pour(remote, file, sys.stdout.buffer)
        return
    batch = Batch(output, remote, parallel)
    try:
        with meter(output) as bars:
            jobs = Plan(remote, bars).jobs(_targets([thing for thing, _ in wanted], to, target))
            batch.run(jobs, _worker(remote, overwrite, bars), lambda job: shown_path(job.path))
    except Stopped as stop:
        raise Stopped(_GO_ON) from stop
    if sum(batch.counts.values()) > 1:
        output.notice(batch.summary())
    sys.exit(batch.exit)


def _targets(
    things: list[File | Folder], to: Path, target: Path | None
) -> list[tuple[File | Folder, Path]]:
    """Return each thing with the path that it gets here."""
    taken: set[str] = set()
    found: list[tuple[File | Folder, Path]] = []
    for thing in things:
        if target is not None:
            found.append((thing, target))
        elif not thing.name:
            found.append((thing, to))  # the top of the space is no folder of its own
        else:
            found.append((thing, to / free_name(local_name(thing.name), taken)))
    return found


def _worker(remote: Remote, overwrite: bool, bars: Meter) -> Callable[[Job], Outcome]:
    def work(job: Job) -> Outcome:
        number = bars.begin(job.file.name, job.file.size)
        try:
            return _get(remote, job, overwrite, bars, number)
        finally:
            bars.end(number)

    return work


def _get(remote: Remote, job: Job, overwrite: bool, bars: Meter, number: int) -> Outcome:
    if job.path.is_symlink() or job.path.exists():
        if is_same(job.path, job.file):
            bars.advance(number, job.file.size)
            return _told("skipped", job)
        if not overwrite or job.path.is_dir():
            raise Failure(
                "It is here already with other bytes.",
                rule="exists",
                hint="--overwrite replaces it; --to or --output put it elsewhere.",
            )
    try:
        job.path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Failure(f"{shown_path(job.path.parent)}: {error.strerror}.") from error
    continued = fetch(remote, job.file, job.path, bars, number)
    return _told("resumed" if continued else "stored", job)


def _told(status: str, job: Job) -> Outcome:
    file = job.file
    return Outcome(
        status=status,
        path=shown_path(job.path),
        remote=job.place,
        id=file.id,
        name=file.name,
        size=file.size,
        sha256=file.sha256 or "",
    )
