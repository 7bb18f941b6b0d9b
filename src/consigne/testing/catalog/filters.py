"""``catalog.finding``, terms: each engine against the same oracle in Python (C-55)."""

import operator
from collections.abc import Callable
from typing import Any

import pytest
import pytest_asyncio

from consigne.catalog import contents, files, finding
from consigne.catalog.engine import Catalog, Tx
from consigne.errors import BadFilter
from consigne.model.entities import Access, ContentState, File, Guard, Reason, State
from consigne.model.identity import Kind, to_uuid
from consigne.model.names import fold
from consigne.model.query import Field, Op, Query, Scope, Term
from consigne.testing.catalog.base import AT, Base, a_content, a_file, insert_files

DAY = 86_400_000
NAMES = [
    "", "a", "A", "b", "É", "é", "e\u0301", "ß", "SS", "ss", "ẞ", "İ", "i", "I", "ı", "i\u0307",
    "ﬁ", "fi", "Σ", "σ", "ς", "100%", "100_", "100/", "100\\", "a%b", "a_b", "axb", "'", '"', ";--",
    "漢字", "\U0001f600", "Z", "z", "~", " ", "ÿ", "Ā", "[a]", "*", "?",
]  # fmt: skip
ORDERED = [Op.EQUAL, Op.DIFFERENT, Op.ABOVE, Op.FROM, Op.BELOW, Op.UPTO]
COMPARE: dict[Op, Callable[[Any, Any], bool]] = {
    Op.EQUAL: operator.eq,
    Op.DIFFERENT: operator.ne,
    Op.ABOVE: operator.gt,
    Op.FROM: operator.ge,
    Op.BELOW: operator.lt,
    Op.UPTO: operator.le,
}


def corpus(space: int) -> list[File]:
    """Return files in which everything that can be filtered varies and is sometimes absent."""
    rows = []
    for index, name in enumerate(NAMES):
        odd, third = index % 2 == 1, index % 3 == 0
        rows.append(
            a_file(
                space,
                name,
                owner_id=None if third else index % 4,
                size=(0, 1, 7, 2**40)[index % 4],
                created_at=AT + index // 4 * DAY,
                completed_at=AT + index * DAY if odd else None,
                updated_at=AT - index if third else None,
                content_id=index if odd else None,
                sha256=bytes([index]) * 32 if odd else None,
                md5=bytes([index % 5]) * 16 if odd else None,
                reference=NAMES[-index] if third else None,
                declared_type=(None, "text/plain", "image/PNG")[index % 3],
                detected_type=(None, "application/pdf")[index % 2],
                date=f"2026-0{index % 9 + 1}-01" if odd else None,
                notes={"k": NAMES[-index - 1]} if odd else {"other": "k"} if third else {},
                tags=[name, "all"] if name.strip() and odd else [],
            )
        )
    return rows


def value_of(row: File, term: Term) -> Any:
    """Return what a term looks at in a file; None where the file does not have it."""
    if term.field is None:
        return files.annotations(row).fields.get(term.key)
    if term.field is Field.TYPE:
        return row.declared_type or row.detected_type
    if term.field is Field.NOTHING:
        return None
    return getattr(row, "owner_id" if term.field is Field.OWNER else term.field.value)


def _lower(text: str) -> str:
    return "".join(chr(ord(c) + 32) if "A" <= c <= "Z" else c for c in text)


def matches(row: File, term: Term) -> bool:
    """Say whether a file matches: the definition that both engines are held against."""
    if term.field is Field.TAG:
        tags = files.annotations(row).tags
        present = term.value in tags
        return present if term.op is Op.EQUAL else bool(tags) and not present
    value = value_of(row, term)
    if value is None:
        return False
    if term.op in COMPARE:
        return COMPARE[term.op](value // term.unit if term.unit != 1 else value, term.value)
    return _contains(row, value, term) == (term.op is Op.CONTAINS)


def _contains(row: File, value: Any, term: Term) -> bool:
    text = str(term.value)
    if term.field is Field.NAME:
        return fold(text) in fold(row.name)
    if term.field is Field.ID:
        return text.lower() in to_uuid(Kind.FILE, row.id)
    if term.field is None:
        return fold(text) in fold(str(value))
    whole = _lower(value.hex() if isinstance(value, bytes) else str(value))
    return any(_lower(needle) in whole for needle in (text, text.lower(), text.upper()))


class FilterTests(Base):
    """Terms and scopes."""

    @pytest_asyncio.fixture
    async def rows(self, catalog: Catalog, space: int) -> list[File]:
        """The corpus, stored."""
        rows = corpus(space)
        states = (ContentState.LIVE, ContentState.QUARANTINED, ContentState.CORRUPT)

        def store(tx: Tx) -> None:
            for row in rows:
                if row.content_id is not None:
                    own: dict[str, Any] = {name: getattr(row, name) for name in ("sha256", "md5")}
                    own |= {"id": row.content_id, "state": states[row.content_id % 3]}
                    contents.add(tx, a_content(space, **own))

        await catalog.write(store)
        await insert_files(catalog, rows)
        return rows

    async def check(self, catalog: Catalog, rows: list[File], term: Term) -> None:
        """Compare page and count of a term with the oracle."""
        scope = Scope(rows[0].space_id)
        expected = sorted((row.id, row.name) for row in rows if matches(row, term))
        query = Query(scope, (term,), limit=None)
        found = await catalog.read(lambda tx: finding.page(tx, query))
        assert [(row.id, row.name) for row in found] == expected, term
        counted = await catalog.read(lambda tx: finding.count(tx, scope, (term,)))
        assert counted == len(expected), term
        total = sum(row.size for row in rows if matches(row, term))
        free = await catalog.read(
            lambda tx: finding.count_deletable(tx, scope, (term,), AT, only_owned=False)
        )
        assert free == (len(expected), total, 0), term

    @pytest.mark.parametrize("op", list(Op))
    async def test_names(self, catalog: Catalog, rows: list[File], op: Op) -> None:
        """Names: compared byte by byte, contained without regard to case, wildcards literal."""
        for value in NAMES:
            await self.check(catalog, rows, Term(Field.NAME, op, value))

    @pytest.mark.parametrize("field", [None, Field.REFERENCE, Field.TYPE, Field.DATE])
    async def test_other_texts(
        self, catalog: Catalog, rows: list[File], field: Field | None
    ) -> None:
        """Metadata, references, types and dates, also where files have none."""
        values = [*NAMES, "image/png", "TEXT", "application/pdf", "2026-03-01", "2026"]
        for op in Op:
            for value in values:
                await self.check(catalog, rows, Term(field, op, value, "k"))

    @pytest.mark.parametrize(
        "field", [Field.SIZE, Field.CREATED, Field.COMPLETED, Field.UPDATED, Field.OWNER]
    )
    async def test_numbers(self, catalog: Catalog, rows: list[File], field: Field) -> None:
        """Sizes, times and owners; in whole units too."""
        values = [0, 1, 2, 7, 2**40, 2**63 - 1, AT, AT - 3, AT + 3 * DAY, AT + 5 * DAY + 1]
        for op in ORDERED:
            for value in values:
                await self.check(catalog, rows, Term(field, op, value))
                await self.check(catalog, rows, Term(field, op, value // DAY, unit=DAY))
        for op in (Op.CONTAINS, Op.LACKS):
            await self.check(catalog, rows, Term(field, op, "7"))

    async def test_digests_and_ids(self, catalog: Catalog, rows: list[File]) -> None:
        """Digests as bytes, or a piece of their hexadecimal digits; ids, or a piece of the UUID."""
        for op in ORDERED:
            for index in (0, 1, 3, 200):
                await self.check(catalog, rows, Term(Field.SHA256, op, bytes([index]) * 32))
                await self.check(catalog, rows, Term(Field.MD5, op, bytes([index]) * 16))
            await self.check(catalog, rows, Term(Field.ID, op, rows[3].id))
        for op in (Op.CONTAINS, Op.LACKS):
            for text in ("0", "05", "0B0B", "x", "%"):
                await self.check(catalog, rows, Term(Field.SHA256, op, text))
                await self.check(catalog, rows, Term(Field.MD5, op, text))
                await self.check(catalog, rows, Term(Field.ID, op, text))
            piece = to_uuid(Kind.FILE, rows[3].id)[5:20].upper()
            await self.check(catalog, rows, Term(Field.ID, op, piece))

    async def test_tags(self, catalog: Catalog, rows: list[File]) -> None:
        """A file without tags is not one whose tag is different."""
        for op in (Op.EQUAL, Op.DIFFERENT):
            for value in [*NAMES, "all", "none"]:
                await self.check(catalog, rows, Term(Field.TAG, op, value))

    async def test_what_no_file_has(self, catalog: Catalog, rows: list[File]) -> None:
        """A field that no file has matches under no operator, and so does a missing key."""
        for op in Op:
            await self.check(catalog, rows, Term(Field.NOTHING, op, ""))
            await self.check(catalog, rows, Term(None, op, "", "no such key"))

    async def test_all_terms_must_hold(self, catalog: Catalog, rows: list[File]) -> None:
        """Several terms are a conjunction; a range is two."""
        terms = (Term(Field.SIZE, Op.FROM, 1), Term(Field.SIZE, Op.BELOW, 2**40))
        scope = Scope(rows[0].space_id)
        expected = [row.id for row in rows if all(matches(row, term) for term in terms)]
        found = await catalog.read(lambda tx: finding.page(tx, Query(scope, terms, limit=None)))
        assert [row.id for row in found] == sorted(expected)

    async def test_a_text_with_nul(self, catalog: Catalog, rows: list[File]) -> None:
        """One engine could not be asked, so neither is."""
        for op in Op:
            with pytest.raises(BadFilter):
                await self.check(catalog, rows, Term(Field.NAME, op, "a\0"))

    async def test_scopes(self, catalog: Catalog, space: int) -> None:
        """Each part of a scope narrows, alone and together with the others."""
        rows = [
            a_file(space, "mine", owner_id=1, access=Access.PRIVATE),
            a_file(space, "theirs", owner_id=2, access=Access.PRIVATE, folder_id=5),
            a_file(space, "ours", owner_id=2, access=Access.SPACE, year_id=6),
            a_file(space, "source", owner_id=1, is_source=True),
            a_file(space, "held", owner_id=1, state=State.HELD),
            a_file(space, "trash", owner_id=1, state=State.RELEASED),
            a_file(space + 1, "elsewhere", owner_id=1),
        ]
        await insert_files(catalog, rows)

        async def found(**parts: Any) -> list[str]:
            query = Query(Scope(space, **parts), limit=None)
            page = await catalog.read(lambda tx: finding.page(tx, query))
            count = await catalog.read(lambda tx: finding.count(tx, query.scope))
            assert count == len(page)
            return [row.name for row in sorted(page, key=lambda row: row.id)]

        assert set(await found()) == {"mine", "theirs", "ours", "source"}
        assert set(await found(owner=1)) == {"mine", "source"}
        assert set(await found(sees=1)) == {"mine", "ours", "source"}
        assert set(await found(sees=2, owner=1)) == {"source"}
        assert set(await found(sources=False)) == {"mine", "theirs", "ours"}
        assert await found(folder_id=5) == ["theirs"]
        assert set(await found(in_root=True)) == {"mine", "ours", "source"}
        assert await found(year_id=6) == ["ours"]
        assert set(await found(access=Access.PRIVATE)) == {"mine", "theirs"}
        assert set(await found(states=(State.HELD, State.RELEASED))) == {"held", "trash"}

    async def test_release_of_what_matches(self, catalog: Catalog, space: int) -> None:
        """One statement releases what is free and skips what is guarded (C-12, C-13)."""
        over, running = {"retain_until": AT - 1}, {"retain_until": AT + 1}
        rows = [
            a_file(space, "free", size=1),
            a_file(space, "held back", size=2, guards=Guard.HOLD),
            a_file(space, "over", size=4, guards=Guard.RETENTION, **over),
            a_file(space, "running", size=8, guards=Guard.RETENTION, **running),
            a_file(space, "both", size=16, guards=Guard.RETENTION | Guard.HOLD, **over),
            a_file(space, "linked", size=32, reasons=Reason.OWNER | Reason.LINK),
            a_file(space, "yearly", size=64, year_id=3),
            a_file(space, "other name", size=128),
        ]
        await insert_files(catalog, rows)
        scope = Scope(space)
        terms = (Term(Field.NAME, Op.DIFFERENT, "other name"),)

        async def run(only_owned: bool) -> tuple[Any, Any]:
            dry = await catalog.read(
                lambda tx: finding.count_deletable(tx, scope, terms, AT, only_owned=only_owned)
            )
            done = await catalog.write(
                lambda tx: finding.release_matching(tx, scope, terms, AT, only_owned=only_owned)
            )
            return dry, done

        assert await run(only_owned=True) == ((2, 127, 5), (2, 5, 5))
        assert await run(only_owned=False) == ((2, 122, 3), (2, 96, 3))
        left = await catalog.read(lambda tx: finding.page(tx, Query(scope, limit=None)))
        assert {row.name for row in left} == {"held back", "running", "both", "other name"}
        gone = Query(Scope(space, states=(State.RELEASED,)), limit=None)
        for row in await catalog.read(lambda tx: finding.page(tx, gone)):
            assert (row.released_at, row.reasons, row.updated_at) == (AT, 0, AT)
