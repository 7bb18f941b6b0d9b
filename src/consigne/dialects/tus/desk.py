"""What every route needs first: who is calling, in which space, and which upload is meant."""

from starlette.requests import Request

from consigne.core.access import Caller, Seat
from consigne.core.depot import Depot
from consigne.core.sessions import Progress
from consigne.dialects.tus import wire
from consigne.errors import (
    BadParameter,
    FolderNotFound,
    FolderUnknown,
    NotMember,
    SpaceNotFound,
    Unauthenticated,
    UploadNotFound,
)
from consigne.http.auth import basic, bearer
from consigne.http.sessions import session
from consigne.model.identity import Kind, from_uuid


class Desk:
    """The checks that stand before each verb."""

    def __init__(self, depot: Depot) -> None:
        self._depot = depot

    async def caller(self, request: Request) -> Caller:
        """Return who is calling. Raises Unauthenticated, LoginThrottled, MethodRefused,
        OriginRefused.
        """
        if token := bearer(request.headers):
            caller = await self._depot.accounts.by_bearer(token)
        elif login := basic(request.headers):
            address = request.scope["state"].get("client", "")
            caller = await self._depot.accounts.by_password(login.username, login.password, address)
        elif token := session(request.headers, request.method):
            caller = await self._depot.accounts.by_bearer(token)
        else:
            raise Unauthenticated(hint="Send 'Authorization: Bearer <key>'.")
        caller.require_method("GET" if request.method == "HEAD" else request.method)
        return caller

    async def seat(self, request: Request, caller: Caller, told: str | None = None) -> Seat:
        """Return the caller's place in the space of the path, else the one ``told``, else that of
        ``X-Consigne-Space``, else of the host, the key, the home.

        Raises SpaceNotFound, NotMember, BadParameter (path and ``told`` differ).
        """
        named = request.path_params.get("space")
        if named and told and named != told:
            raise BadParameter("The URL names another space.", parameter="space")
        short = named or told or request.headers.get("x-consigne-space") or None
        if short is None:
            return await self._depot.accounts.seat(caller, host=request.scope["state"].get("host"))
        if len(short) > 64 or not short.isprintable():
            raise SpaceNotFound
        try:
            seat = await self._depot.accounts.seat(caller, short=short)
        except NotMember:
            raise SpaceNotFound from None
        if seat.role is None:
            raise SpaceNotFound
        return seat

    async def upload(self, request: Request) -> tuple[Seat, Progress, wire.Words]:
        """Return the caller's upload of the path as its row stands, and what was said of it.

        Another's upload, or one of a space that the caller is no member of, is as unknown as one
        that never was. Raises UploadNotFound, UploadExpired.
        """
        caller = await self.caller(request)
        number = wire.upload_number(request.path_params["id"])
        if number is None:
            raise UploadNotFound
        try:
            seat = await self.seat(request, caller)
        except SpaceNotFound:
            raise UploadNotFound from None
        progress = await self._depot.uploads.of_file(seat, number)
        words = wire.read_words(progress) if progress is not None else None
        if progress is None or words is None:
            raise UploadNotFound
        return seat, progress, words

    async def folder(self, seat: Seat, words: str) -> int | None:
        """Return the folder meant by a path or a UUID, None for the root. Raises FolderUnknown."""
        if words.strip("/") in ("", "root"):
            return None
        if len(words) > 8192 or "\0" in words:
            raise FolderUnknown(parameter="folder")
        number = from_uuid(Kind.FOLDER, words)
        try:
            if number is not None:
                return (await self._depot.folders.look(seat, number)).id
            found = await self._depot.folders.at(seat, words)
        except FolderNotFound as error:
            raise FolderUnknown(error.message, parameter="folder") from None
        return found.id if found else None
