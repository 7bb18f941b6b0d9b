"""``consigne put``: files and folders of this disk into a space."""

import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from dataclasses import replace as replace_in
from pathlib import Path

import click

from consigne.cli.batch import Batch, Outcome
from consigne.cli.exits import HELP, Exit, Failure, Stopped
from consigne.cli.output import Output, with_output
from consigne.cli.places import (
    ensure_folder,
    files_in,
    path_segment,
    shown_path,
)
from consigne.cli.progress import Meter, meter
from consigne.cli.remote import Remote, remote_options
from consigne.cli.upload import Outgoing, Wishes, digest_of, outgoing, send, send_stream
from consigne.client import ClientError, File, Folder
from consigne.model.names import clean_label, clean_name

_LINK = "A symbolic link is left out."
_GO_ON = "Run the same command again: what has arrived is not sent a second time."


@dataclass(frozen=True)
class Job:
    """A file to send, and the files at the other end that have its name already."""

    what: Outgoing
    place: str
    existing: list[File]


@dataclass(frozen=True)
class Manner:
    """What to do where the name is taken: ``replace`` makes a version, ``duplicate`` a twin."""

    replace: bool
    duplicate: bool


@dataclass
class Plan:
    """Turns paths of this disk into jobs, making folders at the other end on the way."""

    remote: Remote
    batch: Batch
    meter: Meter
    to: str
    files: int = 0
    folders: dict[str, Folder] = field(default_factory=dict)

    def jobs(self, paths: tuple[Path, ...], name: str | None) -> Iterator[Job]:
        """Yield a job for each file; what cannot be one is told of and left out."""
        for path in paths:
            if path.is_dir():
                yield from self._tree(path)
                continue
            try:
                folder = self._folder(self.to)
                wanted = _name_of(path, name)
                existing = list(files_in(self.remote, folder, f"name={wanted}"))
                yield self._job(path, wanted, folder, self.to, existing)
            except (Failure, ClientError) as error:
                self._fail(path, error)

    def _tree(self, top: Path) -> Iterator[Job]:
        """Yield the files below a folder, folder by folder, each in the same place as here."""
        base = self.to if top.resolve() == Path.cwd() else _join(self.to, top.resolve().name)
        places = {top: base}
        for here, folders, names in os.walk(top):
            place = places.pop(Path(here), None)
            if place is None:
                continue
            folders.sort()
            for name in folders:
                path = Path(here, name)
                if path.is_symlink():
                    self.batch.ignore(shown_path(path), _LINK)
                elif not clean_label(name):
                    self._fail(path, Failure("This name has no visible character."))
                else:
                    places[path] = _join(place, name)
            yield from self._folder_jobs(Path(here), sorted(names), place)

    def _folder_jobs(self, here: Path, names: list[str], place: str) -> Iterator[Job]:
        try:
            folder = self._folder(place)
            there: dict[str, list[File]] = {}
            for file in files_in(self.remote, folder):
                there.setdefault(file.name, []).append(file)
        except (Failure, ClientError) as error:
            self._fail(here, error)
            return
        claimed: dict[str, str] = {}
        for name in names:
            path = here / name
            try:
                if path.is_symlink():
                    self.batch.ignore(shown_path(path), _LINK)
                    continue
                wanted = _name_of(path, None)
                if wanted in claimed:
                    raise Failure(
                        f"Kept as {wanted!r}, it would have the name of {claimed[wanted]!r}.",
                        rule="name_taken",
                        hint="Rename one of them.",
                    )
                claimed[wanted] = name
                yield self._job(path, wanted, folder, place, there.get(wanted, []))
            except (Failure, ClientError) as error:
                self._fail(path, error)

    def _job(self, path: Path, name: str, folder: Folder, place: str, existing: list[File]) -> Job:
        what = outgoing(path, name, folder)
        self.files += 1
        self.meter.expect(self.files, what.size)
        return Job(what, place, existing)

    def _folder(self, place: str) -> Folder:
        if place not in self.folders:
            self.folders[place] = ensure_folder(self.remote, place)
        return self.folders[place]

    def _fail(self, path: Path, error: Failure | ClientError) -> None:
        self.batch.fail(shown_path(path), error)


@click.command(epilog=HELP)
@click.argument(
    "paths", nargs=-1, required=True, metavar="PATH...", type=click.Path(path_type=Path)
)
@click.option("--to", default="", metavar="FOLDER", help="Folder there; made if missing.")
@click.option("--name", help="Name there, for a single file or '-'.")
@click.option("--replace", is_flag=True, help="Make a new version where the name is taken.")
@click.option("--duplicate", is_flag=True, help="Make a second file where the name is taken.")
@click.option("--tag", "tags", multiple=True, help="Tag of the new files; repeatable.")
@click.option("--meta", multiple=True, metavar="KEY=VALUE", help="Metadata; repeatable.")
@click.option("--type", "media_type", help="Media type, where the detected one is wrong.")
@click.option("--access", type=click.Choice(["space", "private"]), help="Who sees the files.")
@click.option("--parallel", "-j", type=click.IntRange(1, 32), default=4, show_default=True,
              help="Files at the same time.")  # fmt: skip
@with_output
@remote_options
def put(
    output: Output,
    remote: Remote,
    paths: tuple[Path, ...],
    to: str,
    name: str | None,
    replace: bool,
    duplicate: bool,
    tags: tuple[str, ...],
    meta: tuple[str, ...],
    media_type: str | None,
    access: str | None,
    parallel: int,
) -> None:
    """Send files and whole folders; '-' is standard input.

    What is there already with the same name and bytes is skipped, so after an interruption, or to
    bring a folder up to date, give the same command again: it goes on where it was. Files over
    16 MiB go up in parts. Checksums are compared on both sides. Symbolic links are left out.

    It prints what became of each file, its id and its path.
    """
    if replace and duplicate:
        raise click.UsageError("--replace and --duplicate exclude each other.")
    if name is not None and (len(paths) > 1 or paths[0].is_dir()):
        raise click.UsageError("--name is for a single file.")
    wishes = Wishes(media_type, access, tags, dict(map(_pair, meta)))
    batch = Batch(output, remote, parallel)
    try:
        with meter(output) as bars:
            if paths == (Path("-"),):
                _put_stream(remote, batch, to, name, wishes, bars)
            else:
                work = _worker(remote, wishes, Manner(replace, duplicate), bars)
                jobs = Plan(remote, batch, bars, to).jobs(paths, name)
                batch.run(jobs, work, lambda job: shown_path(job.what.path))
    except Stopped as stop:
        raise Stopped(_GO_ON) from stop
    if sum(batch.counts.values()) > 1:
        output.notice(batch.summary())
    sys.exit(batch.exit)


def _worker(
    remote: Remote, wishes: Wishes, manner: Manner, bars: Meter
) -> Callable[[Job], Outcome]:
    def work(job: Job) -> Outcome:
        number = bars.begin(job.what.name, job.what.size)
        try:
            return _put(remote, job, wishes, manner, bars, number)
        finally:
            bars.end(number)

    return work


def _put(
    remote: Remote, job: Job, wishes: Wishes, manner: Manner, bars: Meter, number: int
) -> Outcome:
    what = job.what
    if job.existing and not manner.duplicate:
        same = _same(remote, what, job.existing)
        if same is not None:
            bars.advance(number, what.size)
            return _told("skipped", job, same)
        if not manner.replace:
            raise Failure(
                f"A file {what.name!r} with other bytes is there already.",
                rule="name_taken",
                hint="--replace makes a new version of it, --duplicate a second file.",
            )
        if len(job.existing) > 1:
            raise Failure(
                f"{len(job.existing)} files there are called {what.name!r}.",
                rule="ambiguous",
                hint="Delete or rename all but one of them, or use --duplicate.",
            )
        what = replace_in(what, replaces=job.existing[0].id)
    stored = send(remote, what, wishes, bars, number)
    return _told("stored" if what.replaces is None else "replaced", job, stored)


def _same(remote: Remote, what: Outgoing, existing: list[File]) -> File | None:
    """Return the file that has these bytes already."""
    alike = [each for each in existing if each.size == what.size]
    if not alike:
        return None
    try:
        digest = digest_of(what.path, remote).hex()
    except OSError as error:
        raise Failure(f"It cannot be read: {error.strerror}.") from error
    return next((each for each in alike if each.sha256 == digest), None)


def _put_stream(
    remote: Remote, batch: Batch, to: str, name: str | None, wishes: Wishes, bars: Meter
) -> None:
    if not name:
        raise click.UsageError("Standard input has no name: give --name.")
    folder = ensure_folder(remote, to)
    try:
        stored = send_stream(remote, sys.stdin.buffer, name, folder, wishes, bars)
    except KeyboardInterrupt:
        raise Failure("Interrupted; nothing was stored.", exit=Exit.INTERRUPTED) from None
    batch.tell(
        Outcome(
            status="stored",
            path="-",
            remote=to,
            id=stored.id,
            name=stored.name,
            size=stored.size,
            sha256=stored.sha256 or "",
        )
    )


def _told(status: str, job: Job, stored: File) -> Outcome:
    return Outcome(
        status=status,
        path=shown_path(job.what.path),
        remote=job.place,
        id=stored.id,
        name=stored.name,
        size=stored.size,
        sha256=stored.sha256 or "",
    )


def _name_of(path: Path, name: str | None) -> str:
    """Return the name that a file will have there. Raises Failure where none is left."""
    cleaned = clean_name(name if name is not None else path.name)
    if not cleaned:
        raise Failure(
            "The name has no visible character left.", rule="bad_name", hint="Give --name."
        )
    return cleaned


def _join(place: str, name: str) -> str:
    segment = path_segment(clean_label(name))
    return f"{place.strip('/')}/{segment}" if place.strip("/") else segment


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise click.UsageError(f"--meta is KEY=VALUE, not {text!r}.")
    return key, value
