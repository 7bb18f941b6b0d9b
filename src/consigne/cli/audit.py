"""``consigne audit``: take the sealed trail of a space out, and check it here or anywhere."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import click

from consigne.cli.exits import HELP, Exit, Failure
from consigne.cli.local import data_options, on_catalog, settings_of
from consigne.cli.output import Output, count_text, with_output
from consigne.core import audit as trails
from consigne.core.audit import Trail
from consigne.core.depot import Depot
from consigne.model.entities import Space
from consigne.settings import Settings

_PAGE = 100
_ALWAYS = 1 << 62
_TIMES = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%SZ"])


@click.group(epilog=HELP)
def audit() -> None:
    """Export and verify the audit trail: the sealed chain of events of each space."""


@audit.command(epilog=HELP)
@click.option("--space", "short", required=True, metavar="SHORT", help="Whose events.")
@click.option("--after", type=click.IntRange(0), help="Begin behind this sequence number.")
@click.option("--until", type=click.IntRange(1), help="End with this sequence number.")
@click.option("--since", type=_TIMES, help="Begin with the first event of this time (UTC).")
@click.option("--before", type=_TIMES, help="End with the last event before this time (UTC).")
@click.option("--output", "-o", "target", type=click.Path(dir_okay=False, path_type=Path),
              help="Write to this file instead of standard output.")  # fmt: skip
@data_options
@with_output
def export(
    output: Output,
    short: str,
    after: int | None,
    until: int | None,
    since: datetime | None,
    before: datetime | None,
    target: Path | None,
    data: str | None,
    config: Path | None,
) -> None:
    """Write sealed events as JSON lines that 'audit verify FILE' checks without the server.

    Beside a running server or without. What is committed by now is sealed first.
    """
    by_time = since is not None or before is not None
    if by_time and (after is not None or until is not None):
        raise click.UsageError("Give a range of numbers or a range of times.")
    if target is not None and target.exists():
        raise Failure(f"{target} exists already.", hint="Name another file.")

    async def work(depot: Depot, write: Callable[[bytes], object]) -> Trail:
        space = await depot.tenancy.named(short)
        await depot.history.seal()
        first, last = after or 0, until
        if by_time:
            found = await trails.span(depot.catalog, space.id, _ms(since, 0), _ms(before, _ALWAYS))
            if found is None:
                raise Failure("There are no events of that time.", exit=Exit.MISSING)
            first, last = found
        last_known: Trail | None = None
        async for line, so_far in trails.export(depot.catalog, space, first, last):
            write(line)
            last_known = so_far
        assert last_known is not None
        return last_known

    with _opened(target) as write:
        trail = on_catalog(settings_of(data, config), lambda depot: work(depot, write))
    output.notice(f"{count_text(trail.events, 'event')} of {trail.space}: {_verdict(trail)}.")
    if not trail.is_whole:
        raise _failure(trail)


@audit.command(epilog=HELP)
@click.argument("files", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--space", "shorts", multiple=True, metavar="SHORT",
              help="Check the chain of this space only; repeatable.")  # fmt: skip
@click.option("--catalog", "in_catalog", is_flag=True,
              help="Also look whether the chain here goes through each end.")  # fmt: skip
@data_options
@with_output
def verify(
    output: Output,
    files: tuple[Path, ...],
    shorts: tuple[str, ...],
    in_catalog: bool,
    data: str | None,
    config: Path | None,
) -> None:
    """Recompute the chains, and name the first event of each that is not what was sealed.

    Without FILE those of the catalog, beside a running server or without; with FILE those of
    exported trails, for which no server, catalog or setting is needed.
    """
    if files:
        found = [_check_file(path) for path in files]
        if in_catalog:
            found = _compare(settings_of(data, config), found)
    else:
        found = _check_catalog(settings_of(data, config), shorts)
    if output.as_json:
        for each in found:
            output.json(_document(each))
    else:
        output.table(
            ("space", "events", "up to", "chain"),
            ((each.space, str(each.events), str(each.sequence), _verdict(each)) for each in found),
        )
    broken = [each for each in found if not each.is_whole]
    if broken:
        raise _failure(broken[0])


def _check_file(path: Path) -> Trail:
    with path.open("rb") as lines:
        return trails.check(lines)


def _compare(settings: Settings, found: list[Trail]) -> list[Trail]:
    """Mark the trails whose end the catalog does not know."""

    async def work(depot: Depot) -> list[Trail]:
        return [
            each
            if not each.is_whole or await trails.is_part(depot.catalog, each)
            else trails.broken(each, each.sequence, "the chain in the catalog is another one")
            for each in found
        ]

    return on_catalog(settings, work)


def _check_catalog(settings: Settings, shorts: tuple[str, ...]) -> list[Trail]:
    async def work(depot: Depot) -> list[Trail]:
        spaces = [await depot.tenancy.named(short) for short in shorts]
        if not shorts:
            while page := await depot.tenancy.page(spaces[-1].id if spaces else 0, _PAGE):
                spaces += page
        return [await _check_space(depot, space) for space in spaces]

    return on_catalog(settings, work)


async def _check_space(depot: Depot, space: Space) -> Trail:
    wrong = await depot.history.verify(space.id)
    last = await depot.history.last_sequence(space.id)
    end = await depot.history.page(space.id, last - 1, 1) if last else []
    digest = (end[0].digest or trails.START) if end else trails.START
    trail = Trail(space.short, space.id, 0, last, last, digest.hex())
    if wrong is None:
        return trail
    return trails.broken(trail, wrong, f"event {wrong} is not what was sealed, or is missing")


def _document(trail: Trail) -> dict[str, object]:
    return {
        "space": trail.space,
        "after": trail.after,
        "events": trail.events,
        "sequence": trail.sequence,
        "digest": trail.digest,
        "whole": trail.is_whole,
        "broken": trail.broken,
        "problem": trail.problem or None,
    }


def _verdict(trail: Trail) -> str:
    return trail.problem or f"whole, {trail.digest[:16]}…"


def _failure(trail: Trail) -> Failure:
    return Failure(
        f"The trail of {trail.space} is broken at {trail.broken}: {trail.problem}.",
        rule="audit_chain",
        hint="Compare it with an earlier export or a backup; what comes before is as sealed.",
        exit=Exit.CORRUPT,
    )


def _ms(moment: datetime | None, default: int) -> int:
    return default if moment is None else int(moment.replace(tzinfo=UTC).timestamp() * 1000)


@contextmanager
def _opened(target: Path | None) -> Iterator[Callable[[bytes], object]]:
    """Give what writes to standard output, or to a file that appears only when it is whole."""
    if target is None:
        yield sys.stdout.buffer.write
        sys.stdout.flush()
        return
    fresh = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with fresh.open("xb") as file:
            yield file.write
            file.flush()
            os.fsync(file.fileno())
        fresh.rename(target)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise
