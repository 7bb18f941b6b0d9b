"""``consigne rm``: into the trash, after saying what it would be."""

import sys
import time
from dataclasses import dataclass
from typing import Any

import click

from consigne.cli.confirming import confirm
from consigne.cli.exits import HELP, Exit, Failure
from consigne.cli.ls import filter_of
from consigne.cli.output import Output, count_text, with_output
from consigne.cli.places import find, require_folder
from consigne.cli.remote import Remote, remote_options
from consigne.client import File, Folder

_PAUSE = 0.5


@dataclass
class Deleted:
    """What was, or would be, deleted; ``skipped`` are protected, or other people's."""

    files: int = 0
    folders: int = 0
    skipped: int = 0

    def words(self) -> str:
        found = [count_text(self.files, "file")] if self.files or not self.folders else []
        if self.folders:
            found.append(count_text(self.folders, "folder"))
        text = " and ".join(found)
        return f"{text} ({self.skipped} skipped: protected or not yours)" if self.skipped else text


@click.command(epilog=HELP)
@click.argument("names", nargs=-1, metavar="[ID|PATH]...")
@click.option("--filter", "filters", multiple=True, metavar="FILTER",
              help="All files that match, as in 'consigne find'; repeatable.")  # fmt: skip
@click.option("--folder", help="With --filter: only directly in this folder.")
@click.option("--recursive", "-r", is_flag=True, help="Folders too, with all that is in them.")
@click.option("--purge", is_flag=True, help="For good, not into the trash; only named files.")
@click.option("--dry-run", is_flag=True, help="Only say what would be deleted.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
@with_output
@remote_options
def rm(
    output: Output,
    remote: Remote,
    names: tuple[str, ...],
    filters: tuple[str, ...],
    folder: str | None,
    recursive: bool,
    purge: bool,
    dry_run: bool,
    yes: bool,
) -> None:
    """Move files into the trash, named by id or path, or all that match a filter.

    It says how many there are and asks before anything happens; scripts give --yes.
    """
    if bool(names) == bool(filters):
        raise click.UsageError("Name files or folders, or give --filter.")
    if filters and purge:
        raise click.UsageError("--purge is for files that are named.")
    if filters:
        params = [("filter", filter_of(each)) for each in filters]
        if folder is not None:
            params.append(("folder", require_folder(remote, folder).id))
        _run(output, [_Matching(remote, params)], dry_run, yes)
        return
    things = [find(remote, name) for name in names]
    steps: list[_Step] = []
    for thing, name in zip(things, names, strict=True):
        if isinstance(thing, File):
            steps.append(_File(remote, thing, purge))
            continue
        if not recursive or purge:
            raise click.UsageError(f"{name!r} is a folder: give --recursive, without --purge.")
        if not thing.name:
            raise click.UsageError("The top of a space cannot be deleted; use --filter.")
        steps.append(_Tree(remote, thing))
    _run(output, steps, dry_run, yes)


class _Step:
    """Something to delete."""

    def foresee(self) -> Deleted:
        """Return what would be deleted."""
        raise NotImplementedError

    def perform(self) -> Deleted:
        """Delete it. Raises Failure."""
        raise NotImplementedError


class _File(_Step):
    def __init__(self, remote: Remote, file: File, purge: bool) -> None:
        self._remote = remote
        self._file = file
        self._purge = purge

    def foresee(self) -> Deleted:
        return Deleted(files=1)

    def perform(self) -> Deleted:
        path = f"/files/{self._file.id}"
        self._remote.call("DELETE", path, again=False)
        if self._purge:
            self._remote.call("DELETE", path, params=[("purge", "true")], again=False)
        return Deleted(files=1)


class _Matching(_Step):
    def __init__(self, remote: Remote, params: list[tuple[str, str]]) -> None:
        self._remote = remote
        self._params = params

    def foresee(self) -> Deleted:
        return self._delete([("dry_run", "true")])

    def perform(self) -> Deleted:
        return self._delete([])

    def _delete(self, more: list[tuple[str, str]]) -> Deleted:
        done = self._remote.json("DELETE", "/files", params=[*self._params, *more])
        if "state" in done:  # so many that a job does it
            done = job_result(self._remote, done)
            return Deleted(files=done["count"], skipped=done["failed"])
        return Deleted(files=done["count"], skipped=done["skipped"])


def job_result(remote: Remote, job: Any) -> Any:
    """Wait for the end of a job; return what it has done. Raises Failure."""
    while job["ended_at"] is None:
        time.sleep(_PAUSE)
        job = remote.json("GET", f"/jobs/{job['id']}")
    if job["result"] is None:
        why = job["error"]["detail"] if job["error"] else f"The job is {job['state']}."
        raise Failure(why)
    return job["result"]


class _Tree(_Step):
    """A folder, those below it, and the files in them; it stays where a file in it stays."""

    def __init__(self, remote: Remote, folder: Folder) -> None:
        self._remote = remote
        self._folder = folder
        self._folders = [folder]
        for each in self._folders:
            self._folders.extend(remote.folders(each))

    def foresee(self) -> Deleted:
        total = Deleted(folders=len(self._folders))
        for folder in self._folders:
            there = _Matching(self._remote, [("folder", folder.id)]).foresee()
            total.files += there.files
            total.skipped += there.skipped
        return total

    def perform(self) -> Deleted:
        total = Deleted()
        for folder in reversed(self._folders):
            done = _Matching(self._remote, [("folder", folder.id)]).perform()
            total.files += done.files
            total.skipped += done.skipped
        if total.skipped:
            return total
        done = self._remote.json("DELETE", f"/folders/{self._folder.id}", again=False)
        total.folders = done["folders"]
        return total


def _run(output: Output, steps: list[_Step], dry_run: bool, yes: bool) -> None:
    foreseen = _sum([step.foresee() for step in steps])
    if dry_run or not (foreseen.files or foreseen.folders):
        _tell(output, foreseen, dry_run, "Would delete")
        return
    if not yes:
        confirm(foreseen.words())
    done = _sum([step.perform() for step in steps])
    _tell(output, done, False, "Deleted")
    if done.skipped:
        output.notice("What is protected or not yours stays, with the folders that it is in.")
        sys.exit(Exit.FAILED)


def _tell(output: Output, done: Deleted, dry_run: bool, verb: str) -> None:
    if output.as_json:
        output.json(
            {
                "files": done.files,
                "folders": done.folders,
                "skipped": done.skipped,
                "dry_run": dry_run,
            }
        )
    output.line(f"{verb} {done.words()}.")


def _sum(all_of_it: list[Deleted]) -> Deleted:
    return Deleted(
        sum(each.files for each in all_of_it),
        sum(each.folders for each in all_of_it),
        sum(each.skipped for each in all_of_it),
    )
