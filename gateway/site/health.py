"""/healthz: whether every program answers. Names programs and nothing else."""

import socket
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import cast

import grpc
from flask import Blueprint, Flask, current_app, jsonify
from flask.typing import ResponseReturnValue
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub

from gateway.clients import Clients
from gateway.settings import Settings
from gateway.site.security import limiter, public

EXTENSION = "dunlin_health"
SMTP = "smtp"
PATIENCE_SECONDS = 2.0
WELL_SECONDS = 2.0
"""How long it counts that every program has answered."""
DOWN_SECONDS = 0.5
"""How long it counts that one has not; shorter, since a start waits for the change."""

Checks = Mapping[str, Callable[[], bool]]
"""By program: whether it answers."""

blueprint = Blueprint("health", __name__)


def _serves(stub: HealthStub) -> bool:
    try:
        # The package's type stubs name no methods.
        answer = stub.Check(HealthCheckRequest(), timeout=PATIENCE_SECONDS)  # type: ignore[attr-defined]
    except grpc.RpcError:
        return False
    return bool(answer.status == HealthCheckResponse.SERVING)


def _listens(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=PATIENCE_SECONDS).close()
    except OSError:
        return False
    return True


class HealthWatch:
    """Asks the programs, and keeps the answer for a moment: everybody may ask us, and as often as they like.

    One check runs at a time. Who comes meanwhile gets the answer before it; the very first ones wait.
    """

    def __init__(self, checks: Checks, now: Callable[[], float] = time.monotonic) -> None:
        self._checks = checks
        self._now = now
        self._checking = threading.Lock()
        self._last: tuple[float, tuple[str, ...]] | None = None

    def down(self) -> tuple[str, ...]:
        """The programs that do not answer, by name in order; from any thread."""
        before = self._last
        if not self._checking.acquire(blocking=before is None):
            assert before is not None  # noqa: S101 - without an answer it waits
            return before[1]
        try:
            last = self._last
            if last is None or self._now() >= last[0]:
                down = self._ask()
                last = self._last = (self._now() + (DOWN_SECONDS if down else WELL_SECONDS), down)
            return last[1]
        finally:
            self._checking.release()

    def _ask(self) -> tuple[str, ...]:
        checks = self._checks
        with ThreadPoolExecutor(max_workers=len(checks) or 1) as pool:
            answers = dict(zip(checks, pool.map(lambda check: check(), checks.values()), strict=True))
        return tuple(sorted(name for name, answers_well in answers.items() if not answers_well))


@blueprint.get("/healthz")
@limiter.exempt
@public
def healthz() -> ResponseReturnValue:
    """200 once every program answers, else 503 and the names of those that do not."""
    down = cast(HealthWatch, current_app.extensions[EXTENSION]).down()
    if down:
        return jsonify(status="unavailable", down=down), 503
    return jsonify(status="ok")


def programs_down(app: Flask) -> dict[str, str]:
    """The programs that pages need and that do not answer, in words; the mail server is not among them."""
    down = cast(HealthWatch, app.extensions[EXTENSION]).down()
    return {name: "does not answer" for name in down if name != SMTP}


def init_app(app: Flask, settings: Settings, clients: Clients) -> None:
    """Registers the page and tells it which programs and which mail server to watch."""
    checks: dict[str, Callable[[], bool]] = {
        name: partial(_serves, stub) for name, stub in clients.health.items()
    }
    if settings.smtp_host:
        checks[SMTP] = partial(_listens, settings.smtp_host, settings.smtp_port)
    app.extensions[EXTENSION] = HealthWatch(checks)
    app.register_blueprint(blueprint)
