"""A program that a supervisor can run: answers /healthz, and misbehaves as its last argument says."""

import signal
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class _Health(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


def _main(port: int, mode: str) -> None:
    if mode == "refuses to start":
        sys.exit("the setting of everything is missing")
    server = ThreadingHTTPServer(("127.0.0.1", port), _Health)
    stop = threading.Event()
    if mode == "ignores requests to stop":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    else:
        signal.signal(signal.SIGTERM, lambda *_: stop.set())
    threading.Thread(target=server.serve_forever, daemon=True).start()
    stop.wait()
    server.server_close()


_main(int(sys.argv[1]), sys.argv[2])
