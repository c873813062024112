"""What each process tells about itself over HTTP: `/metrics`, `/livez`, `/readyz`; nothing that is secret.

For those who watch over the process, so not for the world: DUNLIN_METRICS_LISTEN says where, and without it
there is none. Knows no gRPC, so that it also serves in the process that listens to the broker.
"""

import json
import socket
import threading
from collections.abc import Callable, Iterable, Mapping
from socketserver import TCPServer, ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

import structlog
from prometheus_client import REGISTRY, CollectorRegistry, make_wsgi_app
from prometheus_client.registry import Collector

from services.shared.probe import split_address
from services.shared.settings import SettingWrong

log = structlog.get_logger()

NAME = "DUNLIN_METRICS_LISTEN"

REQUEST_SECONDS = 5.0
"""A connection that says nothing for so long is closed."""

POLL_SECONDS = 0.1
"""How soon the end is noticed."""

Troubles = Callable[[], Mapping[str, str]]
"""What is wrong, in words by the name of the part; empty if all is well. Must answer at once."""


class ProbeServer:
    """Serves in threads of its own from `start` to `stop`."""

    def __init__(
        self, listen: str, *, alive: Troubles, ready: Troubles, collectors: Iterable[Collector] = ()
    ) -> None:
        """`alive`: what only a new start can cure. `ready`: what keeps it from its work at the moment.

        `collectors` are asked at each scrape, beside what the process has counted.
        """
        registry = CollectorRegistry()
        registry.register(REGISTRY)
        for collector in collectors:
            registry.register(collector)
        app = _app({"/livez": alive, "/readyz": ready}, make_wsgi_app(registry))
        try:
            host, port = split_address(listen)
        except ValueError:
            raise SettingWrong(f"{NAME} is {listen!r}; it must be host:port.") from None
        kind = _ServerV6 if ":" in host else _Server
        try:
            self._server = kind((host, port), _Handler)
        except OSError as error:
            raise SettingWrong(f"{NAME} is {listen!r}, where nothing can listen: {error.strerror}.") from None
        self._server.set_app(app)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(POLL_SECONDS,), name="probe", daemon=True
        )

    @property
    def port(self) -> int:
        """The real port, if 0 was asked for."""
        return int(self._server.server_port)

    def start(self) -> None:
        """Begins to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Ends; safe also where it has not begun."""
        if self._thread.is_alive():
            self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True

    def server_bind(self) -> None:
        # Not the base class's way, which asks the DNS for the machine's name; that may take long.
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])
        self.setup_environ()

    def handle_error(self, request: object, client_address: object) -> None:
        """Whoever asked has gone away or said nothing; that is theirs."""
        log.debug("probe not answered", exc_info=True)


class _ServerV6(_Server):
    address_family = socket.AF_INET6


class _Handler(WSGIRequestHandler):
    timeout = REQUEST_SECONDS

    def log_message(self, format: str, *args: object) -> None:
        """Is asked every few seconds, which is not worth a line."""


def _app(pages: Mapping[str, Troubles], metrics: Any) -> Any:
    def answer(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if path == "/metrics":
            return list(metrics(environ, start_response))
        troubles = pages.get(path)
        if troubles is None:
            return _json(start_response, "404 Not Found", {"pages": ["/metrics", *pages]})
        wrong = dict(troubles())
        if wrong:
            return _json(start_response, "503 Service Unavailable", {"status": "unavailable", "wrong": wrong})
        return _json(start_response, "200 OK", {"status": "ok"})

    return answer


def _json(start_response: Any, status: str, content: object) -> list[bytes]:
    body = json.dumps(content).encode() + b"\n"
    headers = [("Content-Type", "application/json"), ("Cache-Control", "no-store")]
    start_response(status, [*headers, ("Content-Length", str(len(body)))])
    return [body]
