"""GET, HEAD, PUT and DELETE of objects under signed URLs (AR-30 to AR-35)."""

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from consigne.core.depot import Depot
from consigne.core.objects import Grant, ObjectKey, read_key
from consigne.dialects.s3.wire import signed_request, split_path, version_of
from consigne.errors import FileNotFound, Forbidden, LengthRequired, MethodNotAllowed
from consigne.http.answers import empty_response
from consigne.http.bodies import declared_length, raw_body
from consigne.http.delivery import Delivery
from consigne.http.digests import content_digests
from consigne.settings import Settings

_METHODS = ("DELETE", "GET", "HEAD", "PUT")
_PRIVATE = ((b"cache-control", b"private, no-cache"),)


class Door:
    """The ASGI application of ``/s3``: first the signature, then the object."""

    def __init__(self, depot: Depot, settings: Settings) -> None:
        self._depot = depot
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["state"]["route"] = "/s3/{bucket}/{key}"
        response = await self._answer(Request(scope, receive))
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> ASGIApp:
        method = request.method
        if method not in _METHODS:
            raise MethodNotAllowed(allowed=list(_METHODS))
        length = declared_length(request.headers)
        if method == "PUT" and length is None:
            raise LengthRequired
        bucket, text = split_path(request.scope["path"])
        grant = await self._depot.objects.authorize(signed_request(request), bucket)
        key = read_key(text)
        if key.space_id != grant.seat.space_id:
            raise FileNotFound
        if method == "PUT":
            return await self._put(request, grant, key, length or 0)
        if key.upload_id is not None:
            raise FileNotFound
        if method == "DELETE":
            return await self._delete(request, grant, key)
        reading = await self._depot.reader.open(grant.seat, key.file_id, version_of(request))
        return Delivery(reading, inline=True, headers=_PRIVATE)

    async def _put(self, request: Request, grant: Grant, key: ObjectKey, length: int) -> ASGIApp:
        if key.upload_id is None:
            raise Forbidden("Access Denied")
        expected = content_digests(request.headers)
        if grant.payload is not None:
            expected["sha-256"] = grant.payload
        digest = await self._depot.incoming.receive(
            grant.seat,
            key.file_id,
            key.upload_id,
            raw_body(request, self._settings.body_idle),
            length=length,
            expected=expected,
        )
        return empty_response(200, [("ETag", f'"{digest.hex()}"')])

    async def _delete(self, request: Request, grant: Grant, key: ObjectKey) -> ASGIApp:
        if grant.issued:
            raise Forbidden("Access Denied")
        # What is gone, or has other bytes by now, is left alone: S3 answers 204 either way.
        await self._depot.shelf.empty(grant.seat, key.file_id, version_of(request) or 0)
        return empty_response(204)
