"""Checks inside the catalog: references, files, versions, counters, the metadata index."""

from collections.abc import Callable
from functools import partial

import msgspec

from consigne.catalog import contents, files, previews, proof, proof_contents, spaces
from consigne.catalog.engine import Tx
from consigne.catalog.proof_contents import Miscount
from consigne.core.clock import now_ms
from consigne.core.proof.inspection import PAGE, Inspection, file_id
from consigne.core.proof.report import Kind
from consigne.model import identity
from consigne.model.entities import Annotations, Preview, Space
from consigne.model.names import fold

_RANGE = 250_000
_decode = msgspec.json.Decoder(Annotations).decode


async def check_references(run: Inspection) -> None:
    """Compare every content's reference count with the files and versions that refer to it."""

    after = 0
    while after < identity.MAX:
        upto = await run.catalog.read(partial(proof_contents.border, after=after, count=_RANGE))
        await _check_range(run, after, upto)
        after = upto


async def _check_range(run: Inspection, after: int, upto: int) -> None:
    def read(tx: Tx, behind: int) -> list[Miscount]:
        return proof_contents.miscounted(tx, max(after, behind), upto, PAGE)

    async for page in run.pages("references", read, lambda each: each.id):
        for each in page:
            what = f"counts {each.references} references, {each.counted} rows refer to it"
            if each.references == each.counted:
                what = "has no references and no time since when, so it would never be removed"
            await run.found(
                Kind.WRONG_REFERENCES,
                each.id,
                f"Content {each.id} {what}.",
                partial(_recount, run, each.id),
            )


async def check_files(run: Inspection) -> None:
    """Look for files that have no content, or not the one that they describe."""

    def read(tx: Tx, after: int) -> list[tuple[int, str, bool]]:
        return proof.broken_files(tx, after, PAGE)

    async for page in run.pages("files", read, lambda each: each[0]):
        for number, name, there in page:
            detail = (
                f"{name!r} disagrees with its content in size, digest or space."
                if there
                else f"{name!r} has no content."
            )
            await run.found(Kind.BROKEN_FILE, file_id(number), detail)


async def check_versions(run: Inspection) -> None:
    """Look for replaced versions without a content or without their file."""
    after = (0, 0)
    while page := await run.catalog.read(partial(proof.broken_versions, after=after, limit=PAGE)):
        for file, number, name, content_there, file_there in page:
            label = f"Version {number} of {name!r}"
            if not file_there:
                await run.found(
                    Kind.STRAY_VERSION,
                    f"{file_id(file)}/{number}",
                    f"{label}: its file is gone.",
                    partial(_drop_version, run, file, number),
                )
                continue
            what = "disagrees with its content" if content_there else "has no content"
            await run.found(Kind.BROKEN_VERSION, f"{file_id(file)}/{number}", f"{label} {what}.")
        after = (page[-1][0], page[-1][1])


async def check_previews(run: Inspection) -> None:
    """Look for previews without their bytes, or without what they were made from."""

    def read(tx: Tx, after: int) -> list[Preview]:
        return previews.broken(tx, after, PAGE)

    async for page in run.pages("previews", read, lambda each: each.picture_id):
        for each in page:
            await run.found(
                Kind.BROKEN_PREVIEW,
                f"{each.content_id}/{each.shape}",
                f"The preview {each.shape} of content {each.content_id} has no bytes or no source.",
                partial(_drop_preview, run, each),
            )


async def check_counters(run: Inspection) -> None:
    """Compare every space's counters with what its rows add up to."""

    def read(tx: Tx, after: int) -> list[tuple[Space, tuple[int, int, int]]]:
        page = spaces.every(tx, after, 1)
        return [(space, spaces.counted(tx, space.id)) for space in page]

    async for page in run.pages("counters", read, lambda each: each[0].id):
        run.report.count("spaces", len(page))
        for space, counted in page:
            present = (space.used, space.reserved, space.undo)
            if present == counted:
                continue
            names = ("used", "reserved", "undo")
            wrong = [
                f"{name} is {is_} and should be {should}"
                for name, is_, should in zip(names, present, counted, strict=True)
                if is_ != should
            ]
            await run.found(
                Kind.WRONG_COUNTERS,
                space.short,
                f"Space {space.short!r}: {', '.join(wrong)}.",
                partial(_recount_space, run, space.id),
            )


async def check_index(run: Inspection) -> None:
    """Compare the rows that metadata and tags are searched by with what the files say."""

    def read(tx: Tx, after: int) -> list[tuple[int, bool]]:
        page = proof.annotated(tx, after, PAGE)
        rows = proof.indexed(tx, [number for number, _, _ in page])
        return [(number, rows[number] == _expected(space, meta)) for number, space, meta in page]

    async for page in run.pages("metadata", read, lambda each: each[0]):
        run.report.count("annotated files", len(page))
        for number, right in page:
            if not right:
                await _found_index(run, number, "is not what the file says")
    for stray in (proof.stray_fields, proof.stray_tags):
        await _check_stray_index(run, stray)


async def _check_stray_index(run: Inspection, stray: Callable[[Tx, int, int], list[int]]) -> None:
    def read(tx: Tx, after: int) -> list[int]:
        return stray(tx, after, PAGE)

    async for page in run.pages("metadata", read, lambda number: number):
        for number in page:
            await _found_index(run, number, "has rows for a file without metadata")


def _expected(space: int, meta: str) -> tuple[set[tuple[int, str, str, str]], set[tuple[int, str]]]:
    notes = _decode(meta)
    fields = {(space, name, value, fold(value)) for name, value in notes.known.items()}
    return fields, {(space, tag) for tag in notes.tags}


async def _found_index(run: Inspection, number: int, what: str) -> None:
    ident = file_id(number)
    detail = f"The metadata index of {ident} {what}."
    await run.found(Kind.WRONG_INDEX, ident, detail, partial(_reindex, run, number))


async def _recount(run: Inspection, content_id: int) -> bool:
    now = now_ms()
    await run.catalog.write(lambda tx: proof_contents.recount(tx, content_id, now))
    return True


async def _drop_version(run: Inspection, file: int, number: int) -> bool:
    def work(tx: Tx) -> None:
        version = files.version_of(tx, file, number)
        if version is not None and files.by_id(tx, file) is None:
            files.drop_version(tx, file, number)
            contents.drop(tx, version.content_id, now_ms())

    await run.catalog.write(work)
    return True


async def _drop_preview(run: Inspection, preview: Preview) -> bool:
    def work(tx: Tx) -> None:
        previews.drop(tx, preview.content_id, preview.shape, now_ms())

    await run.catalog.write(work)
    return True


async def _recount_space(run: Inspection, space_id: int) -> bool:
    def work(tx: Tx) -> None:
        # Whoever changes the counters waits for this row, and adds to what is written here.
        spaces.lock(tx, space_id)
        proof.set_counters(tx, space_id, *spaces.counted(tx, space_id))

    await run.catalog.write(work)
    return True


async def _reindex(run: Inspection, number: int) -> bool:
    def work(tx: Tx) -> None:
        file = files.lock(tx, number)
        if file is None:
            proof.drop_index(tx, number)
        else:
            files.reindex(tx, file)

    await run.catalog.write(work)
    return True
