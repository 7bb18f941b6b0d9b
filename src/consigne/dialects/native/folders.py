"""Folders: a tree of labels (C-32)."""

from starlette.requests import Request
from starlette.types import ASGIApp

from consigne.dialects.native.bodies import FolderChange, NewFolder, body_of, given
from consigne.dialects.native.desk import API, Desk
from consigne.dialects.native.listing import DEFAULT_LIMIT, MAX_LIMIT
from consigne.dialects.native.parameters import flag, plain, whole
from consigne.dialects.native.replies import created, page_reply
from consigne.dialects.native.wire import folder_document, uuid_of
from consigne.dialects.native.years import year_number
from consigne.errors import BadCursor, BadParameter, FolderNotFound
from consigne.http.answers import json_response
from consigne.http.routing import Route
from consigne.model.identity import Kind, from_uuid

_PATH = f"{API}/folders"


class FolderRoutes:
    """The routes of ``/folders``."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._folders = desk.depot.folders

    def routes(self) -> list[Route]:
        one = f"{_PATH}/{{id}}"
        return [
            Route("POST", _PATH, self.create),
            Route("PUT", _PATH, self.ensure),
            Route("GET", _PATH, self.list),
            Route("GET", one, self.look),
            Route("PATCH", one, self.change),
            Route("DELETE", one, self.delete),
        ]

    async def create(self, request: Request) -> ASGIApp:
        """Make a folder; its name need not be unique."""
        seat = await self._desk.seat(request)
        body: NewFolder = await body_of(request, NewFolder)
        parent = await self._desk.folder(seat, body.parent)
        document = folder_document(await self._folders.create(seat, body.name, parent))
        return created(self._desk, document, "folders", document["id"])

    async def ensure(self, request: Request) -> ASGIApp:
        """Return the folder of a path, making what is missing of it."""
        seat = await self._desk.seat(request)
        path = plain(request.query_params.get("path", ""), "path", 8192)
        folder = await self._folders.at(seat, path, create=True) if path.strip("/") else None
        if folder is None:
            raise BadParameter("path names no folder below the root.", parameter="path")
        return json_response(folder_document(folder, await self._folders.path_of(seat, folder.id)))

    async def list(self, request: Request) -> ASGIApp:
        """Return the folders directly below one, or at the top; with ``year`` all of a year."""
        seat, asked = await self._desk.seat(request), request.query_params
        limit = whole(asked.get("limit") or str(DEFAULT_LIMIT), "limit", 1, MAX_LIMIT)
        cursor = asked.get("cursor")
        after = from_uuid(Kind.FOLDER, cursor) if cursor else 0
        if after is None:
            raise BadCursor(parameter="cursor")
        if asked.get("year"):
            all_of_it = await self._folders.of_year(seat, year_number(asked["year"]))
            documents = [folder_document(folder) for folder in all_of_it]
            return page_reply(self._desk, request, "folders", documents, "cursor", None)
        parent = await self._desk.folder(seat, asked.get("parent"))
        found = await self._folders.children(seat, parent, after, limit + 1)
        page = found[:limit]
        following = uuid_of(Kind.FOLDER, page[-1].id) if len(found) > limit else None
        documents = [folder_document(folder) for folder in page]
        return page_reply(self._desk, request, "folders", documents, "cursor", following)

    async def look(self, request: Request) -> ASGIApp:
        """Return a folder with its path."""
        seat, number = await self._desk.seat(request), _folder_number(request)
        folder = await self._folders.look(seat, number)
        return json_response(folder_document(folder, await self._folders.path_of(seat, number)))

    async def change(self, request: Request) -> ASGIApp:
        """Rename or move a folder."""
        seat, number = await self._desk.seat(request), _folder_number(request)
        body: FolderChange = await body_of(request, FolderChange)
        changes = given(name=body.name)
        if body.parent is None or isinstance(body.parent, str):
            changes["parent_id"] = await self._desk.folder(seat, body.parent)
        folder = await self._folders.change(seat, number, **changes)
        return json_response(folder_document(folder, await self._folders.path_of(seat, number)))

    async def delete(self, request: Request) -> ASGIApp:
        """Delete a folder with those below it; their files move to the root."""
        seat, number = await self._desk.seat(request), _folder_number(request)
        careful = flag(request.query_params.get("only_if_empty", "false"), "only_if_empty")
        count = await self._folders.delete(seat, number, only_if_empty=careful)
        return json_response({"folders": count})


def _folder_number(request: Request) -> int:
    number = from_uuid(Kind.FOLDER, request.path_params["id"])
    if number is None:
        raise FolderNotFound
    return number
