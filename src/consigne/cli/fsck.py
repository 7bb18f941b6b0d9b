"""``consigne fsck``: prove that catalog and bytes agree, and repair what does not."""

import asyncio
import sys
from datetime import timedelta
from pathlib import Path

import click

from consigne import app
from consigne.cli.durations import Duration
from consigne.cli.exits import Failure, not_run
from consigne.cli.local import data_options, require_installation, settings_of
from consigne.cli.output import Output, count_text, size_text, with_output
from consigne.cli.progress import steps
from consigne.core.proof.report import MEANING, Finding, Options, Report
from consigne.errors import ConsigneError
from consigne.settings import Settings, SettingsError

CLEAN, LEFT, NOT_RUN = 0, 1, 2
_EPILOG = (
    "Exit status: 0 nothing is wrong, or all of it is repaired; 1 something is left; "
    "2 the check could not run; 130 interrupted (run it again, nothing is half done)."
)
_SHOWN = 50


@click.command(epilog=_EPILOG)
@data_options
@click.option("--rehash", is_flag=True, help="Read every byte and compare all checksums.")
@click.option("--mirror", is_flag=True, help="Check the copies in the mirror, too.")
@click.option("--repair", is_flag=True, help="Repair what can be repaired safely.")
@click.option("--dry-run", is_flag=True, help="With --repair: change nothing, only report.")
@click.option(
    "--age",
    type=Duration(),
    default="1h",
    show_default=True,
    help="Leave alone what is younger; 0 only while no server runs.",
)
@with_output
def fsck(
    output: Output,
    data: str | None,
    config: Path | None,
    rehash: bool,
    mirror: bool,
    repair: bool,
    dry_run: bool,
    age: float,
) -> None:
    """Compare the catalog with the bytes, both ways, and report every disagreement.

    It is safe beside a running server. Damaged contents that --rehash finds are marked, so that
    they are neither served nor shared (unless --dry-run); they are listed with their files.
    """
    options = Options(rehash=rehash, repair=repair, dry_run=dry_run, age=age, mirror=mirror)
    try:
        settings = settings_of(data, config)
        require_installation(settings)
        report = asyncio.run(_check(settings, options, output))
    except (ConsigneError, Failure, OSError, SettingsError) as error:
        hint = "Run 'consigne doctor' to see what is missing."
        output.fail(not_run(error, "The check could not run", hint))
        sys.exit(NOT_RUN)
    show(output, report)
    sys.exit(CLEAN if report.clean else LEFT)


def show(output: Output, report: Report) -> None:
    """Print a report: one JSON document, or a table and a verdict."""
    if output.as_json:
        output.json(_document(report))
        return
    shown = report.findings if not sys.stdout.isatty() else report.findings[:_SHOWN]
    if shown:
        output.table(
            ("", "what", "id", "detail"),
            (row for finding in shown for row in _rows(finding)),
        )
    for kind, tally in report.tallies.items():
        output.line(f"{kind}: {tally.found} found, {tally.repaired} repaired. {MEANING[kind]}")
    if report.found > len(shown):
        output.notice(f"Showing {len(shown)} of {report.found}; --json has more.")
    output.line(_verdict(report))


def _document(report: Report) -> dict[str, object]:
    return {
        "clean": report.clean,
        "found": report.found,
        "left": report.left,
        "started_at": report.started_at,
        "seconds": report.seconds,
        "options": {
            "rehash": report.rehash,
            "repair": report.repair,
            "dry_run": report.dry_run,
            "age": report.age,
        },
        "checked": report.checked,
        "bytes_read": report.bytes_read,
        "tallies": report.tallies,
        "findings": report.findings,
    }


def _rows(finding: Finding) -> list[tuple[str, str, str, str]]:
    files = [("", "", "", f"  {name}") for name in finding.files]
    return [(_mark(finding), finding.kind, finding.id, finding.detail), *files]


def _mark(finding: Finding) -> str:
    if finding.repaired:
        return "repaired"
    return "repairable" if finding.repairable else "lost"


def _verdict(report: Report) -> str:
    looked = ", ".join(f"{number:,} {what}" for what, number in sorted(report.checked.items()))
    read = f", {size_text(report.bytes_read)} read" if report.bytes_read else ""
    took = timedelta(seconds=round(report.seconds))
    head = f"Checked {looked or 'nothing'}{read} in {took}."
    if not report.found:
        return f"{head} Everything agrees."
    if report.clean:
        return f"{head} All {count_text(report.found, 'finding')} repaired."
    repairable = sum(t.repairable - t.repaired for t in report.tallies.values())
    advice = ""
    if repairable and not (report.repair and not report.dry_run):
        advice = f" --repair can repair {repairable}."
    return f"{head} {count_text(report.left, 'finding')} left.{advice}"


async def _check(settings: Settings, options: Options, output: Output) -> Report:
    depot = app.build_depot(settings)
    await depot.open()
    try:
        with steps(output) as progress:
            return await app.build_proof(depot).check(options, progress)
    finally:
        await depot.close()
