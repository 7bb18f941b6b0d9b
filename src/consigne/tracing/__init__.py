"""Traces, where they are asked for: spans of requests, transactions, contents written, and jobs.

Until ``start`` is called nothing of OpenTelemetry is imported, and ``span`` gives one and the same
object that does nothing. Call ``start`` in each process that works, after it was forked: the spans
leave by a thread of that process, in batches, by OTLP over HTTP.
"""

from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any

from consigne.errors import ConsigneError, Unavailable

Attributes = Mapping[str, str | int | float | bool]


class Span:
    """A stretch of work, as a context manager. This one leaves no trace."""

    __slots__ = ()

    @property
    def trace_id(self) -> str:
        """The trace that it belongs to, 32 hex digits; empty where there is none."""
        return ""

    def note(self, name: str, attributes: Attributes, *, failed: bool = False) -> None:
        """Give it its final name, attributes, and whether it failed."""

    def __enter__(self) -> "Span":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        return None


_NOTHING = Span()
_make: Callable[..., Span] | None = None
_current: Callable[[], Any] | None = None
_stop: Callable[[], None] | None = None


def span(
    name: str,
    attributes: Attributes | None = None,
    *,
    traceparent: str | None = None,
    within: Any = None,
) -> Span:
    """Return a span below the one that is under way here.

    ``traceparent`` (W3C Trace Context; may be empty) makes it a server's span below that of the
    client; ``within`` is what ``here`` gave to a thread that works for somebody else.
    """
    if _make is None:
        return _NOTHING
    return _make(name, attributes, traceparent, within)


def here() -> Any:
    """Return what ``span(within=…)`` needs in another thread."""
    return None if _current is None else _current()


def require() -> None:
    """Raise Unavailable unless OpenTelemetry is installed."""
    try:
        import consigne.tracing.sending  # noqa: F401
    except ImportError as error:
        raise Unavailable(
            "Traces need OpenTelemetry.", hint="pip install 'consigne[otel]'"
        ) from error


def start(endpoint: str, headers: str, sample: float, version: str) -> None:
    """Send spans to the collector at ``endpoint`` (its base URL) from now on.

    ``headers``: ``name=value``, separated by commas; ``sample``: the share of the traces begun here
    that is sent, 0 to 1. Raises Unavailable where OpenTelemetry is not installed.
    """
    global _make, _current, _stop
    require()
    from consigne.tracing import sending

    _make, _current, _stop = sending.start(endpoint, headers, sample, version)


def stop() -> None:
    """Send what is left, and stop. Blocks for some seconds where the collector does not answer."""
    global _make, _current, _stop
    if _stop is not None:
        _stop()
    _make = _current = _stop = None


def is_refusal(error: BaseException | None) -> bool:
    """Tell whether an exception is an answer to the caller and no failure of ours."""
    return isinstance(error, ConsigneError)
