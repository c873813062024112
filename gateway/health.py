"""/healthz: whether every program answers. Names programs and nothing else."""

import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import grpc
from flask import Blueprint, Flask, current_app, jsonify
from flask.typing import ResponseReturnValue
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub

from gateway.clients import clients
from gateway.security import limiter, public
from gateway.settings import Settings

EXTENSION = "dunlin_smtp"
PATIENCE_SECONDS = 2.0

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


@blueprint.get("/healthz")
@limiter.exempt
@public
def healthz() -> ResponseReturnValue:
    """200 once every program answers, else 503 and the names of those that do not."""
    checks: dict[str, Callable[[], bool]] = {
        name: partial(_serves, stub) for name, stub in clients().health.items()
    }
    host, port = current_app.extensions[EXTENSION]
    if host:
        checks["smtp"] = partial(_listens, host, port)
    with ThreadPoolExecutor(max_workers=len(checks) or 1) as pool:
        answers = dict(zip(checks, pool.map(lambda check: check(), checks.values()), strict=True))
    down = sorted(name for name, answers_well in answers.items() if not answers_well)
    if down:
        return jsonify(status="unavailable", down=down), 503
    return jsonify(status="ok")


def init_app(app: Flask, settings: Settings) -> None:
    """Registers the page and tells it which mail server to watch."""
    app.extensions[EXTENSION] = (settings.smtp_host, settings.smtp_port)
    app.register_blueprint(blueprint)
