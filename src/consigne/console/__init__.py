"""The console: a web application over the native API, at ``/console``.

Its source is ``console/`` at the top of the checkout; what is served lies built in ``static/``, so
that nobody needs Node to run it (``make console`` builds it anew). See ``console/README.md``.
"""

from consigne.console.pages import Console
from consigne.http.dispatch import Dialect
from consigne.settings import Settings

SEGMENTS = frozenset({"console"})


def dialect(settings: Settings) -> Dialect:
    """Return the console for the dispatcher."""
    return Dialect("console", SEGMENTS, Console(settings.base_url))
