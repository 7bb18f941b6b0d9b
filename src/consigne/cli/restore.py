"""``consigne restore``: bring a saved vault back, into an empty place."""

import asyncio
import os
import sys
from pathlib import Path

import click
import msgspec

from consigne import app, observe
from consigne.catalog import migrate
from consigne.cli.backup import IDENTITY, in_repository
from consigne.cli.exits import HELP, Exit, Failure
from consigne.cli.local import data_options, settings_of
from consigne.cli.output import Output, count_text, size_text, with_output
from consigne.cli.progress import steps
from consigne.cli.streams import received
from consigne.core.backup.checking import summary_of
from consigne.core.backup.format import Manifest, Summary, fingerprint
from consigne.core.backup.repository import Repository
from consigne.core.backup.restoring import Restored, Restoring
from consigne.core.backup.sealing import Seal
from consigne.core.backup.settling import Settled, forget_secrets, settle
from consigne.core.proof import Options, Report
from consigne.core.secrets import master_key
from consigne.settings import Settings

_SPOOL = "restore.part"


@click.command(epilog=HELP)
@click.argument("src")
@click.option("--cut", help="Which one; default: the newest.")
@IDENTITY
@click.option("--catalog", metavar="URL", help="Database of the new vault, as CONSIGNE_CATALOG.")
@click.option("--blobs", metavar="STORE", help="Where its bytes go, as CONSIGNE_BLOBS.")
@click.option("--new-master-key", is_flag=True,
              help="The old one is lost: signing keys and secrets of webhooks go.")  # fmt: skip
@data_options
@with_output
def restore(
    output: Output,
    src: str,
    cut: str | None,
    identities: tuple[Path, ...],
    catalog: str | None,
    blobs: str | None,
    new_master_key: bool,
    data: str | None,
    config: Path | None,
) -> None:
    """Bring back the vault that was saved in SRC.

    SRC is a folder, s3://bucket/prefix, or '-': standard input.

    Only into an empty database and an empty store; nothing is ever written over. It ends with fsck.
    An interrupted run is given once more and goes on.
    """
    settings = settings_of(data, config, catalog=catalog, blobs=blobs)
    observe.configure(msgspec.structs.replace(settings, log_level="warning"))
    with received(src, settings.data_path / _SPOOL) as place:
        status = _restore(output, place, settings, Seal((), identities), cut, new_master_key)
    sys.exit(status)


def _restore(
    output: Output, src: str, settings: Settings, seal: Seal, cut: str | None, forgets: bool
) -> Exit:
    async def look(repository: Repository) -> tuple[Manifest, Summary]:
        manifest = await repository.chosen(cut)
        return manifest, await summary_of(repository, manifest)

    manifest, summary = asyncio.run(in_repository(src, settings, seal, look))
    if manifest.schema not in migrate.revisions():
        raise Failure(
            f"The backup has the schema {manifest.schema}, which this version does not know.",
            hint=f"Restore it with Consigne {manifest.consigne} or newer.",
        )
    try:
        settings.data_path.mkdir(mode=0o700, parents=True, exist_ok=True)
        _require_master_key(settings, manifest, summary, forgets)
        url = app.catalog_url(settings)
        with migrate.alone(url):
            run = _Run(src, settings, seal, manifest, summary, output)
            restored, settled, report = run.all(url, forgets)
    except OSError as error:
        raise Failure(f"The place cannot be used: {error}", exit=Exit.UNAVAILABLE) from error
    _tell(output, manifest, restored, settled, report)
    if restored.damaged:
        return Exit.CORRUPT
    return Exit.OK if report.clean else Exit.FAILED


class _Run:
    """One restore; each step opens what it needs."""

    def __init__(
        self,
        src: str,
        settings: Settings,
        seal: Seal,
        manifest: Manifest,
        summary: Summary,
        output: Output,
    ) -> None:
        self._src = src
        self._settings = settings
        self._seal = seal
        self._manifest = manifest
        self._summary = summary
        self._output = output

    def all(self, url: str, forgets: bool) -> tuple[Restored, Settled, Report]:
        """Rows in the schema that they were saved with, then the present schema, then bytes."""
        if migrate.current(url) is None:
            migrate.upgrade(url, self._manifest.schema)
        schema = migrate.current(url)

        async def first(repository: Repository) -> int:
            return await self._rows(repository, schema)

        rows = asyncio.run(in_repository(self._src, self._settings, self._seal, first))
        migrate.upgrade(url)

        async def rest(repository: Repository) -> tuple[Restored, Settled, Report]:
            return await self._bytes(repository, rows, forgets)

        return asyncio.run(in_repository(self._src, self._settings, self._seal, rest))

    async def _rows(self, repository: Repository, schema: str | None) -> int:
        depot = app.build_depot(self._settings)
        # Not the depot as a whole: an earlier schema lacks what it asks for.
        await depot.bucket.open()
        await depot.catalog.open()
        try:
            with steps(self._output) as progress:
                run = Restoring(
                    depot.catalog, depot.bucket, repository, self._manifest, self._summary, progress
                )
                if not await run.begin(schema):
                    await run.load_rows()
            return run.restored.rows
        finally:
            await depot.close()

    async def _bytes(
        self, repository: Repository, rows: int, forgets: bool
    ) -> tuple[Restored, Settled, Report]:
        depot = app.build_depot(self._settings)
        await depot.open()
        try:
            with steps(self._output) as progress:
                run = Restoring(
                    depot.catalog, depot.bucket, repository, self._manifest, self._summary, progress
                )
                run.restored.rows = rows
                await run.end_rows()
                await run.load_bytes()
                if forgets:
                    await forget_secrets(depot.catalog)
                settled = await settle(
                    depot.catalog, depot.history, depot.outbox, self._manifest, self._settings
                )
                while await depot.texts.remove_strays():
                    continue
                await depot.texts.index_all(progress)
                # Nobody else writes: what a killed run has left behind goes, too.
                options = Options(rehash=False, repair=True, dry_run=False, age=0)
                report = await app.build_proof(depot).check(options, progress)
                await run.end()
            return run.restored, settled, report
        finally:
            await depot.close()


def _require_master_key(
    settings: Settings, manifest: Manifest, summary: Summary, forgets: bool
) -> None:
    """Make sure that the secrets in the catalog can be opened, or are to be forgotten."""
    path = settings.data_path / "master.key"
    if forgets:
        return
    if not settings.master_key and not path.exists():
        if summary.master_key is None:
            raise Failure(
                "The backup does not carry the master key, and there is none here.",
                rule="master_key",
                hint=f"Put the old master.key into {settings.data_path}, or set "
                "CONSIGNE_MASTER_KEY; if it is lost, give --new-master-key.",
                exit=Exit.DENIED,
            )
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(summary.master_key)
            file.flush()
            os.fsync(file.fileno())
    if fingerprint(master_key(settings.master_key, settings.data_path)) != manifest.master_key:
        raise Failure(
            "The master key here is not the one that the secrets are sealed under.",
            rule="master_key",
            hint="Give the old one; if it is lost, give --new-master-key.",
            exit=Exit.DENIED,
        )


def _tell(
    output: Output, manifest: Manifest, restored: Restored, settled: Settled, report: Report
) -> None:
    if output.as_json:
        found = {"found": report.found, "left": report.left, "clean": report.clean}
        output.json(
            {
                "cut": manifest.cut,
                "taken_at": manifest.taken_at,
                "rows": restored.rows,
                "contents": restored.contents,
                "size": restored.size,
                "damaged": restored.damaged,
                "uploads_ended": settled.uploads,
                "jobs_put_back": settled.jobs,
                "messages_held_back": settled.messages,
                "fsck": found | {"tallies": report.tallies},
            }
        )
    output.line(
        f"Restored {manifest.cut}, taken at {manifest.taken_at}: "
        f"{count_text(restored.contents, 'content')}, {size_text(restored.size)}."
    )
    if settled.messages:
        output.notice(
            f"{count_text(settled.messages, 'message')} of webhooks were held back; "
            "'consigne webhook log --state failed' lists them, 'replay' sends one."
        )
    if restored.damaged:
        output.notice(f"{count_text(restored.damaged, 'content')} came back without bytes.")
    for kind, tally in report.tallies.items():
        output.notice(f"fsck: {kind}: {tally.found} found, {tally.repaired} repaired.")
    verdict = "Everything agrees." if report.clean else f"fsck left {report.left} findings."
    output.notice(verdict)
