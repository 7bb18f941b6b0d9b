"""A Consigne at the other end of HTTP: the client for commands, and what it says as they say it."""

import functools
import threading
from collections.abc import Callable
from typing import Any, TypeVar

import click

from consigne import __version__
from consigne.cli.exits import Exit, Failure, Stopped, exit_of_answer
from consigne.client import Client, ClientError, Corrupt, Refused, Unreachable

F = TypeVar("F", bound=Callable[..., Any])
DEFAULT_URL = "http://127.0.0.1:8080"


class Remote(Client):
    """One server, one key, one space (None: the key's own); ``stop`` ends its waiting."""

    def __init__(self, url: str, key: str, space: str | None) -> None:
        self.stop = threading.Event()
        agent = f"consigne-cli/{__version__}"
        super().__init__(url, key, space=space, agent=agent, sleep=self._wait)

    def require_going_on(self) -> None:
        """Raise Stopped where somebody wants to stop."""
        if self.stop.is_set():
            raise Stopped

    def _wait(self, seconds: float) -> None:
        self.stop.wait(seconds)
        self.require_going_on()


def remote_options(command: F) -> F:
    """Give a command ``--url``, ``--key`` and ``--space``, and a ``Remote`` as argument."""

    @click.option("--url", envvar="CONSIGNE_URL", default=DEFAULT_URL, show_default=True,
                  show_envvar=True, help="Address of the server.")  # fmt: skip
    @click.option("--key", envvar="CONSIGNE_KEY", default="", show_envvar=True, help="API key.")
    @click.option("--space", envvar="CONSIGNE_SPACE", show_envvar=True,
                  help="Space; else the key's own, else your home.")  # fmt: skip
    @functools.wraps(command)
    def wrapped(*args: Any, url: str, key: str, space: str | None, **options: Any) -> Any:
        with Remote(url, key, space) as remote:
            try:
                return command(*args, remote=remote, **options)
            except ClientError as error:
                raise failure_of_client(error) from error

    return wrapped  # type: ignore[return-value]


def failure_of_client(error: ClientError) -> Failure:
    """Return what the client says as commands show it."""
    if isinstance(error, Refused):
        exit = exit_of_answer(error.status, "" if error.code.isdigit() else error.code)
    elif isinstance(error, Unreachable):
        exit = Exit.UNAVAILABLE
    else:
        exit = Exit.CORRUPT if isinstance(error, Corrupt) else Exit.FAILED
    return Failure(error.message, rule=error.code, hint=error.hint, exit=exit)
