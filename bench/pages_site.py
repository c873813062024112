"""A company's programs as processes of their own, and somebody with a session at its site."""

from __future__ import annotations

import http.client
import os
import re
import secrets
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import psycopg

from bench.run import REPOSITORY
from embedded.child import leashed
from embedded.ports import free_ports

SERVICES = ("paynow", "mailer", "scheduler")
START_SECONDS = 60.0
FORECAST_SECONDS = 900.0


@dataclass(frozen=True)
class Answer:
    """What a page answered, and how long that took, in milliseconds."""

    status: int
    location: str
    text: str
    ms: float

    def token(self) -> str:
        """The form token in it."""
        found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', self.text)
        return found[1] if found else ""

    def next_page(self) -> str:
        """Where "Next page" leads; empty on the last one."""
        found = re.search(r'rel="next" href="([^"]+)"', self.text)
        return found[1].replace("&amp;", "&") if found else ""


class Visitor:
    """One browser: a connection that stays open, and its cookies."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        self._cookies: dict[str, str] = {}
        self._calls = 0

    def get(self, path: str) -> Answer:
        """The page."""
        return self._ask("GET", path, None)

    def post(self, path: str, fields: Mapping[str, str]) -> Answer:
        """The answer to a form."""
        return self._ask("POST", path, urlencode(fields))

    def _ask(self, method: str, path: str, body: str | None) -> Answer:
        self._calls += 1
        headers = {
            "Cookie": "; ".join(f"{name}={value}" for name, value in self._cookies.items()),
            # Rate limits count visitors; each call comes from another one.
            "X-Forwarded-For": str(ip_address("10.0.0.0") + self._calls),
        }
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        began = time.perf_counter()
        self._connection.request(method, path, body, headers)
        answer = self._connection.getresponse()
        text = answer.read().decode("utf-8", "replace")
        ms = (time.perf_counter() - began) * 1000
        for cookie in answer.headers.get_all("Set-Cookie") or ():
            name, _, value = cookie.partition(";")[0].partition("=")
            self._cookies[name] = value
        parts = urlsplit(answer.headers.get("Location", ""))
        location = parts.path + (f"?{parts.query}" if parts.query else "")
        return Answer(answer.status, location, text, ms)

    def sign_in(self, email: str, password: str) -> None:
        """Begins a session."""
        form = {"csrf_token": self.get("/login").token(), "email": email, "password": password, "next": ""}
        answer = self.post("/login", form)
        assert answer.status == 303, f"no login: {answer.status}"

    def close(self) -> None:
        self._connection.close()


@dataclass(frozen=True)
class RunningSite:
    """The port of a company's site, and its key of Pay links."""

    port: int
    link_key: str


@contextmanager
def running_site(folder: Path, urls: Mapping[str, str]) -> Iterator[RunningSite]:
    """`serve` of the services and of the gateway, over these databases.

    The scheduler works until it has counted its forecast, and nothing works in the background then.
    """
    folder.mkdir(parents=True)
    keys = {
        name: secrets.token_urlsafe(32) for name in ("service-token", "session-key", "link-key", "portal-key")
    }
    for name, key in keys.items():
        (folder / name).write_text(key)
    ports = free_ports((*SERVICES, "gateway"))
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("DUNLIN_")}
    env = {
        **inherited,
        "PYTHONPATH": os.pathsep.join((str(REPOSITORY), str(REPOSITORY / "protos" / "gen"))),
        "DUNLIN_SERVICE_TOKEN_FILE": str(folder / "service-token"),
        "DUNLIN_SESSION_KEY_FILE": str(folder / "session-key"),
        "DUNLIN_LINK_KEY_FILE": str(folder / "link-key"),
        "DUNLIN_PORTAL_KEY_FILE": str(folder / "portal-key"),
        "DUNLIN_TRUSTED_PROXIES": "1",
        "DUNLIN_PLAINTEXT": "allowed",
        "DUNLIN_PUBLIC_URL": f"http://127.0.0.1:{ports['gateway']}",
        "DUNLIN_GATEWAY_LISTEN": f"127.0.0.1:{ports['gateway']}",
        "DUNLIN_SMTP_HOST": "127.0.0.1",
        "DUNLIN_SMTP_PORT": "9",
        **{f"DUNLIN_{name.upper()}_DATABASE_URL": url for name, url in urls.items()},
        **{f"DUNLIN_{name.upper()}_LISTEN": f"127.0.0.1:{ports[name]}" for name in SERVICES},
        **{f"DUNLIN_{name.upper()}_ADDRESS": f"127.0.0.1:{ports[name]}" for name in SERVICES},
    }
    env.pop("DUNLIN_AMQP_URL", None)
    with ExitStack() as running:
        for module in (*(f"services.{name}" for name in SERVICES), "gateway"):
            running.enter_context(_process(module, "serve", folder, env))
        with _process("services.scheduler", "work", folder, env):
            _wait(ports["gateway"], folder)
            _wait_for_forecast(urls["scheduler"])
        yield RunningSite(ports["gateway"], keys["link-key"])


@contextmanager
def _process(module: str, role: str, folder: Path, env: Mapping[str, str]) -> Iterator[None]:
    with (folder / f"{module}-{role}.log").open("wb") as log:
        process = subprocess.Popen(
            leashed(("-m", module, role)), env=dict(env), cwd=REPOSITORY, stdout=log, stderr=log
        )
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_for_forecast(url: str) -> None:
    deadline = time.monotonic() + FORECAST_SECONDS
    with psycopg.connect(url, autocommit=True) as connection:
        while connection.execute("SELECT 1 FROM forecasts WHERE invoices > 0").fetchone() is None:
            if time.monotonic() > deadline:
                raise RuntimeError("the scheduler does not count its forecast")
            time.sleep(0.5)


def _wait(port: int, folder: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        visitor = Visitor(port)
        try:
            # Knows the company's name only once the mailer answers, and the invoice only once paynow does.
            if visitor.get("/pay/x").status == http.HTTPStatus.NOT_FOUND:
                return
        except OSError:
            pass
        finally:
            visitor.close()
        if time.monotonic() > deadline:
            logs = "\n".join(f"{log.name}: {log.read_text()[-2000:]}" for log in folder.glob("*.log"))
            raise RuntimeError(f"the site does not come up:\n{logs}")
        time.sleep(0.2)
