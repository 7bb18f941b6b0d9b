"""The host names that are served."""

from consigne.http.dispatch import LOOPBACK_HOSTS
from consigne.settings import Settings


class Hosts:
    """The host names that are served (C-07): settings, loopback, and those of spaces."""

    def __init__(self, settings: Settings) -> None:
        own = settings.base_url.partition("://")[2].partition("/")[0]
        name = own if own.endswith("]") else own.rpartition(":")[0] or own
        self._names = {name.lower(), *LOOPBACK_HOSTS}
        self._names.update(host.lower() for host in settings.allowed_hosts)
        self._of_spaces: frozenset[str] = frozenset()

    def learn(self, names: list[str]) -> None:
        """Take the host names of spaces as they are now."""
        self._of_spaces = frozenset(names)

    def __contains__(self, host: object) -> bool:
        return host in self._names or host in self._of_spaces
