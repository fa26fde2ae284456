"""An OpenTelemetry collector for tests: takes spans over OTLP, or says that it cannot."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span


class Collector:
    """Takes what is sent, or says that it cannot."""

    def __init__(self) -> None:
        self.status = 200
        self.spans: list[Span] = []
        self.tries = 0
        self.attributes: dict[str, str] = {}
        self.paths: set[str] = set()

    def take(self, path: str, body: bytes) -> None:
        self.tries += 1
        self.paths.add(path)
        if self.status == 200 and path == "/v1/traces":
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
                told = resource.resource.attributes
                self.attributes = {each.key: each.value.string_value for each in told}
                self.spans += [s for scope in resource.scope_spans for s in scope.spans]


@contextmanager
def collecting(collector: Collector) -> Iterator[str]:
    class Take(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            collector.take(self.path, self.rfile.read(int(self.headers["content-length"])))
            self.send_response(collector.status)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Take)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
