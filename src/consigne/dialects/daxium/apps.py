"""``GET /apps``: the instances that the caller is a member of (DX-11)."""

from starlette.requests import Request

from consigne.dialects.daxium.desk import Desk
from consigne.dialects.daxium.documents import app_document
from consigne.dialects.daxium.wire import page_of
from consigne.http.answers import Answer, json_response


class Apps:
    """The one route that is about no instance."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def list(self, request: Request) -> Answer:
        """List the caller's spaces, within the binding of a key."""
        caller = await self._desk.caller(request)
        page = page_of(request.query_params)
        spaces = [space for _, space in await self._desk.depot.accounts.spaces_of(caller)]
        shown = spaces[page.offset : page.offset + page.limit]
        return json_response(page.of("apps", [app_document(s) for s in shown], len(spaces)))
