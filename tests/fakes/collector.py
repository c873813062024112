"""A collector of traces: takes OTLP over HTTP and remembers the spans."""

import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass(frozen=True)
class Span:
    """One span as it came in."""

    service: str
    name: str
    trace: bytes
    span: bytes
    parent: bytes
    request_id: str


class Collector:
    """Listens from its making until `stop`."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self._lock = threading.Lock()
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                collector.take(self.rfile.read(int(self.headers["Content-Length"])))
                self.send_response(200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Where traces are to be sent."""
        return f"http://127.0.0.1:{self._server.server_port}/v1/traces"

    def take(self, body: bytes) -> None:
        """Remembers what an export holds."""
        request = ExportTraceServiceRequest.FromString(body)
        for resource in request.resource_spans:
            facts = {one.key: one.value.string_value for one in resource.resource.attributes}
            for scope in resource.scope_spans:
                for span in scope.spans:
                    own = {one.key: one.value.string_value for one in span.attributes}
                    found = Span(
                        facts["service.name"],
                        span.name,
                        span.trace_id,
                        span.span_id,
                        span.parent_span_id,
                        own.get("dunlin.request_id", ""),
                    )
                    with self._lock:
                        self.spans.append(found)

    def stop(self) -> None:
        """Ends."""
        self._server.shutdown()
        self._server.server_close()
