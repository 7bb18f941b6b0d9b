"""Families of level 2, and the list of their documents (DY-81)."""

from typing import Any

from starlette.requests import Request
from starlette.types import ASGIApp

from consigne.core.access import Seat
from consigne.core.records.types import Typed
from consigne.dialects.dynacase.cabinet import Cabinet
from consigne.dialects.dynacase.desk import Desk
from consigne.dialects.dynacase.errors import refuse
from consigne.dialects.dynacase.query import query_of
from consigne.dialects.dynacase.v1.documents import selection_in
from consigne.dialects.dynacase.v1.envelope import Envelopes
from consigne.dialects.dynacase.v1.errors import turned_away
from consigne.dialects.dynacase.v1.lookup import Lookup
from consigne.dialects.dynacase.v1.rendering import document, family
from consigne.dialects.dynacase.v1.selection import IN_LISTS
from consigne.dialects.dynacase.v1.wire import OpenWire
from consigne.errors import RecordNotFound
from consigne.model.identity import from_decimal

_SLICE, _ALL = 10, "all"
_PAGE = 500
_ORDERS = {"title": True, "id": False, "initid": False}
_LONGEST = 9


class Families:
    """The endpoints of families."""

    def __init__(
        self, desk: Desk, envelopes: Envelopes, wire: OpenWire, cabinet: Cabinet, lookup: Lookup
    ) -> None:
        self._desk = desk
        self._records = desk.depot.records
        self._envelopes = envelopes
        self._wire = wire
        self._cabinet = cabinet
        self._lookup = lookup

    async def look(self, request: Request) -> ASGIApp:
        """GET families/<F>; the number of a family leads to its name."""
        _, typed = await self._family(request)
        data = {"family": family(self._wire, typed)}
        if from_decimal(request.path_params["fam"]) is not None:
            place = data["family"]["uri"]
            raise turned_away(307, "CRUD0222", "A family has a name", location=place)
        return self._envelopes.success(request.scope, data)

    async def documents(self, request: Request) -> ASGIApp:
        """GET families/<F>/documents/: those that the caller may view."""
        seat, typed = await self._family(request)
        query = query_of(request.scope)
        offset = _number(query.get("offset", "0"), "offset")
        told = query.get("slice", str(_SLICE))
        most = None if told == _ALL else _number(told, "slice")
        by_title, descending, order = _order(query.get("orderBy", "title:asc"))
        selection = selection_in(request, typed.layout, IN_LISTS)
        shown: list[dict[str, Any]] = []
        after: tuple[str | int, ...] | None = None
        while most is None or len(shown) < most:
            page = await self._records.page(
                seat,
                typed.type.id,
                after=after,
                limit=_PAGE if most is None else min(_PAGE, most - len(shown)),
                offset=0 if shown else offset,
                by_title=by_title,
                descending=descending,
            )
            shown += [document(self._wire, full, selection) for full in page.records]
            after = page.after
            if after is None:
                break
        name = typed.type.name
        data = {
            "requestParameters": {
                "slice": _ALL if most is None else most,
                "offset": offset,
                "length": len(shown),
                "orderBy": order,
            },
            "uri": self._wire.uri(f"families/{name}/documents/"),
            "properties": {"title": typed.type.label or name},
            "documents": shown,
        }
        return self._envelopes.success(request.scope, data)

    async def document(self, request: Request) -> ASGIApp:
        """GET families/<F>/documents/<id>: where the document is."""
        _, typed = await self._family(request)
        _, full = await self._lookup.document(request)
        if full.type.id != typed.type.id:
            raise RecordNotFound
        place = self._wire.document_uri(full.record.initid)
        raise turned_away(307, "CRUD0222", "A document has one address", location=place)

    async def _family(self, request: Request) -> tuple[Seat, Typed]:
        seat, typed = await self._cabinet.known_family(request)
        await self._records.require(seat, typed.type.rules, "view")
        return seat, typed


def _number(text: str, name: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= _LONGEST):
        raise refuse("CSG0400", f"{name} must be a number")
    return int(text)


def _order(text: str) -> tuple[bool, bool, str]:
    """Return whether a list goes by title, and downwards, and how that is spelled."""
    column, _, way = text.partition(":")
    way = way or "asc"
    if column not in _ORDERS or way not in ("asc", "desc"):
        raise refuse("CSG0400", f'Unknown order "{text}"')
    return _ORDERS[column], way == "desc", f"{column}:{way}"
