"""Cross-origin requests (Fetch standard, "HTTP-CORS protocol"; C-57, AM-37).

One middleware, wrapped around a dialect's fault middleware so that errors are readable for a page
as well. A preflight is answered here, before any authentication: browsers send it without
credentials.
"""

from collections.abc import Collection, Iterable

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from consigne.http.answers import Answer
from consigne.http.fields import Header, value_of

MAX_AGE = 600

_VARY = b"Origin, Access-Control-Request-Method, Access-Control-Request-Headers"


class CorsMiddleware:
    """Let pages of configured origins call a dialect.

    ``origins``: serialized origins such as ``https://app.example``, or ``*`` for any (cookies are
    never let through). Without origins the middleware does nothing. ``methods``, ``headers`` and
    ``exposed`` are the dialect's own lists.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        origins: Collection[str],
        methods: Iterable[str],
        headers: Iterable[str] = (),
        exposed: Iterable[str] = (),
        max_age: int = MAX_AGE,
    ) -> None:
        self._app = app
        self._origins = frozenset(origin.rstrip("/").lower() for origin in origins)
        self._preflight: list[Header] = [
            (b"access-control-allow-methods", ", ".join(methods).encode("ascii")),
            (b"access-control-allow-headers", ", ".join(headers).encode("ascii")),
            (b"access-control-max-age", b"%d" % max_age),
            (b"vary", _VARY),
        ]
        self._exposed = ", ".join(exposed).encode("ascii")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not self._origins:
            await self._app(scope, receive, send)
            return
        origin = value_of(scope["headers"], b"origin")
        if origin is not None and _is_preflight(scope):
            await self._answer_preflight(origin)(scope, receive, send)
            return
        allowed = origin if origin is not None and self._allows(origin) else None

        async def with_cors(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = self._with_cors(message.get("headers", ()), allowed)
            await send(message)

        await self._app(scope, receive, with_cors)

    def _allows(self, origin: str) -> bool:
        return "*" in self._origins or origin.lower() in self._origins

    def _answer_preflight(self, origin: str) -> Answer:
        if not self._allows(origin):
            return Answer(403, b"", [(b"vary", _VARY)])
        allow = (b"access-control-allow-origin", origin.encode("latin-1"))
        return Answer(204, b"", [allow, *self._preflight])

    def _with_cors(self, headers: Iterable[Header], origin: str | None) -> list[Header]:
        # Vary goes on every answer: one cached without Origin must not be shown to a page.
        vary, kept = b"Origin", []
        for name, value in headers:
            if name == b"vary":
                vary = value + b", " + vary
            else:
                kept.append((name, value))
        kept.append((b"vary", vary))
        if origin is not None:
            kept.append((b"access-control-allow-origin", origin.encode("latin-1")))
            if self._exposed:
                kept.append((b"access-control-expose-headers", self._exposed))
        return kept


def _is_preflight(scope: Scope) -> bool:
    if scope["method"] != "OPTIONS":
        return False
    return value_of(scope["headers"], b"access-control-request-method") is not None
