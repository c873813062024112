"""`python -m gateway migrate | serve`: the web site as a process."""

import os
import signal
import sys
from types import FrameType

import structlog
from flask import Flask
from waitress import create_server

from gateway import identity
from gateway.app import create_app
from gateway.clients import connect
from gateway.imports.pages import MOST_BYTES
from gateway.settings import Settings
from gateway.site import health
from services.shared import tracing
from services.shared.database import Database
from services.shared.log import LEVELS, configure
from services.shared.probe_server import ProbeServer
from services.shared.server_urls import server_url
from services.shared.settings import SettingError, choice
from services.shared.vitals import Vitals

THREADS = 8
MOST_BUFFERED = 2 * MOST_BYTES
"""What is taken in of one request at all; up to there, a file that is too large gets a page that says so."""


def serve(settings: Settings) -> None:
    """Serves until SIGTERM or SIGINT; requests under way then have 5 seconds to finish."""
    database = Database(settings.identity_database_url)
    app = create_app(settings, connect(settings), database)
    vitals = Vitals({"database": database.ping})
    probing = _probe(settings.probe_listen, app, vitals) if settings.probe_listen else None
    server = create_server(
        app,
        listen=settings.listen,
        threads=THREADS,
        max_request_body_size=MOST_BUFFERED,
        ident=None,
        # A connection that says nothing is given up soon, and many of them leave room for others.
        connection_limit=1000,
        channel_timeout=20,
        cleanup_interval=5,
        clear_untrusted_proxy_headers=settings.trusted_proxies == 0,
    )

    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise SystemExit(0)

    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, stop)
    structlog.get_logger().info("serving", listen=settings.listen)
    vitals.start()
    if probing is not None:
        probing.start()
    try:
        server.run()
    finally:
        server.close()
        if probing is not None:
            probing.stop()
        vitals.stop()
        database.dispose()
        tracing.shut_down()


def _probe(listen: str, app: Flask, vitals: Vitals) -> ProbeServer:
    """Ready is a gateway whose own database and whose programs answer."""
    return ProbeServer(
        listen, alive=vitals.of_life, ready=lambda: {**health.programs_down(app), **vitals.of_readiness()}
    )


def main(arguments: list[str]) -> int:
    """Runs one role; returns the exit code: 2 for a wrong call or setting."""
    if arguments not in (["serve"], ["migrate"]):
        sys.stderr.write("usage: python -m gateway serve|migrate\n")
        return 2
    try:
        configure("gateway", choice(os.environ, "DUNLIN_LOG_LEVEL", "INFO", LEVELS))
        if arguments == ["migrate"]:
            identity.migrate(server_url(os.environ, "DUNLIN_IDENTITY_DATABASE_URL"))
        else:
            tracing.configure("gateway", os.environ)
            serve(Settings.read(os.environ))
    except SettingError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
