"""``…/structures``: the forms that submissions are made of (DX-22)."""

from starlette.requests import Request

from consigne.dialects.daxium.desk import DIALECT, Desk
from consigne.dialects.daxium.documents import structure_document
from consigne.dialects.daxium.wire import page_of, path_number
from consigne.errors import TypeNotFound
from consigne.http.answers import Answer, json_response
from consigne.model.rights import Right


class Structures:
    """Reading only: the native API makes structures and their versions."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._types = desk.depot.types

    async def list(self, request: Request) -> Answer:
        """GET …/structures: those whose submissions the caller may view."""
        seat = await self._desk.seat(request, Right.READ)
        page = page_of(request.query_params)
        found = await self._types.visible(seat, DIALECT)
        shown = found[page.offset : page.offset + page.limit]
        more = page.number < page.pages(len(found))
        return json_response(
            page.of(
                "structures",
                [structure_document(each) for each in shown],
                len(found),
                next_page=page.number + 1 if more else None,
                workflows=[],
                required={"linked_list_ids": [], "structure_ids": []},
            )
        )

    async def look(self, request: Request) -> Answer:
        """GET …/structures/{id}."""
        seat = await self._desk.seat(request, Right.READ)
        number = path_number(request.path_params["id"])
        if number is None:
            raise TypeNotFound
        typed = await self._desk.structure(seat, number)
        return json_response(structure_document(typed))
