"""A collector of the demo's own: takes the worker's spans over OTLP, as any other would."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass(frozen=True, slots=True)
class SeenSpan:
    """One span as it was told; times in nanoseconds since 1970, ids in hex."""

    name: str
    id: str
    parent: str
    began: int
    ended: int
    is_call: bool  # of somebody else's service
    said: Mapping[str, str]


@dataclass(slots=True)
class Spans:
    """What came, by trace; `url` is where it goes to."""

    url: str
    _by_trace: defaultdict[str, list[SeenSpan]] = field(default_factory=lambda: defaultdict(list))

    def of(self, trace_id: str) -> Sequence[SeenSpan]:
        return tuple(self._by_trace[trace_id])

    @property
    def settings(self) -> Mapping[str, str]:
        """What tells a worker to send them here, all and at once."""
        return {
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": self.url,
            "OTEL_TRACES_SAMPLER": "parentbased_always_on",
            "OTEL_BSP_SCHEDULE_DELAY": "100",
        }

    def take(self, body: bytes) -> None:
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            for scope in resource.scope_spans:
                for span in scope.spans:
                    self._by_trace[span.trace_id.hex()].append(_seen(span))


def _seen(span: Any) -> SeenSpan:
    return SeenSpan(
        span.name,
        span.span_id.hex(),
        span.parent_span_id.hex(),
        span.start_time_unix_nano,
        span.end_time_unix_nano,
        span.kind == span.SPAN_KIND_CLIENT,
        {
            told.key: told.value.string_value or str(told.value.int_value)
            for told in span.attributes
        },
    )


@contextmanager
def collecting_spans() -> Iterator[Spans]:
    """On a free port of 127.0.0.1, for as long as the block lasts."""

    class Take(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            spans.take(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """The demo tells its own story."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Take)
    spans = Spans(f"http://127.0.0.1:{server.server_port}/v1/traces")
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield spans
    finally:
        server.shutdown()
        server.server_close()
