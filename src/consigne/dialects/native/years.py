"""Accounting years, as far as one looks into them; they are kept by the dialect of accountants."""

from starlette.requests import Request
from starlette.types import ASGIApp

from consigne.dialects.native.desk import API, Desk
from consigne.dialects.native.wire import year_document
from consigne.errors import YearNotFound
from consigne.http.answers import json_response
from consigne.http.routing import Route
from consigne.model.identity import Kind, from_uuid


class YearRoutes:
    """The route of ``/years``."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def routes(self) -> list[Route]:
        return [Route("GET", f"{API}/years", self.list)]

    async def list(self, request: Request) -> ASGIApp:
        """Return the years of the space, in the order in which they were made."""
        found = await self._desk.depot.years.all(await self._desk.seat(request))
        return json_response({"years": [year_document(year) for year in found]})


def year_number(text: str) -> int:
    """Return the year that a parameter names. Raises YearNotFound."""
    number = from_uuid(Kind.YEAR, text)
    if number is None:
        raise YearNotFound
    return number
