"""What a running server says: its greeting at the start, and its log."""

import logging
import sys
from typing import Protocol

import structlog

from consigne.settings import Settings

_LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}


class Generated(Protocol):
    """What the very first start made up."""

    @property
    def email(self) -> str: ...

    @property
    def password(self) -> str | None: ...

    @property
    def key(self) -> str | None: ...

    @property
    def client_id(self) -> str: ...

    @property
    def client_secret(self) -> str | None: ...


def configure(settings: Settings) -> None:
    """Set up structured logging to standard error: for people, or JSON lines."""
    level = _LEVELS.get(settings.log_level, 20)
    renderer: structlog.types.Processor = structlog.dev.ConsoleRenderer(colors=False)
    if settings.log_format == "json":
        renderer = structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(level=max(level, logging.WARNING), stream=sys.stderr, force=True)


def greet(settings: Settings, host: str, port: int, first: Generated | None) -> None:
    """Print what a newcomer needs: the address, and at the first start the key and a curl line."""
    shown = f"[{host}]" if ":" in host else host
    base = settings.public_url.rstrip("/") or f"http://{shown}:{port}"
    print(f"Consigne is listening on {base}")
    if first is not None:
        _print_first(settings, base, first)
    print(f"Console: {base}/console   Documentation: {base}/docs   Stop: Ctrl-C", flush=True)


def _print_first(settings: Settings, base: str, first: Generated) -> None:
    password = first.password or "(as given by CONSIGNE_BOOTSTRAP_USER)"
    key = first.key or "(as given by CONSIGNE_BOOTSTRAP_KEY)"
    secret = first.client_secret or "(as given by CONSIGNE_BOOTSTRAP_CLIENT)"
    print(f"""
First start: made the space "default", its administrator and a key in {settings.data}.
  User      {first.email}
  Password  {password}
  API key   {key}
  OAuth     client {first.client_id}, secret {secret}
These are shown only now. Send a first file:

  curl -H "Authorization: Bearer {first.key or "$CONSIGNE_BOOTSTRAP_KEY"}" \\
       -T README.md -X POST "{base}/consigne/v1/files?name=README.md"
""")
