"""Folders of a year (section 4 of the spec)."""

from typing import Any

from starlette.requests import Request

from consigne.core.access import Seat
from consigne.dialects.arrhes.desk import Desk, number
from consigne.dialects.arrhes.documents import cut, folder_document
from consigne.dialects.arrhes.wire import FOLDER_SORTS, flag_of, id_of, name_of, page_of
from consigne.errors import FolderNotFound, FolderUnknown
from consigne.http.answers import Answer, json_response
from consigne.model.entities import Folder
from consigne.model.rights import Right


class Folders:
    """The endpoints under ``…/folders``."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._depot = desk.depot

    async def create(self, request: Request) -> Answer:
        """POST …/folders (AR-40)."""
        seat = await self._desk.seat(request)
        year = await self._depot.years.look(seat, number(request, "idYear"))
        seat.require(Right.WRITE)
        body = await self._desk.body(request, seat)
        parent = id_of(body, "idFolderParent", FolderUnknown)
        folder = await self._depot.folders.create(seat, name_of(body), parent, year.id)
        return json_response(folder_document(folder))

    async def list(self, request: Request) -> Answer:
        """GET …/folders: a flat array (AR-40)."""
        seat = await self._desk.seat(request)
        year = await self._depot.years.look(seat, number(request, "idYear"))
        page = page_of(request.query_params, FOLDER_SORTS)
        found = await self._depot.folders.of_year(seat, year.id)
        headers = {"X-Total-Count": str(len(found))} if page.counted else {}
        return json_response([folder_document(each) for each in cut(found, page)], headers=headers)

    async def look(self, request: Request) -> Answer:
        """GET …/folders/{idFolder} (AR-40)."""
        _, folder = await self._found(request)
        return json_response(folder_document(folder))

    async def change(self, request: Request) -> Answer:
        """PATCH …/folders/{idFolder} (AR-40, AR-41)."""
        seat, folder = await self._found(request)
        seat.require(Right.WRITE)
        body = await self._desk.body(request, seat)
        wishes: dict[str, Any] = {}
        if "name" in body:
            wishes["name"] = name_of(body)
        if "idFolderParent" in body:
            wishes["parent_id"] = id_of(body, "idFolderParent", FolderUnknown)
        changed = await self._depot.folders.change(seat, folder.id, **wishes)
        return json_response(folder_document(changed))

    async def delete(self, request: Request) -> Answer:
        """DELETE …/folders/{idFolder}, and its subfolders; files move to the root (AR-42)."""
        seat, folder = await self._found(request)
        seat.require(Right.WRITE)
        await self._desk.body(request, seat)
        only_if_empty = flag_of(request.query_params, "onlyIfEmpty")
        await self._depot.folders.delete(seat, folder.id, only_if_empty=only_if_empty)
        return json_response({})

    async def _found(self, request: Request) -> tuple[Seat, Folder]:
        """Return the folder of the path, which must be one of the path's year (AR-04)."""
        seat = await self._desk.seat(request)
        year = await self._depot.years.look(seat, number(request, "idYear"))
        folder = await self._depot.folders.look(seat, number(request, "idFolder"))
        if folder.year_id != year.id:
            raise FolderNotFound
        return seat, folder
