"""The distributed way as real processes on this machine: any number of each role, killed at will.

The fleet's supervisor starts whatever ends again at once. PostgreSQL and RabbitMQ are servers of the test's
own; the mail server and the payment provider's books stand for the outside world.
"""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import cached_property
from pathlib import Path

import grpc
import psycopg
from dunlin.operations.v1 import operations_pb2
from psycopg import sql

from embedded.child import leashed
from embedded.migrate import Migration, migrate_all
from gateway.clients import Clients, over
from services.shared.grpc_channel import open_channel
from tests.e2e.acts import wait_until
from tests.e2e.company import REPOSITORY, pause
from tests.faults.fleet_plan import (
    DATABASES,
    LINES,
    PROGRAMS,
    SERVICES,
    Doomed,
    Process,
    on_line,
    settings,
)
from tests.faults.mail_server import MailServer, mail_server
from tests.faults.own_servers import OwnServer, own_rabbitmq
from tests.faults.tcp_proxy import TcpProxy
from tests.servers import free_port


class Fleet:
    """Programs, databases and lines of one test. Made by `running_fleet`."""

    def __init__(
        self,
        root: Path,
        postgres: OwnServer,
        broker: OwnServer,
        mail: MailServer,
        *,
        lines: Collection[str],
    ) -> None:
        self.root = root
        self.postgres = postgres
        self.broker = broker
        self.mail = mail
        self.killed: Counter[str] = Counter()
        self.lines: dict[str, TcpProxy] = {}
        self._doom: Doomed | None = None
        self._resting: frozenset[str] = frozenset()
        self._asked_for = lines
        self._stopping = threading.Event()
        self._guard = threading.RLock()
        self._channels: list[grpc.Channel] = []
        self._ports = {name: free_port() for name in (*SERVICES, "gateway")}
        (root / "logs").mkdir(parents=True)
        self._urls = self._databases()
        self._env = self._settings()
        self.processes = {
            name: Process(name, words, self._env_of(name), root / "logs" / f"{name}.log")
            for name, words in PROGRAMS.items()
        }
        self._supervisor = threading.Thread(target=self._supervise, name="supervisor", daemon=True)

    # Starting and stopping

    def start(self) -> None:
        """Migrates, starts everything, returns once all that serve do so."""
        owners = [*(f"services.{name}" for name in SERVICES), "gateway"]
        migrate_all([Migration(one, ("-m", one, "migrate"), self._env) for one in owners], lambda _: None)
        self._supervisor.start()
        wait_until(self._all_listen, what="every program listens", seconds=90)

    def close(self) -> None:
        """Ends everything."""
        self._stopping.set()
        if self._supervisor.is_alive():
            self._supervisor.join(10)
        for process in self.processes.values():
            if process.running is not None:
                with suppress(ProcessLookupError):
                    os.killpg(process.running.pid, signal.SIGKILL)
                process.running.wait(10)
        for channel in self._channels:
            channel.close()
        for line in self.lines.values():
            line.close()

    def doom(self, doomed: Doomed | None) -> None:
        """From now on whatever starts is to die at exact points, or no longer; what runs stays as it is."""
        with self._guard:
            self._doom = doomed

    def restart(self, *names: str, resting: Collection[str] = ()) -> None:
        """Ends programs (all, if none is named) as an update does; returns once they have started anew.

        Those `resting` are ended and stay so until the next restart.
        """
        with self._guard:
            self._resting = frozenset(resting)
            ended = [self.processes[name] for name in {*(names or self.processes), *resting}]
            begun = {process.name: process.starts for process in ended if process.name not in resting}
            for process in ended:
                if process.running is not None:
                    process.running.terminate()

        def is_done() -> bool:
            up = all(self.processes[name].starts > starts for name, starts in begun.items())
            return up and not any(self.processes[name].running for name in resting) and self._all_listen()

        wait_until(is_done, what="the programs have started anew", seconds=90)

    # Harm

    def kill(self, name: str) -> bool:
        """kill -9 for one program, which starts again at once; whether it was alive."""
        with self._guard:
            running = self.processes[name].running
            if running is None or running.poll() is not None:
                return False
            running.kill()
            self.killed[name] += 1
            return True

    @contextmanager
    def frozen(self, *names: str) -> Iterator[None]:
        """Stops programs in their tracks for the time of the block."""
        pids = [process.pid for name in names if (process := self.processes[name].running)]
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in pids:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)

    # Asking

    @cached_property
    def clients(self) -> Clients:
        """Stubs for all services, as a gateway has them; past the bad lines."""
        token = (self.root / "service-token").read_text().strip()
        channels = {name: open_channel(f"127.0.0.1:{self._ports[name]}", token) for name in SERVICES}
        self._channels += channels.values()
        return over(channels)

    @property
    def site(self) -> str:
        """The site's address."""
        return f"http://127.0.0.1:{self._ports['gateway']}"

    def url(self, database: str) -> str:
        """The URL of one of the DATABASES, past the bad lines."""
        return self._urls[database]

    def query(self, database: str, statement: str) -> list[tuple[object, ...]]:
        """Rows of a database, behind everybody's back."""
        with psycopg.connect(self._urls[database], autocommit=True, connect_timeout=10) as connection:
            return connection.execute(statement.encode()).fetchall()

    def is_idle(self) -> bool:
        """Whether two looks in a row show no work, no open payment, and nothing that happened in between."""
        try:
            first = self._backlogs()
            (open_payments,) = self.query("paynow", "SELECT count(*) FROM payments WHERE ended_at IS NULL")[0]
            pause(0.3)
            second = self._backlogs()
        except (grpc.RpcError, psycopg.Error):
            return False
        nothing_left = all(not any(backlog[:3]) for backlog in second.values())
        return nothing_left and open_payments == 0 and first == second

    def story(self, lines: int = 15) -> str:
        """The last words of each program."""
        parts = []
        for process in self.processes.values():
            last = (
                process.log.read_text(errors="replace").splitlines()[-lines:] if process.log.exists() else []
            )
            parts.append(
                "\n".join([f"--- {process.name}: {process.starts} starts, ends {dict(process.ends)}", *last])
            )
        return "\n".join(parts)

    # Within

    def _backlogs(self) -> dict[str, tuple[int, int, int, int]]:
        request = operations_pb2.GetBacklogRequest()
        looks = {name: stub.GetBacklog(request) for name, stub in self.clients.operations.items()}
        return {name: (b.outbox, b.inbox, b.queue, b.activity) for name, b in looks.items()}

    def _databases(self) -> dict[str, str]:
        urls = {}
        with psycopg.connect(self.postgres.url, autocommit=True, connect_timeout=10) as connection:
            for name in DATABASES:
                made = f"{name}_{secrets.token_hex(4)}"
                connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(made)))
                urls[name] = f"{self.postgres.url.rpartition('/')[0]}/{made}"
        return urls

    def _settings(self) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("DUNLIN_")}
        inherited["PYTHONPATH"] = os.pathsep.join((str(REPOSITORY), str(REPOSITORY / "protos" / "gen")))
        return inherited | settings(self.root, self._ports, self._urls, self.broker.url, self.mail.port)

    def _env_of(self, name: str) -> dict[str, str]:
        """The settings of one program, with the lines that were asked for in them."""
        env = dict(self._env)
        for line in self._asked_for:
            setting = LINES[line][1]
            if on_line(line, name):
                env[setting] = self._through(line, env[setting])
        return env

    def _through(self, line: str, setting: str) -> str:
        """The setting with the line's proxy in the place of the server."""
        head, _, place = setting.rpartition("@")
        server, slash, path = place.partition("/")
        host, _, port = server.rpartition(":")
        if line not in self.lines:
            self.lines[line] = TcpProxy(host or "127.0.0.1", int(port))
        address = self.lines[line].address if host else str(self.lines[line].port)
        return f"{head}{'@' if head else ''}{address}{slash}{path}"

    def _supervise(self) -> None:
        while not self._stopping.wait(0.02):
            for process in self.processes.values():
                with self._guard:
                    self._look_after(process)

    def _look_after(self, process: Process) -> None:
        now = time.monotonic()
        if process.running is not None:
            code = process.running.poll()
            if code is None:
                return
            process.ends[code] += 1
            process.running = None
        if process.name in self._resting:
            return
        # What cannot run at all, because its database is away, is not started again and again in a hot loop.
        if process.starts and now - process.started_at < 0.5:
            return
        words = self._doom.command(process.name, process.words) if self._doom else ("-m", *process.words)
        with process.log.open("ab") as out:
            process.running = subprocess.Popen(
                leashed(words),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                env=process.env,
                cwd=REPOSITORY,
                start_new_session=True,
            )
        process.started_at = now
        process.starts += 1

    def _all_listen(self) -> bool:
        for port in self._ports.values():
            try:
                socket.create_connection(("127.0.0.1", port), timeout=0.5).close()
            except OSError:
                return False
        return True


@contextmanager
def running_fleet(root: Path, postgres: OwnServer, lines: Collection[str] = ()) -> Iterator[Fleet]:
    """A fleet for the time of the block, ready, with a bad network laid into these of the LINES.

    Its mail server and its broker are its own: two fleets at one broker would take each other's facts.
    """
    with ExitStack() as stack:
        mail = stack.enter_context(mail_server(root / "accepted.jsonl"))
        broker = stack.enter_context(own_rabbitmq())
        fleet = Fleet(root / "home", postgres, broker, mail, lines=lines)
        stack.callback(fleet.close)
        fleet.start()
        yield fleet
