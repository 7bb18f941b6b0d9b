"""Checks between the catalog's contents and the bytes in the store, both ways (C-20, C-25).

Bytes are written before their row and removed after it was doomed. So bytes without a row are only
wrong once they are old, and a row without bytes is only right while it is doomed.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar

from consigne.blobs.bucket import Verdict
from consigne.blobs.driver import Stored
from consigne.catalog import contents, copies, previews, proof_contents, texts
from consigne.catalog.engine import Tx
from consigne.catalog.proof_contents import Brief
from consigne.core.care import healing
from consigne.core.clock import now_ms
from consigne.core.proof.inspection import PAGE, Inspection
from consigne.core.proof.report import Kind
from consigne.model.entities import Content, ContentState

T = TypeVar("T")
_PROBES = 32
_LANES = 4
_PASSAGES = 20
_KINDS = {"missing": Kind.MISSING_BYTES, "truncated": Kind.WRONG_SIZE}
_WORDS = {
    "missing": "are not in the store",
    "truncated": "are cut short",
    "block": "have changed",
    "sha256": "do not have its SHA-256",
    "marks": "cannot be checked: the row's block checksums are damaged",
    "unreadable": "cannot be read from the medium",
}


async def check_keys(run: Inspection, total: int) -> None:
    """Look at all that the store has: bytes that no content names, and wrong lengths."""
    done = 0
    try:
        async for batch in batches(run.bucket.keys(), PAGE):
            await _check_batch(run, batch)
            done += len(batch)
            run.report.count("keys", len(batch))
            run.progress("store", done, max(total, done))
    except OSError as error:
        await run.found(Kind.UNLISTED, "store", f"After {done} keys: {error}")


async def check_corrupt(run: Inspection) -> None:
    """Read again what is marked corrupt: bytes come back, as from a disk that was unplugged."""

    def read(tx: Tx, after: int) -> list[Brief]:
        return proof_contents.corrupt_page(tx, after, PAGE)

    async for page in run.pages("corrupt", read, lambda each: each.id):
        for each in page:
            content, verdict = await _verify(run, each.id)
            if content is None:
                continue
            if not verdict.ok:
                await _damaged(run, content, verdict)
                continue
            await run.found(
                Kind.SOUND_AGAIN,
                each.id,
                f"Content {each.id} is marked corrupt, and its bytes are right.",
                partial(_heal, run, each.id, True),
                await run.files_using(each.id),
            )


async def check_contents(run: Inspection, total: int) -> None:
    """Look for the bytes of every content; with ``rehash`` read all of them."""

    def read(tx: Tx, after: int) -> list[Brief]:
        return proof_contents.contents_page(tx, after, PAGE)

    step = "rehash" if run.options.rehash else "contents"
    look, width = (_rehash, _LANES) if run.options.rehash else (_probe, _PROBES)
    async for page in run.pages(step, read, lambda each: each.id, total):
        run.report.count("contents", len(page))
        for group in _groups([each for each in page if _is_checked(each)], width):
            await asyncio.gather(*(look(run, each) for each in group))


async def check_doomed(run: Inspection) -> None:
    """Look for contents whose removal began and did not end."""

    def read(tx: Tx, after: int) -> list[Brief]:
        return proof_contents.doomed_page(tx, run.doomed_before, after, PAGE)

    async for page in run.pages("doomed", read, lambda each: each.id):
        for each in page:
            await run.found(
                Kind.DOOMED_LEFT,
                each.id,
                f"Content {each.id} ({each.size} bytes) was being removed.",
                partial(_remove, run, each),
            )


async def batches(source: AsyncIterator[T], size: int) -> AsyncIterator[list[T]]:
    """Yield lists of up to ``size`` items."""
    batch: list[T] = []
    async for item in source:
        batch.append(item)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def _groups(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    return (items[at : at + size] for at in range(0, len(items), size))


def _is_checked(content: Brief) -> bool:
    """Tell whether a content must have its bytes; what is marked corrupt has a check of its own."""
    return content.state not in (ContentState.DOOMED, ContentState.CORRUPT)


async def _check_batch(run: Inspection, batch: list[Stored]) -> None:
    keys = [stored.key for stored in batch]
    known = await run.catalog.read(partial(proof_contents.known, keys=keys))
    for stored in batch:
        content = known.get(stored.key)
        if content is None:
            await _check_orphan(run, stored)
        elif content.size != stored.size and _is_checked(content):
            await _check_size(run, content, stored)


async def _check_orphan(run: Inspection, stored: Stored) -> None:
    # A sweeper removes bytes before their row: those that are still there have lost it otherwise.
    if stored.modified_at >= run.before or not await run.bucket.holds(stored.key):
        return
    since = datetime.fromtimestamp(stored.modified_at / 1000, UTC).isoformat(" ", "seconds")
    await run.found(
        Kind.ORPHAN_BYTES,
        stored.key,
        f"{stored.size} bytes, written at {since}, belong to no content.",
        partial(_delete_orphan, run, stored.key),
    )


async def _delete_orphan(run: Inspection, key: str) -> bool:
    if await run.catalog.look(lambda tx: contents.by_key(tx, key)) is None:
        await run.bucket.delete(key)
    return True


async def _check_size(run: Inspection, brief: Brief, stored: Stored) -> None:
    if run.options.rehash and stored.size < brief.size:
        return  # found when it is read
    content, verdict = await _verify(run, brief.id)
    if content is None:
        return
    if not verdict.ok:
        await _damaged(run, content, verdict)
        return
    await run.found(
        Kind.WRONG_SIZE,
        brief.id,
        f"Content {brief.id} is right, but {stored.size - brief.size} foreign bytes follow it "
        f"under key {brief.key}; they are never served.",
    )


async def _probe(run: Inspection, brief: Brief) -> None:
    if await run.bucket.holds(brief.key):
        return
    content = await _present(run, brief.id)
    if content is not None:
        await _damaged(run, content, Verdict("missing"))


async def _rehash(run: Inspection, brief: Brief) -> None:
    content, verdict = await _verify(run, brief.id)
    if content is not None and not verdict.ok:
        await _damaged(run, content, verdict)


async def _verify(run: Inspection, content_id: int) -> tuple[Content | None, Verdict]:
    """Re-read a content; None where it is being removed, or was while we read."""
    content = await _present(run, content_id)
    if content is None:
        return None, Verdict()
    try:
        verdict = await run.bucket.verify(
            content.key, content.size, content.sha256, content.block_size, content.blocks
        )
    except OSError:
        verdict = Verdict("unreadable")
    if verdict.ok:
        run.report.bytes_read += content.size
        return content, verdict
    run.report.bytes_read += (verdict.block or 0) * content.block_size
    return await _present(run, content_id), verdict


async def _present(run: Inspection, content_id: int) -> Content | None:
    content = await run.catalog.look(lambda tx: contents.by_id(tx, content_id))
    return None if content is None or content.state is ContentState.DOOMED else content


async def _damaged(run: Inspection, content: Content, verdict: Verdict) -> None:
    """Report lost bytes; stop sharing them; let a sound copy of the same bytes stand in."""
    made = await run.catalog.look(lambda tx: previews.is_picture(tx, content.id))
    twin = None if made else await run.catalog.look(lambda tx: healing.twin_of(tx, content))
    unused = content.references == 0
    copied = run.mirror is not None and await run.catalog.look(
        lambda tx: copies.of(tx, content.id) is not None
    )
    options = run.options
    if options.marks_damage:
        await run.catalog.write(lambda tx: healing.mark(tx, content))
    words = _WORDS.get(verdict.problem, verdict.problem)
    where = "" if verdict.block is None else f" (block {verdict.block})"
    hope = ""
    if twin is not None:
        hope = " The same bytes came in again: they can stand in."
    elif made:
        hope = " They are a preview, which is made again when it is asked for."
    elif copied:
        hope = " The mirror has a copy."
    elif unused:
        hope = " Nothing refers to it."
    repair = None
    if twin is not None or made or unused:
        repair = partial(_heal, run, content.id, False)
    elif copied and run.mirror is not None:
        repair = partial(run.mirror.mend, content.id)
    await run.found(
        _KINDS.get(verdict.problem, Kind.CORRUPT),
        content.id,
        f"The {content.size} bytes of content {content.id} {words}{where}.{hope}",
        repair,
        [] if unused or made else await run.files_using(content.id),
    )


async def _heal(run: Inspection, content_id: int, sound: bool) -> bool:
    return await run.catalog.write(lambda tx: healing.heal(tx, content_id, sound=sound))


async def _remove(run: Inspection, brief: Brief) -> bool:
    while await run.catalog.write(lambda tx: texts.drop(tx, brief.id, _PASSAGES)) == _PASSAGES:
        pass
    await run.bucket.delete(brief.key)
    await run.catalog.write(partial(_end, content_id=brief.id))
    return True


def _end(tx: Tx, content_id: int) -> None:
    contents.delete_doomed(tx, content_id)
    copies.orphan(tx, content_id, now_ms())
