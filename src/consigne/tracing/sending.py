"""The side of ``consigne.tracing`` that knows OpenTelemetry; imported when traces are asked for."""

from collections.abc import Callable
from types import TracebackType
from typing import Any

from opentelemetry import context, trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from consigne.tracing import Attributes, Span, is_refusal

_SECONDS = 5  # how long the collector may take for a batch
_parents = TraceContextTextMapPropagator()


class Recorded(Span):
    """A span that is sent."""

    __slots__ = ("_span", "_token")

    def __init__(self, span: trace.Span) -> None:
        self._span = span

    @property
    def trace_id(self) -> str:
        return trace.format_trace_id(self._span.get_span_context().trace_id)

    def note(self, name: str, attributes: Attributes, *, failed: bool = False) -> None:
        self._span.update_name(name)
        self._span.set_attributes(dict(attributes))
        if failed:
            self._span.set_status(trace.StatusCode.ERROR)

    def __enter__(self) -> Span:
        self._token = context.attach(trace.set_span_in_context(self._span))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace_: TracebackType | None,
    ) -> None:
        context.detach(self._token)
        if error is not None:
            self._span.set_attribute("error.type", type(error).__name__)
            if not is_refusal(error):
                self._span.set_status(trace.StatusCode.ERROR)
        self._span.end()


def start(
    endpoint: str, headers: str, sample: float, version: str
) -> tuple[Callable[..., Span], Callable[[], Any], Callable[[], None]]:
    """Return what makes spans, what tells where we are, and what sends the rest and stops."""
    provider = TracerProvider(
        resource=Resource.create({"service.name": "consigne", "service.version": version}),
        sampler=ParentBased(TraceIdRatioBased(sample)),
        shutdown_on_exit=False,
    )
    pairs = (pair.partition("=") for pair in headers.split(",") if pair.strip())
    exporter = OTLPSpanExporter(
        endpoint=f"{endpoint.rstrip('/')}/v1/traces",
        headers={name.strip(): value.strip() for name, _, value in pairs},
        timeout=_SECONDS,
    )
    provider.add_span_processor(BatchSpanProcessor(exporter))
    tracer = provider.get_tracer("consigne", version)

    def make(
        name: str, attributes: Attributes | None, traceparent: str | None, within: Any
    ) -> Span:
        kind = trace.SpanKind.INTERNAL
        if traceparent is not None:
            kind, within = trace.SpanKind.SERVER, context.Context()
            if traceparent:
                within = _parents.extract({"traceparent": traceparent}, within)
        return Recorded(tracer.start_span(name, within, kind, attributes))

    return make, context.get_current, provider.shutdown
