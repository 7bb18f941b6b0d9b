"""A save in the order of its steps: plan, hooks and constraints, commit, what comes after (DY-58).

Where nobody wants to be asked a save is one transaction, as it finds out in there. Else it is
planned without locks, the hooks are asked outside any transaction, and the commit plans again: what
has changed meanwhile is asked about once more.
"""

from collections.abc import Awaitable, Callable

import msgspec

from consigne.catalog.engine import Catalog, Tx
from consigne.core.records.change import Failure, Full
from consigne.core.records.hooks import Answer, Hooks, Occasion, Point
from consigne.core.records.layout import Layout
from consigne.core.records.looking import Looking
from consigne.core.records.plan import Mark, Stale, failed
from consigne.errors import Busy, HookRefused
from consigne.model.records import Record, RecordType
from consigne.settings import Settings

_TRIES = 5


class Asked(Exception):
    """A save was tried without a question that somebody wants to be asked."""


class Draft(msgspec.Struct, frozen=True):
    """A save that is planned: what hooks are told, what is wrong, and what it was planned on.

    ``refuse`` raises the refusals of a plan that no hook adds to; ``etag``: the record's.
    """

    occasion: Occasion
    failures: list[Failure]
    refuse: Callable[[], None]
    etag: str | None = None
    mark: Mark = frozenset()
    inserts: bool = False


class Seen(msgspec.Struct, frozen=True):
    """What hooks have been asked about; ``book`` notes in the commit that ``post_store`` is due."""

    draft: Draft
    book: Callable[[Tx, Full], None]

    def require_same(self, record: Record) -> None:
        """Raise Stale where the record has changed since."""
        if self.draft.etag is not None and self.draft.etag != record.etag:
            raise Stale


Prepare = Callable[[Tx], Draft]
Commit = Callable[[Tx, Seen | None], Full]


class Asking(Looking):
    """How saves are done."""

    def __init__(self, catalog: Catalog, settings: Settings, hooks: Hooks | None) -> None:
        super().__init__(catalog)
        self._settings = settings
        self._hooks = hooks
        self._was_asked = False

    async def _save(self, prepare: Prepare, commit: Commit, *, tries: bool = False) -> Full:
        """Do a save that is one transaction. Raises as ``_stored``.

        ``tries``: the commit calls ``_require_unasked``, so that it may be tried without a plan.
        Where saves are asked about the plan comes first: it is what the last one was like.
        """

        async def store(seen: Seen | None) -> Full:
            return await self._catalog.write(lambda tx: commit(tx, seen))

        if tries and not self._was_asked:
            try:
                return await store(None)
            except Asked:
                self._was_asked = True
        return await self._stored(prepare, store)

    def _require_unasked(self, tx: Tx, seen: Seen | None, type: RecordType, layout: Layout) -> None:
        """Raise Asked where somebody wants to be asked and has not been."""
        if seen is None and self._hooks is not None and self._hooks.concern(tx, type, layout):
            raise Asked

    async def _stored(
        self, prepare: Prepare, store: Callable[[Seen | None], Awaitable[Full]]
    ) -> Full:
        """Ask whom it concerns, store, and return what was saved with what was said to it.

        Raises HookRefused (details ``point``), ConstraintFailed, Busy, and what the two raise.
        """
        if self._hooks is None:
            return await store(None)
        for _ in range(_TRIES):
            draft, concerns = await self._catalog.look(lambda tx: self._drafted(tx, prepare))
            told = draft.occasion
            self._was_asked = concerns
            try:
                if not concerns:
                    return await store(None)
                await self._ask(draft)
                full = await store(Seen(draft, self._booker(told)))
            except (Asked, Stale):
                continue
            return await self._after(told, full)
        raise Busy("The record changes faster than its hooks answer.", retry_after=1)

    def _drafted(self, tx: Tx, prepare: Prepare) -> tuple[Draft, bool]:
        assert self._hooks is not None
        draft = prepare(tx)
        return draft, self._hooks.concern(tx, draft.occasion.type, draft.occasion.layout)

    async def _ask(self, draft: Draft) -> None:
        assert self._hooks is not None
        told = draft.occasion
        await self._veto(Point.PRE_STORE, told)
        failures = list(draft.failures)
        if told.checks:
            failures += constraint_failures(told, await self._hooks.run(Point.CONSTRAINT, told))
        if len(failures) > len(draft.failures):
            raise failed(failures)
        draft.refuse()
        if draft.inserts:
            await self._veto(Point.PRE_INSERT, told)

    async def _veto(self, point: Point, told: Occasion) -> None:
        assert self._hooks is not None
        for answer in await self._hooks.run(point, told):
            if answer.text or answer.failed:
                raise HookRefused(answer.text or "Hook error", point=point.value)

    def _booker(self, told: Occasion) -> Callable[[Tx, Full], None]:
        hooks = self._hooks
        assert hooks is not None

        def book(tx: Tx, full: Full) -> None:
            hooks.book(tx, _done(told, full))

        return book

    async def _after(self, told: Occasion, full: Full) -> Full:
        assert self._hooks is not None
        answers = await self._hooks.run(Point.POST_STORE, _done(told, full))
        return msgspec.structs.replace(
            full,
            messages=[each.text for each in answers if each.text and not each.failed],
            warnings=[each.text or "Hook error" for each in answers if each.failed],
        )


def _done(told: Occasion, full: Full) -> Occasion:
    """Return an occasion as it is once the save is done."""
    there = {at: full.placed(*at) for at in told.files}
    files = {at: placed.file for at, placed in there.items() if placed is not None}
    return msgspec.structs.replace(told, record=full.record, files=files, checks=[], drafts={})


def constraint_failures(told: Occasion, answers: list[Answer]) -> list[Failure]:
    """Return the failures that constraints of plug-ins have found (DY-59)."""
    found = []
    for answer in answers:
        if answer.check is None or not (answer.text or answer.failed):
            continue
        check = told.checks[answer.check]
        found.append(
            Failure(
                check.field.id,
                check.index,
                "constraint",
                answer.text or "constraint error",
                check.field.label,
                answer.suggests,
            )
        )
    return found
