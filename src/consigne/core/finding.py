"""Lists, counts and the deletion of everything that matches."""

from typing import Any

import msgspec

from consigne.catalog import files, finding, spaces
from consigne.catalog.engine import Catalog, Tx
from consigne.core.access import Seat
from consigne.core.clock import now_ms
from consigne.core.history import record
from consigne.model.entities import File, State
from consigne.model.query import Query, Scope, Term
from consigne.model.rights import Right


class Page(msgspec.Struct, frozen=True):
    """A page of files, and what ``Query.after`` must be for the next one (None: no more)."""

    files: list[File]
    after: tuple[Any, ...] | None


class Deleted(msgspec.Struct, frozen=True):
    """What a deletion by filter did, or would do: files deleted, their bytes, files skipped."""

    count: int
    size: int
    skipped: int


class Finding:
    """The verbs ``find``, ``count`` and ``delete_matching``."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    async def find(self, seat: Seat, query: Query) -> Page:
        """Return a page of the files that the caller may see."""
        seat.require(Right.READ)
        query = msgspec.structs.replace(query, scope=visible(seat, query.scope))
        limit = query.limit
        wider = query if limit is None else msgspec.structs.replace(query, limit=limit + 1)
        found = await self._catalog.read(lambda tx: finding.page(tx, wider))
        if limit is None or len(found) <= limit:
            return Page(found, None)
        last = found[limit - 1]
        return Page(found[:limit], finding.sort_values(query, last, files.annotations(last).known))

    async def count(self, seat: Seat, scope: Scope, terms: tuple[Term, ...] = ()) -> int:
        """Return exactly how many files match."""
        seat.require(Right.READ)
        scope = visible(seat, scope)
        return await self._catalog.read(lambda tx: finding.count(tx, scope, terms))

    async def delete_matching(
        self,
        seat: Seat,
        scope: Scope,
        terms: tuple[Term, ...] = (),
        *,
        only_owned: bool = False,
        dry_run: bool = False,
    ) -> Deleted:
        """Release everything that matches, in one transaction over one snapshot (C-55).

        Guarded files are skipped and counted (C-12); with ``only_owned`` also files that anything
        but their owner keeps (C-13). Without the right ``manage`` only the caller's own files.
        """
        seat.require(Right.WRITE)
        scope = visible(seat, scope)
        if not seat.has(Right.MANAGE):
            scope = msgspec.structs.replace(scope, owner=seat.principal_id)
        if dry_run:
            count, _, skipped = await self._catalog.read(
                lambda tx: finding.count_deletable(
                    tx, scope, terms, now_ms(), only_owned=only_owned
                )
            )
            return Deleted(count, 0, skipped)

        def work(tx: Tx) -> Deleted:
            spaces.lock(tx, seat.space_id)
            count, size, skipped = finding.release_matching(
                tx, scope, terms, now_ms(), only_owned=only_owned
            )
            if count:
                spaces.charge(tx, seat.space_id, used=-size, undo=size)
                record(
                    tx, seat.space_id, seat.principal_id, "files.released", None,
                    count=count, size=size, skipped=skipped,
                )  # fmt: skip
            return Deleted(count, size, skipped)

        return await self._catalog.write(work)


def visible(seat: Seat, scope: Scope) -> Scope:
    """Narrow a scope to what the caller may see (C-03); of the trash only his own (C-16)."""
    scope = msgspec.structs.replace(scope, space_id=seat.space_id, sees=None, now=now_ms())
    if seat.has(Right.MANAGE):
        return scope
    owner = seat.principal_id if State.RELEASED in scope.states else scope.owner
    return msgspec.structs.replace(scope, sees=seat.principal_id, owner=owner)
