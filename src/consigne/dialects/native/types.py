"""Record types (C-33), and the groups that their ACLs name."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta
from starlette.requests import Request
from starlette.types import ASGIApp

from consigne.core.records.forms import TypeForm
from consigne.dialects.native.bodies import Login, body_of
from consigne.dialects.native.desk import API, Desk
from consigne.dialects.native.listing import DEFAULT_LIMIT, MAX_LIMIT
from consigne.dialects.native.parameters import plain, whole
from consigne.dialects.native.replies import created, page_reply
from consigne.dialects.native.wire_records import type_document, version_document
from consigne.http.answers import empty_response, json_response
from consigne.http.routing import Route

_PATH = f"{API}/types"
_GROUPS = f"{API}/groups"
_MAX_NUMBER = (1 << 53) - 1


class TypeForms(msgspec.Struct, forbid_unknown_fields=True):
    """``PUT /types``."""

    types: Annotated[list[TypeForm], Meta(min_length=1, max_length=1000)]


class Group(msgspec.Struct, forbid_unknown_fields=True):
    """``PUT /groups/{name}``: logins of members of the space."""

    members: Annotated[list[Login], Meta(min_length=1, max_length=10_000)]


class TypeRoutes:
    """The routes of ``/types`` and ``/groups``."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._types = desk.depot.types

    def routes(self) -> list[Route]:
        one = f"{_PATH}/{{id}}"
        group = f"{_GROUPS}/{{name}}"
        return [
            Route("POST", _PATH, self.create),
            Route("PUT", _PATH, self.apply),
            Route("GET", _PATH, self.list),
            Route("GET", one, self.look),
            Route("PUT", one, self.change),
            Route("DELETE", one, self.delete),
            Route("GET", f"{one}/versions", self.versions),
            Route("GET", _GROUPS, self.groups),
            Route("PUT", group, self.set_group),
            Route("DELETE", group, self.drop_group),
        ]

    async def create(self, request: Request) -> ASGIApp:
        """Make a type."""
        seat = await self._desk.seat(request)
        body: TypeForm = await body_of(request, TypeForm)
        document = type_document(await self._types.create(seat, body.spec()))
        return created(self._desk, document, "types", document["name"])

    async def apply(self, request: Request) -> ASGIApp:
        """Make or change types by name, all or none."""
        seat = await self._desk.seat(request)
        body: TypeForms = await body_of(request, TypeForms)
        applied = await self._types.apply(seat, [form.spec() for form in body.types])
        documents = [
            type_document(each.typed) | {"outcome": each.outcome.value} for each in applied
        ]
        return json_response({"types": documents})

    async def list(self, request: Request) -> ASGIApp:
        """Return the types of the space by number."""
        seat, asked = await self._desk.seat(request), request.query_params
        limit = whole(asked.get("limit") or str(DEFAULT_LIMIT), "limit", 1, MAX_LIMIT)
        after = whole(asked.get("cursor") or "0", "cursor", 0, _MAX_NUMBER)
        dialect = asked.get("dialect")
        found = await self._types.page(
            seat, after=after, limit=limit + 1,
            dialect=None if dialect is None else plain(dialect, "dialect", 64),
        )  # fmt: skip
        page = found[:limit]
        following = str(page[-1].type.id) if len(found) > limit else None
        documents = [type_document(each) for each in page]
        return page_reply(self._desk, request, "types", documents, "cursor", following)

    async def look(self, request: Request) -> ASGIApp:
        """Return a type with its newest fields, or those of a ``version``."""
        seat, asked = await self._desk.seat(request), request.query_params.get("version")
        version = None if asked is None else whole(asked, "version", 1, 1 << 31)
        return json_response(
            type_document(await self._types.get(seat, _name(request), version=version))
        )

    async def change(self, request: Request) -> ASGIApp:
        """Make a type what the body says; new fields are a new version."""
        seat, name = await self._desk.seat(request), _name(request)
        present = await self._types.get(seat, name)
        body: TypeForm = await body_of(request, TypeForm)
        spec = body.spec(present.type.name)
        return json_response(type_document(await self._types.change(seat, name, spec)))

    async def delete(self, request: Request) -> ASGIApp:
        """Remove a type without records."""
        await self._types.delete(await self._desk.seat(request), _name(request))
        return empty_response()

    async def versions(self, request: Request) -> ASGIApp:
        """Return all versions of a type, oldest first."""
        found = await self._types.versions(await self._desk.seat(request), _name(request))
        return json_response({"versions": [version_document(each) for each in found]})

    async def groups(self, request: Request) -> ASGIApp:
        """Return the groups of the space with the numbers of their members."""
        found = await self._types.groups(await self._desk.seat(request))
        documents: list[dict[str, Any]] = [
            {"name": name, "members": members} for name, members in found.items()
        ]
        return json_response({"groups": documents})

    async def set_group(self, request: Request) -> ASGIApp:
        """Make these the members of a group."""
        seat, name = await self._desk.seat(request), request.path_params["name"]
        body: Group = await body_of(request, Group)
        members = await self._types.set_group(seat, name, body.members)
        return json_response({"name": name, "members": members})

    async def drop_group(self, request: Request) -> ASGIApp:
        """Take everybody out of a group, which ends it."""
        await self._types.set_group(await self._desk.seat(request), request.path_params["name"], [])
        return empty_response()


def _name(request: Request) -> str | int:
    """Return the type of the path: a number, else a name."""
    text = plain(request.path_params["id"], "id", 256)
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else text
