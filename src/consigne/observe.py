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
    """Set up structured logging to standard error: for people, or JSON lines.

    A line is one write, so that those of several processes do not mix. It carries what is bound to
    its request, job or round (``request_id``, ``trace_id``, ``job``, ``round``). What libraries log
    takes the same form.
    """
    level = _LEVELS[settings.log_level]
    renderer: structlog.types.Processor = structlog.dev.ConsoleRenderer(colors=False)
    if settings.log_format == "json":
        renderer = structlog.processors.JSONRenderer()
    common: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*common, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*common, structlog.stdlib.add_logger_name],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    logging.basicConfig(level=max(level, logging.WARNING), handlers=[handler], force=True)
    logging.captureWarnings(True)


def greet(settings: Settings, host: str, port: int, first: Generated | None) -> None:
    """Print what a newcomer needs: the address, and at the first start the key and a curl line."""
    shown = f"[{host}]" if ":" in host else host
    base = settings.public_url.rstrip("/") or f"http://{shown}:{port}"
    print(f"Consigne is listening on {base}")
    if settings.read_only:
        print("Read-only: every change is refused.")
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
