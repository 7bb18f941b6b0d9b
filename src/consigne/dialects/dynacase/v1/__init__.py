"""Level 2: the API that shipped, under ``/api/v1`` (section 9 of the spec).

The same files, documents and rights as level 1, in other words: routes, envelope, references,
codes and statuses are those of the published program.
"""

from starlette.types import ASGIApp, Receive, Scope, Send

from consigne.core.accounts import Accounts
from consigne.dialects.dynacase.desk import Desk
from consigne.dialects.dynacase.v1.credentials import OpenCredentials
from consigne.dialects.dynacase.v1.envelope import Envelopes
from consigne.dialects.dynacase.v1.errors import Refusals
from consigne.dialects.dynacase.v1.gate import Gate
from consigne.dialects.dynacase.v1.paths import BASE
from consigne.dialects.dynacase.v1.routes import byte_routes, document_routes
from consigne.http.faults import FaultMiddleware
from consigne.http.routing import Router
from consigne.settings import Settings


class Levels:
    """An ASGI application: what lies under ``/api/v1`` goes to level 2, the rest to level 1."""

    def __init__(self, first: ASGIApp, second: ASGIApp) -> None:
        self._first = first
        self._second = second

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        is_second = path == BASE or path.startswith(f"{BASE}/")
        await (self._second if is_second else self._first)(scope, receive, send)


def application(desk: Desk, accounts: Accounts, settings: Settings) -> ASGIApp:
    """Return level 2."""
    envelopes = Envelopes(settings.dynacase_code_uri)
    documents = Router(document_routes(desk, envelopes))
    gate = Gate(documents, Router(byte_routes(desk)), OpenCredentials(accounts, settings))
    return FaultMiddleware(gate, Refusals(envelopes))
