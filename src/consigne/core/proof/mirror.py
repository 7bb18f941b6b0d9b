"""Checks of the mirror: every content has its copy, every copy its content, the store no more."""

import asyncio
from functools import partial

from consigne.blobs.bucket import Verdict
from consigne.blobs.driver import Stored
from consigne.catalog import contents, copies, proof_contents
from consigne.catalog.engine import Tx
from consigne.catalog.proof_contents import Brief
from consigne.core.care.mirror import Mirror
from consigne.core.care.pace import Pace
from consigne.core.clock import now_ms
from consigne.core.proof.inspection import PAGE, Inspection
from consigne.core.proof.report import Kind
from consigne.core.proof.store import batches
from consigne.model.care import Copy
from consigne.model.entities import ContentState
from consigne.model.identity import moment

_LANES = 8
_AT_FULL_SPEED = Pace(0)


async def check_mirror(run: Inspection, mirror: Mirror) -> None:
    """Compare contents and copies, both ways, and the copies with the bytes in the mirror."""
    await mirror.require_copies()
    await _check_contents(run, mirror)
    await _check_copies(run)
    side = await mirror.side()
    async for batch in batches(side.keys(), PAGE):
        run.report.count("copies", len(batch))
        await _check_keys(run, batch)


async def _check_contents(run: Inspection, mirror: Mirror) -> None:
    def read(tx: Tx, after: int) -> list[Brief]:
        return proof_contents.contents_page(tx, after, PAGE)

    async for page in run.pages("mirror", read, lambda each: each.id):
        due = [each for each in page if _is_due(run, each)]
        for at in range(0, len(due), _LANES):
            group = due[at : at + _LANES]
            await asyncio.gather(*(_check_content(run, mirror, each) for each in group))


def _is_due(run: Inspection, content: Brief) -> bool:
    """Tell whether a content must have its copy by now."""
    gone = (ContentState.DOOMED, ContentState.CORRUPT)
    return content.state not in gone and content.references > 0 and moment(content.id) < run.before


async def _check_content(run: Inspection, mirror: Mirror, brief: Brief) -> None:
    verdict = await _verdict(run, mirror, brief.id)
    if verdict is None or verdict.ok:
        return
    kind = Kind.MISSING_COPY if verdict.problem == "missing" else Kind.BROKEN_COPY
    await run.found(
        kind,
        brief.id,
        f"The copy of content {brief.id} ({brief.size} bytes) is {_WORDS.get(kind)}.",
        partial(mirror.copy, brief.id),
    )


_WORDS = {Kind.MISSING_COPY: "not in the mirror", Kind.BROKEN_COPY: "damaged"}


async def _verdict(run: Inspection, mirror: Mirror, content_id: int) -> Verdict | None:
    """Return what is wrong with the copy of a content; None where the content went meanwhile."""
    content = await run.catalog.look(lambda tx: contents.by_id(tx, content_id))
    if content is None or content.state is ContentState.DOOMED:
        return None
    if run.options.rehash:
        run.report.bytes_read += content.size
        return await mirror.check(content, _AT_FULL_SPEED) or Verdict("missing")
    found = await run.catalog.look(lambda tx: copies.of(tx, content_id))
    there = found is not None and await run.bucket.holds(found.key)
    return Verdict() if there else Verdict("missing")


async def _check_copies(run: Inspection) -> None:
    """Look for copies whose content is gone, and that nobody was told to remove."""

    def read(tx: Tx, after: int) -> list[tuple[Copy, bool]]:
        page = copies.page(tx, after, PAGE)
        return [(each, contents.by_id(tx, each.content_id) is not None) for each in page]

    async for page in run.pages("copies", read, lambda each: each[0].content_id):
        for each, has_content in page:
            if has_content or each.idle_since is not None:
                continue
            await run.found(
                Kind.STRAY_COPY,
                each.content_id,
                f"The mirror has a copy of content {each.content_id}, which is gone.",
                partial(_orphan, run, each.content_id),
            )


async def _orphan(run: Inspection, content_id: int) -> bool:
    await run.catalog.write(lambda tx: copies.orphan(tx, content_id, now_ms()))
    return True


async def _check_keys(run: Inspection, batch: list[Stored]) -> None:
    keys = [stored.key for stored in batch]
    known = await run.catalog.read(partial(copies.known, keys=keys))
    for stored in batch:
        if stored.key not in known and stored.modified_at < run.before:
            await run.found(
                Kind.ORPHAN_COPY,
                stored.key,
                f"{stored.size} bytes in the mirror are no content's copy.",
                partial(_delete, run, stored.key),
            )


async def _delete(run: Inspection, key: str) -> bool:
    if not await run.catalog.look(lambda tx: copies.known(tx, [key])):
        await run.bucket.delete(key)
    return True
