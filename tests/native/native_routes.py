"""The routes of the native dialect, read from its router."""

from types import SimpleNamespace
from typing import Any

from consigne.dialects.native.desk import API, Desk
from consigne.dialects.native.routes import router
from consigne.settings import Settings


class _Anything:
    """Stands for the core: routes are only asked where they are."""

    def __getattr__(self, name: str) -> Any:
        return SimpleNamespace()


ROUTER = router(Desk(_Anything(), Settings()))  # type: ignore[arg-type]
ROUTES = sorted((route.method, route.path) for route in ROUTER)
API_ROUTES = [(m, p) for m, p in ROUTES if p.startswith(f"{API}/")]
OPEN_ROUTES = {
    ("POST", f"{API}/session"),
    ("GET", f"{API}/session"),
    ("OPTIONS", f"{API}/files"),
}
