"""What a client needs before it stores anything: itself, its organization, years, keys (AR-09)."""

from typing import Any

from starlette.requests import Request

from consigne.core.access import Seat
from consigne.dialects.arrhes.desk import Desk, number
from consigne.dialects.arrhes.documents import (
    key_document,
    organization_document,
    user_document,
    year_document,
)
from consigne.dialects.arrhes.wire import (
    Body,
    id_of,
    invalid,
    moment_of,
    name_of,
    text_of,
)
from consigne.errors import KeyNotFound, YearNotFound
from consigne.http.answers import Answer, json_response
from consigne.model.entities import Year
from consigne.model.rights import Right


class Organizations:
    """The endpoints about the caller, the organization and its keys."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._depot = desk.depot

    async def me(self, request: Request) -> Answer:
        """GET /users/me."""
        caller = await self._desk.caller(request)
        return json_response(user_document(caller.principal))

    async def look(self, request: Request) -> Answer:
        """GET /organizations/{idOrganization}, with usage as it is now."""
        seat = await self._desk.seat(request)
        seat.require(Right.READ)
        space = await self._depot.tenancy.numbered(seat.space_id)
        return json_response(organization_document(space))

    async def keys(self, request: Request) -> Answer:
        """GET …/api-keys: those that are bound to the organization."""
        seat = await self._desk.seat(request)
        found = await self._depot.accounts.keys_in(seat)
        return json_response([key_document(key) for key in found])

    async def create_key(self, request: Request) -> Answer:
        """POST …/api-keys: this answer alone holds ``rawKey``."""
        seat = await self._desk.seat(request)
        seat.require(Right.ADMIN)
        body = await self._desk.body(request, seat)
        name = text_of(body, "name") or ""
        key, value = await self._depot.accounts.issue_key(seat.caller, name, space=seat.space)
        return json_response({**key_document(key), "rawKey": value})

    async def delete_key(self, request: Request) -> Answer:
        """DELETE …/api-keys/{idApiKey}."""
        seat = await self._desk.seat(request)
        found = {key.id for key in await self._depot.accounts.keys_in(seat)}
        key_id = number(request, "idApiKey")
        if key_id not in found:
            raise KeyNotFound
        await self._desk.body(request, seat)
        await self._depot.accounts.revoke_key(seat.caller, key_id)
        return json_response({})


class Years:
    """The endpoints under ``…/years``."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._depot = desk.depot

    async def list(self, request: Request) -> Answer:
        """GET …/years."""
        seat = await self._desk.seat(request)
        return json_response([year_document(year) for year in await self._depot.years.all(seat)])

    async def create(self, request: Request) -> Answer:
        """POST …/years ``{startingAt,endingAt,label?,idYearPrevious?}``."""
        seat = await self._desk.seat(request)
        seat.require(Right.MANAGE)
        body = await self._desk.body(request, seat)
        start = moment_of(body, "startingAt", required=True) or ""
        end = moment_of(body, "endingAt", required=True) or ""
        _require_order(start, end)
        label = text_of(body, "label", empty=False) or f"Exercice {end[:4]}"
        previous = await self._previous(seat, body)
        year = await self._depot.years.create(
            seat, label=label, starting_at=start, ending_at=end, previous_id=previous
        )
        return json_response(year_document(year))

    async def look(self, request: Request) -> Answer:
        """GET …/years/{idYear}."""
        _, year = await self._found(request)
        return json_response(year_document(year))

    async def change(self, request: Request) -> Answer:
        """PATCH …/years/{idYear}: only what is present changes."""
        seat, year = await self._found(request)
        seat.require(Right.MANAGE)
        body = await self._desk.body(request, seat)
        wishes: dict[str, Any] = {}
        if "label" in body:
            wishes["label"] = name_of(body, "label")
        for name, column in (("startingAt", "starting_at"), ("endingAt", "ending_at")):
            if name in body:
                wishes[column] = moment_of(body, name, required=True)
        if "idYearPrevious" in body:
            wishes["previous_id"] = await self._previous(seat, body)
        _require_order(
            wishes.get("starting_at", year.starting_at), wishes.get("ending_at", year.ending_at)
        )
        changed = await self._depot.years.change(seat, year.id, **wishes)
        return json_response(year_document(changed))

    async def delete(self, request: Request) -> Answer:
        """DELETE …/years/{idYear}, if nothing is in it."""
        seat, year = await self._found(request)
        seat.require(Right.MANAGE)
        await self._desk.body(request, seat)
        await self._depot.years.delete(seat, year.id)
        return json_response({})

    async def close(self, request: Request) -> Answer:
        """POST …/years/{idYear}/close."""
        seat, year = await self._found(request)
        seat.require(Right.MANAGE)
        await self._desk.body(request, seat)
        return json_response(year_document(await self._depot.years.close(seat, year.id)))

    async def open(self, request: Request) -> Answer:
        """POST …/years/{idYear}/open."""
        seat, year = await self._found(request)
        seat.require(Right.MANAGE)
        await self._desk.body(request, seat)
        return json_response(year_document(await self._depot.years.open(seat, year.id)))

    async def _found(self, request: Request) -> tuple[Seat, Year]:
        seat = await self._desk.seat(request)
        return seat, await self._depot.years.look(seat, number(request, "idYear"))

    async def _previous(self, seat: Seat, body: Body) -> int | None:
        """Return ``idYearPrevious`` if it is a year of the organization."""
        refusal = invalid("idYearPrevious", "There is no such year")
        previous = id_of(body, "idYearPrevious", lambda: refusal)
        if previous is not None:
            try:
                await self._depot.years.look(seat, previous)
            except YearNotFound:
                raise refusal from None
        return previous


def _require_order(start: str, end: str) -> None:
    if start[:10] > end[:10]:
        raise invalid("endingAt", "Invalid date: the year ends before it starts")
