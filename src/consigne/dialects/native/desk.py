"""What every route needs first: who is calling, in which space, and which folder is meant."""

from functools import lru_cache
from urllib.parse import urlsplit

from starlette.requests import Request

from consigne.core.access import Caller, Seat
from consigne.core.depot import Depot
from consigne.core.entry import Precondition
from consigne.dialects.native.parameters import folder_id, is_root, plain
from consigne.errors import (
    FileNotFound,
    FolderNotFound,
    FolderUnknown,
    NotMember,
    SpaceNotFound,
    Unauthenticated,
)
from consigne.http.auth import basic, bearer
from consigne.http.conditions import FIELDS, entity_tags, evaluate
from consigne.http.fields import pick, value_of
from consigne.http.sessions import session
from consigne.model.identity import Kind, from_uuid
from consigne.settings import Settings

API = "/consigne/v1"
_UUID_LENGTH = 36


class Desk:
    """The core and the settings, and the checks that stand before each verb.

    ``prefix`` is the path under which a proxy serves us, usually empty.
    """

    def __init__(self, depot: Depot, settings: Settings) -> None:
        self.depot = depot
        self.settings = settings
        self.prefix = urlsplit(settings.base_url).path

    async def caller(self, request: Request) -> Caller:
        """Return who is calling. Raises Unauthenticated, LoginThrottled, MethodRefused,
        OriginRefused.
        """
        headers = request.headers
        if token := bearer(headers):
            caller = await self.depot.accounts.by_bearer(token)
        elif login := basic(headers):
            address = request.scope["state"].get("client", "")
            caller = await self.depot.accounts.by_password(login.username, login.password, address)
        elif token := session(headers, request.method):
            caller = await self.depot.accounts.by_bearer(token)
        else:
            raise Unauthenticated(
                hint="Send 'Authorization: Bearer <key>', or user name and password as Basic."
            )
        caller.require_method("GET" if request.method == "HEAD" else request.method)
        return caller

    async def seat(self, request: Request, short: str | None = None) -> Seat:
        """Return the caller's place in the space meant: ``short``, else the parameter ``space``,
        else ``X-Consigne-Space``, else the host, else the key's own space, else the home.

        A space that the caller is no member of is no more there than one that does not exist.
        Raises SpaceNotFound, NotMember and what ``caller`` raises.
        """
        caller = await self.caller(request)
        if short is None and request.scope["query_string"]:
            short = request.query_params.get("space") or None
        if short is None:
            short = value_of(request.scope["headers"], b"x-consigne-space") or None
        if short is None:
            host = request.scope["state"].get("host")
            return await self.depot.accounts.seat(caller, host=host)
        return await self.named_seat(caller, plain(short, "space", 64))

    async def named_seat(self, caller: Caller, short: str) -> Seat:
        """Return the caller's place in a space by its name. Raises SpaceNotFound."""
        try:
            return await self.depot.accounts.seat(caller, short=short)
        except (NotMember, SpaceNotFound):
            raise SpaceNotFound(
                f"There is no space {short!r} for this caller.",
                hint="GET /consigne/v1/me lists the spaces that there are.",
            ) from None

    async def folder(self, seat: Seat, words: str | None) -> int | None:
        """Return the folder meant by a UUID or a path, None for the root. Raises FolderUnknown."""
        if words is None or is_root(words):
            return None
        number = folder_id(words)
        try:
            if number is not None:
                return (await self.depot.folders.look(seat, number)).id
            found = await self.depot.folders.at(seat, plain(words, "folder", 8192))
        except FolderNotFound as error:
            raise FolderUnknown(
                error.message,
                hint="PUT /consigne/v1/folders?path=… makes what is missing of a path.",
                parameter="folder",
            ) from None
        return found.id if found else None

    async def precondition(self, request: Request, seat: Seat, number: int) -> Precondition | None:
        """Return what a changing request says the file must still be (RFC 9110 §13.1).

        ``If-Match`` takes the tag of the content and that of the metadata. Raises
        PreconditionFailed, FileNotFound.
        """
        fields = pick(request.scope["headers"], FIELDS)
        if not fields:
            return None
        if set(fields) == {"if-match"}:
            return Precondition(tags_of(fields["if-match"]))
        file = await self.depot.vault.look(seat, number)
        wanted = fields.pop("if-match", None)
        evaluate(fields, safe=False, etag=file.etag, modified_at=file.completed_at)
        return Precondition(frozenset({file.revision}) if wanted is None else tags_of(wanted))


def tags_of(value: str) -> frozenset[str]:
    """Return the entity tags of an ``If-Match``; ``*`` stands for any."""
    return frozenset({"*"} if value.strip() == "*" else entity_tags(value))


def file_number(request: Request) -> int:
    """Return the file of the path. Raises FileNotFound, before any query, for what is no id."""
    text = request.path_params["id"]
    number = _number_of(text) if len(text) == _UUID_LENGTH else None
    if number is None:
        raise FileNotFound
    return number


@lru_cache(maxsize=16_384)
def _number_of(text: str) -> int | None:
    return from_uuid(Kind.FILE, text)
