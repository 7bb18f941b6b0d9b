"""What is asked of a full catalog: lists, counts, filters, searches; by the verbs of the core."""

import math
import statistics
import time
from collections.abc import Awaitable, Callable

import msgspec

from bench.catalog.block import RARE, SIZE, Place
from bench.catalog.plans import PlannedCatalog
from consigne.catalog.files import annotations
from consigne.catalog.finding import sort_values
from consigne.core.depot import Depot
from consigne.model.entities import File, State
from consigne.model.query import Field, Op, Order, Query, Scope, Term

_DAY = 86_400_000
_PAGE = 100
_PATIENCE = 10.0

Ask = Callable[[Depot], Awaitable[object]]


class Timing(msgspec.Struct, frozen=True):
    """How long something takes, in milliseconds."""

    median: float
    p95: float

    def __str__(self) -> str:
        return f"{shown(self.median)} ms, p95 {shown(self.p95)}"


class Bench:
    """Times questions to one depot; ``planned`` is the same catalog, for plans."""

    def __init__(self, depot: Depot, planned: Depot, catalog: PlannedCatalog, runs: int) -> None:
        self.depot = depot
        self.plans: list[tuple[str, str, str]] = []
        self._planned = planned
        self._catalog = catalog
        self._runs = runs

    async def time(self, label: str, ask: Ask, *, plans: bool = True) -> Timing:
        """Ask several times; fewer where each takes long. The first answer does not count."""
        if plans:
            self._catalog.plans.clear()
            await ask(self._planned)
            self.plans += [(label, sql, plan) for sql, plan in self._catalog.plans.items()]
        await ask(self.depot)
        taken: list[float] = []
        end = time.monotonic() + _PATIENCE
        while len(taken) < self._runs and (len(taken) < 3 or time.monotonic() < end):
            before = time.perf_counter()
            await ask(self.depot)
            taken.append((time.perf_counter() - before) * 1000)
        return Timing(statistics.median(taken), sorted(taken)[math.ceil(0.95 * len(taken)) - 1])

    def plans_text(self) -> str:
        """Return all statements that were asked, each with its plan."""
        return "".join(f"## {label}\n{sql}\n\n{plan}\n\n" for label, sql, plan in self.plans)


async def lists(bench: Bench, place: Place, count: int) -> None:
    """Print pages of a whole space, by each order: the first, one behind a file, one by offset."""
    seat, scope = place.seat, Scope(place.seat.space_id)
    one, _ = await _one(bench.depot, place, count)
    header("list of a space, 100 files", "first page", "behind a file", "offset 10,000")
    fields = [None, Field.NAME, Field.SIZE, Field.CREATED, Field.COMPLETED, Field.TYPE]
    for field in [*fields, Field.UPDATED, Field.REFERENCE]:
        for descending in (False, True) if field else (False,):
            order = (Order(field, descending),) if field else ()
            query = Query(scope, order=order, limit=_PAGE)
            behind = sort_values(query, one, annotations(one).known)
            asked = [
                query,
                msgspec.structs.replace(query, after=behind),
                msgspec.structs.replace(query, offset=min(10_000, count // 4)),
            ]
            label = f"by {'-' * descending}{field.value}" if field else "as they came"
            timings = []
            for number, each in enumerate(asked):
                timings.append(
                    await bench.time(
                        f"list {label}{' after' * (number == 1)}",
                        lambda d, q=each: d.finding.find(seat, q),  # type: ignore[misc]
                        plans=number < 2,
                    )
                )
            row(label, *timings)


async def filters(bench: Bench, place: Place, count: int) -> None:
    """Print what each filter costs: a page of the list, and the exact count."""
    seat, whole = place.seat, Scope(place.seat.space_id)
    one, customer = await _one(bench.depot, place, count)
    header("filter", "first page", "count", "files")
    cases: list[tuple[str, Scope, tuple[Term, ...], tuple[Order, ...]]] = [
        ("none", whole, (), ()),
        ("id", whole, (Term(Field.ID, Op.EQUAL, one.id),), ()),
        ("name =", whole, (Term(Field.NAME, Op.EQUAL, one.name),), ()),
        ("name ~ rare", whole, (Term(Field.NAME, Op.CONTAINS, one.name[-12:-4]),), ()),
        ("name ~ common", whole, (Term(Field.NAME, Op.CONTAINS, "facture"),), ()),
        ("name ~ nothing", whole, (Term(Field.NAME, Op.CONTAINS, "nowhere"),), ()),
        ("type = common", whole, (Term(Field.TYPE, Op.EQUAL, "application/pdf"),), ()),
        ("type = rare", whole, (Term(Field.TYPE, Op.EQUAL, RARE),), ()),
        ("size >= large", whole, (Term(Field.SIZE, Op.FROM, 50_000_000),), ()),
        ("size of a range", whole, _between(Field.SIZE, 100_000, 110_000), ()),
        ("created on a day", whole, _between(Field.CREATED, *_day(one.created_at)), ()),
        ("completed on a day", whole, _between(Field.COMPLETED, *_day(one.created_at)), ()),
        ("completed = day", whole, (_whole_day(one.created_at),), ()),
        ("updated >= yesterday", whole, (_since(2),), ()),
        ("sha256", whole, (Term(Field.SHA256, Op.EQUAL, one.sha256 or b""),), ()),
        ("md5", whole, (Term(Field.MD5, Op.EQUAL, one.md5 or b""),), ()),
        ("reference =", whole, (Term(Field.REFERENCE, Op.EQUAL, one.reference or ""),), ()),
        ("date of a month", whole, (Term(Field.DATE, Op.EQUAL, one.date or ""),), ()),
        ("tag", whole, (Term(Field.TAG, Op.EQUAL, "urgent"),), ()),
        ("metadata =", whole, (Term(None, Op.EQUAL, customer, key="customer"),), ()),
        ("metadata ~", whole, (Term(None, Op.CONTAINS, customer, key="customer"),), ()),
        ("owner", Scope(whole.space_id, owner=place.owners[3].id), (), ()),
        ("folder", Scope(whole.space_id, folder_id=one.folder_id), (), ()),
        ("large folder, by name", Scope(whole.space_id, folder_id=place.archive), (),
         (Order(Field.NAME),)),
        ("large folder, by -created", Scope(whole.space_id, folder_id=place.archive), (),
         (Order(Field.CREATED, True),)),
        ("root", Scope(whole.space_id, in_root=True), (), ()),
        ("root, by name", Scope(whole.space_id, in_root=True), (), (Order(Field.NAME),)),
        ("root, by -size", Scope(whole.space_id, in_root=True), (), (Order(Field.SIZE, True),)),
        ("trash, by -updated", Scope(whole.space_id, states=(State.RELEASED,)), (),
         (Order(Field.UPDATED, True),)),
    ]  # fmt: skip
    for label, scope, terms, order in cases:
        query = Query(scope, terms, order, limit=_PAGE)
        page = await bench.time(f"filter {label}", lambda d, q=query: d.finding.find(seat, q))  # type: ignore[misc]
        counted = await bench.time(
            f"count {label}",
            lambda d, s=scope, t=terms: d.finding.count(seat, s, t),  # type: ignore[misc]
        )
        number = await bench.depot.finding.count(seat, scope, terms)
        row(label, page, counted, f"{number:,}")


async def _one(depot: Depot, place: Place, count: int) -> tuple[File, str]:
    """Return a file of the middle that has everything that can be asked for, and its customer."""
    terms = (Term(Field.REFERENCE, Op.CONTAINS, f"{count // SIZE // 2:04}x"),)
    found = await depot.finding.find(place.seat, Query(Scope(place.seat.space_id), terms))
    for each in found.files:
        notes = annotations(each).fields
        if notes and each.folder_id not in (None, place.archive):
            return each, notes["customer"]
    raise LookupError("no such file")


def _between(field: Field, low: int, high: int) -> tuple[Term, ...]:
    return Term(field, Op.FROM, low), Term(field, Op.BELOW, high)


def _day(moment: int) -> tuple[int, int]:
    return moment // _DAY * _DAY, (moment // _DAY + 1) * _DAY


def _whole_day(moment: int) -> Term:
    return Term(Field.COMPLETED, Op.EQUAL, moment // _DAY, unit=_DAY)


def _since(days: int) -> Term:
    return Term(Field.UPDATED, Op.FROM, time.time_ns() // 1_000_000 - days * _DAY)


async def searches(bench: Bench, place: Place, count: int) -> None:
    """Print searches by words of names and metadata."""
    seat, scope = place.seat, Scope(place.seat.space_id)
    one, customer = await _one(bench.depot, place, count)
    header("search", "20 hits", "hits")
    for label, question in {
        "a number": f"{one.name.split()[-1].partition('.')[0]} ",
        "two words": f"contrat {customer} ",
        "customer": f"{customer} ",
        "as one types": "client7",
        "word of an eighth": "facture ",
        "nothing": "introuvable ",
    }.items():
        asked = await bench.time(
            f"search {label}",
            lambda d, q=question: d.search.search(seat, q, scope),  # type: ignore[misc]
        )
        found = await bench.depot.search.search(seat, question, scope)
        row(label, asked, f"{found.total:,}")


def header(*cells: str) -> None:
    print(f"\n| {' | '.join(cells)} |\n|---|{'---:|' * (len(cells) - 1)}", flush=True)


def row(*cells: object) -> None:
    print(f"| {' | '.join(map(str, cells))} |", flush=True)


def shown(value: float) -> str:
    """Return a figure with as many digits as mean something."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"
