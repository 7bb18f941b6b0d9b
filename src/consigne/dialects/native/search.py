"""The search: names, metadata, tags and text, best first, with what was found."""

from typing import Any

from starlette.requests import Request
from starlette.types import ASGIApp

from consigne.core.clock import now_ms
from consigne.core.search import Hit, Snippet
from consigne.dialects.native.desk import API, Desk
from consigne.dialects.native.listing import Cursors, fields_of, terms_of
from consigne.dialects.native.parameters import is_root, plain, whole
from consigne.dialects.native.replies import page_reply
from consigne.dialects.native.wire import file_document, projected
from consigne.errors import BadCursor
from consigne.http.routing import Route
from consigne.model.query import Field, Op, Query, Scope, Term

DEFAULT_LIMIT = 20
MAX_HITS = 100
_LONGEST = 4_000


class SearchRoutes:
    """The route ``/search``."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._search = desk.depot.search

    def routes(self) -> list[Route]:
        return [Route("GET", f"{API}/search", self.search)]

    async def search(self, request: Request) -> ASGIApp:
        """Return a page of hits."""
        seat, asked = await self._desk.seat(request), request.query_params
        question = plain(asked.get("q", ""), "q", _LONGEST)
        limit = whole(asked.get("limit") or str(DEFAULT_LIMIT), "limit", 1, MAX_HITS)
        fields = fields_of(asked["fields"]) if asked.get("fields") else None
        terms, words = terms_of(asked.getlist("filter")), asked.get("folder")
        scope = Scope(
            seat.space_id,
            folder_id=await self._desk.folder(seat, words) if words else None,
            in_root=bool(words) and is_root(words),
        )
        cursors = Cursors(await self._desk.depot.secrets.get("cursors"))
        # A cursor is good for the question that it comes from, and for no other list.
        sealed = Query(scope, (*terms, Term(Field.NOTHING, Op.CONTAINS, question)))
        after = _place(cursors.open(sealed, asked["cursor"])) if asked.get("cursor") else None
        found = await self._search.search(seat, question, scope, terms, limit=limit, after=after)
        documents = [_hit_document(hit, fields) for hit in found.hits]
        following = None if found.after is None else cursors.seal(sealed, found.after)
        return page_reply(
            self._desk, request, "hits", documents, "cursor", following, total=found.total
        )


def _place(after: tuple[Any, ...]) -> tuple[int, int]:
    """Return (score, id) of a cursor; raise BadCursor for that of another kind of list."""
    if len(after) != 2:
        raise BadCursor(parameter="cursor")
    return after[0], after[1]


def _hit_document(hit: Hit, fields: frozenset[str] | None) -> dict[str, Any]:
    document: Any = file_document(hit.file, now_ms())
    return {
        "file": document if fields is None else projected(document, fields),
        "score": hit.score,
        "snippets": [_snippet_document(snippet) for snippet in hit.snippets],
    }


def _snippet_document(snippet: Snippet) -> dict[str, Any]:
    """Return where a hit was found; ``marks`` count characters (code points) of ``text``."""
    return {
        "in": snippet.place,
        "key": snippet.key,
        "page": snippet.page,
        "text": snippet.text,
        "marks": [list(mark) for mark in snippet.marks],
    }
