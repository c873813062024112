"""Traces by OpenTelemetry, over OTLP/HTTP. Loaded only where traces are wanted."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from opentelemetry import context as contexts
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from services.shared.errors import Refusal
from services.shared.log import request_id
from services.shared.tracing import HEADER, Span

SEND_SECONDS = 2
"""A collector that takes longer loses what was to be sent; the work goes on."""

_KINDS = {"server": SpanKind.SERVER, "client": SpanKind.CLIENT, "internal": SpanKind.INTERNAL}
_propagator = TraceContextTextMapPropagator()


class Tracing:
    """Sends spans in the background."""

    def __init__(self, service: str, url: str) -> None:
        resource = Resource.create({"service.name": f"dunlin-{service}"})
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._provider.add_span_processor(
            BatchSpanProcessor(OTLPSpanExporter(endpoint=url, timeout=SEND_SECONDS))
        )
        self._tracer = self._provider.get_tracer("dunlin")

    def shut_down(self) -> None:
        """Sends the rest."""
        self._provider.shutdown()

    @contextmanager
    def span(
        self, name: str, kind: str, parent: str, attributes: Mapping[str, str | int]
    ) -> Iterator["_OtlpSpan"]:
        """A span that ends with the block; an error in it is told by its kind only."""
        above = _propagator.extract({HEADER: parent}) if parent else None
        request = {"dunlin.request_id": request_id.get()}
        made = self._tracer.start_span(name, above, _KINDS[kind], attributes={**request, **attributes})
        token = contexts.attach(trace.set_span_in_context(made, above))
        under_way = _OtlpSpan(made)
        try:
            yield under_way
        except BaseException as error:
            if not isinstance(error, Refusal | GeneratorExit):
                made.set_status(Status(StatusCode.ERROR, type(error).__name__))
            raise
        finally:
            contexts.detach(token)
            if under_way.is_wanted:
                made.end()

    def metadata(self) -> list[tuple[str, str]]:
        """The present span as headers."""
        carrier: dict[str, str] = {}
        _propagator.inject(carrier)
        return list(carrier.items())


class _OtlpSpan(Span):
    def __init__(self, made: trace.Span) -> None:
        self._made = made
        self.is_wanted = True

    def drop(self) -> None:
        # A span that never ends is never sent.
        self.is_wanted = False

    def mark(self, **attributes: str | int) -> None:
        self._made.set_attributes(attributes)
