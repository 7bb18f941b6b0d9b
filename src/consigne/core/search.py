"""The search: names, metadata, tags and text of the files that one may see, best first.

What counts as a word stands in ``model.words``, what is worth more in ``catalog.searching``. Every
hit shows where it was found, with marks as offsets in characters: nothing has to be escaped here,
and nothing can be smuggled into a page by what a document says.
"""

from collections.abc import Iterator, Sequence

import msgspec

from consigne.catalog import files, searching, texts
from consigne.catalog.engine import Catalog, Tx
from consigne.core.access import Seat
from consigne.core.finding import visible
from consigne.core.texts import Texts
from consigne.errors import BadParameter
from consigne.model.entities import File, StoredPassage
from consigne.model.query import Scope, Term
from consigne.model.rights import Right
from consigne.model.words import Needle, marks, needles_of

MAX_QUESTION = 1_000
# Files of the space whose words are indexed before a search, so that it finds what was just stored.
_FRESH = 1_000
_WINDOW = 200
_BEFORE = 50
_MOST_NOTES = 3
_MOST_PASSAGES = 2


class Snippet(msgspec.Struct, frozen=True):
    """Where a hit was found: ``place`` is name, meta (``key`` says which), tag, or text.

    ``marks`` are (start, end) in characters of ``text``; ``page`` where the text has pages.
    """

    place: str
    text: str
    marks: list[tuple[int, int]]
    key: str | None = None
    page: int | None = None


class Hit(msgspec.Struct, frozen=True):
    """A file, what it is worth, and where the question was found."""

    file: File
    score: int
    snippets: list[Snippet]


class Results(msgspec.Struct, frozen=True):
    """A page of hits, how many there are in all, and where the next page begins (None: no more)."""

    hits: list[Hit]
    total: int
    after: tuple[int, int] | None


class Search:
    """The verb ``search``."""

    def __init__(self, catalog: Catalog, index: Texts) -> None:
        self._catalog = catalog
        self._index = index

    async def search(
        self,
        seat: Seat,
        question: str,
        scope: Scope,
        terms: tuple[Term, ...] = (),
        *,
        limit: int = 20,
        after: tuple[int, int] | None = None,
    ) -> Results:
        """Return a page of the files of a scope that the caller may see and that have all words.

        ``terms`` narrow further. The total is exact. Raises BadParameter where the question has no
        word or is too long, BadFilter.
        """
        seat.require(Right.READ)
        needles = needles_of(question) if len(question) <= MAX_QUESTION else ()
        if not needles:
            raise BadParameter(
                f"A search is for words, in at most {MAX_QUESTION} characters.",
                hint='Such as q=invoice or q="credit note" dupont.',
                parameter="q",
            )
        await self._index.catch_up(seat.space_id, _FRESH)
        scope = visible(seat, scope)

        def work(tx: Tx) -> Results:
            found, total = searching.search(tx, scope, terms, needles, limit + 1, after)
            hits = [Hit(each.file, each.score, _snippets(tx, each.file, needles))
                    for each in found[:limit]]  # fmt: skip
            last = found[limit - 1] if len(found) > limit else None
            return Results(hits, total, (last.score, last.file.id) if last else None)

        return await self._catalog.read(work)


def _snippets(tx: Tx, file: File, needles: tuple[Needle, ...]) -> list[Snippet]:
    """Return where a file has the needles: name, metadata, tags, then text."""
    found = list(_of_notes(file, needles))
    if file.content_id is not None:
        for passage in _passages(tx, file, needles):
            text, places = _window(passage.body, needles)
            if places:
                found.append(Snippet("text", text, places, page=passage.page))
    return found


def _of_notes(file: File, needles: tuple[Needle, ...]) -> Iterator[Snippet]:
    places = _merged(marks(file.name, needles))
    if places:
        yield Snippet("name", file.name, places)
    notes = files.annotations(file)
    values: list[tuple[str, str | None, str]] = [
        *(("meta", key, value) for key, value in notes.known.items()),
        *(("tag", None, tag) for tag in notes.tags),
    ]
    shown = 0
    for place, key, value in values:
        text, places = _window(value, needles)
        if places and shown < _MOST_NOTES:
            shown += 1
            yield Snippet(place, text, places, key=key)


def _passages(tx: Tx, file: File, needles: tuple[Needle, ...]) -> list[StoredPassage]:
    """Return passages with all needles, else the first with any of them."""
    assert file.content_id is not None
    question = searching.text_atoms(needles, file.space_id)
    found = texts.matching(tx, file.content_id, question, _MOST_PASSAGES)
    if not found and len(needles) > 1:
        any_of = [[atom for group in question for atom in group]]
        found = texts.matching(tx, file.content_id, any_of, _MOST_PASSAGES)
    # The second one may show what the first one ends with.
    return [f for n, f in enumerate(found) if n == 0 or f.id > found[n - 1].id + 1]


def _window(text: str, needles: tuple[Needle, ...]) -> tuple[str, list[tuple[int, int]]]:
    """Return the part of a text with most of the needles, and the marks in it."""
    hits = marks(text, needles)
    if not hits:
        return "", []
    best = max(hits, key=lambda hit: (_needles_from(hit[0], hits), -hit[0]))[0]
    start, stop = max(0, best - _BEFORE), min(len(text), best - _BEFORE + _WINDOW)
    if start:
        start = text.find(" ", start, best) + 1 or start
    if stop < len(text):
        blank = text.rfind(" ", best, stop)
        stop = blank if blank > best else stop
    head, tail = "… " if start else "", " …" if stop < len(text) else ""
    inside = [
        (max(a, start) - start + len(head), min(b, stop) - start + len(head), n)
        for a, b, n in hits
        if a < stop and b > start
    ]
    return head + text[start:stop] + tail, _merged(inside)


def _needles_from(start: int, hits: Sequence[tuple[int, int, int]]) -> int:
    """Count the needles that begin in a window's length from a place."""
    room = _WINDOW - _BEFORE
    return len({number for a, _, number in hits if start <= a < start + room})


def _merged(hits: Sequence[tuple[int, int, int]]) -> list[tuple[int, int]]:
    places: list[tuple[int, int]] = []
    for start, end, _ in hits:
        if places and start <= places[-1][1]:
            places[-1] = (places[-1][0], max(places[-1][1], end))
        else:
            places.append((start, end))
    return places
