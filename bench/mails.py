"""20,000 notices rendered, signed, recorded and delivered, beside a bare SMTP loop and django-post_office.

Ours are the real programs on PostgreSQL: one `serve`, and `work` processes. A stub scheduler says yes to
every second look, a sink of the benchmark takes the mails of all. What counts stands in bench/README.md.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from dunlin.mailer.v1 import mailer_pb2, mailer_pb2_grpc
from sqlalchemy import text

from bench.figures import Figure, at_least
from bench.mails_scheduler import TOKEN, letter
from services.mailer import converters_letters
from services.mailer.__main__ import MIGRATIONS
from services.mailer.dkim import read_signer
from services.mailer.domain.letter import Letter
from services.mailer.domain.message import Claimed
from services.mailer.domain.templates import Key, chosen
from services.mailer.rendering import MailPress
from services.mailer.repository import SqlStore
from services.shared.database import Database
from services.shared.grpc_channel import open_channel
from services.shared.migrate import migrate
from tests.servers import PostgresServer, free_port

if TYPE_CHECKING:
    from bench.run import Scale

REPOSITORY = Path(__file__).parents[1]
PUBLIC_URL = "https://pay.example.test"
ROUNDS = 4
WORKERS = 2
CONNECTIONS = 8
"""Of each process; as many for everybody."""

PATIENCE = 600.0
Report = dict[str, Any]


@dataclass(frozen=True)
class Place:
    """What all rounds share."""

    sink: int
    questions: int
    scheduler: str
    env: dict[str, str]
    mail: Path


def run(scale: Scale) -> list[Figure]:
    """The figures."""
    mails = 1_000 if scale.quick else 5_000
    postgres = PostgresServer(scale.postgres_url)
    told: dict[str, list[Report]] = {}
    with ExitStack() as stack:
        stack.callback(postgres.close)
        place = stack.enter_context(_place())
        peer_env = _peer(place, postgres.empty())
        own, theirs = peer_env | {"PEER_SIGNER": "own"}, peer_env | {"PEER_SIGNER": "dkimpy"}
        contestants: dict[str, Callable[[], Report]] = {
            "ours": lambda: _ours(place, postgres.migrated(MIGRATIONS), mails),
            "bare": lambda: _bare(place, 4 * mails, WORKERS),
            "post_office": lambda: _post_office(place, own, mails // 2),
            "bare in one process": lambda: _bare(place, 4 * mails, 1),
            "post_office, unsigned": lambda: _post_office(place, peer_env, mails // 2),
            "post_office, dkimpy": lambda: _post_office(place, theirs, mails // 4),
            "sqlite": lambda: _on_sqlite(place, mails // 4),
        }
        for _ in range(1 if scale.quick else ROUNDS):
            for name, send in contestants.items():
                report = send()
                _say(name, report)
                told.setdefault(name, []).append(report)
    return _figures(told)


def _figures(told: dict[str, list[Report]]) -> list[Figure]:
    rate = {name: median(report["rate"] for report in reports) for name, reports in told.items()}
    busy = {name: median(report["busy"] for report in reports) for name, reports in told.items()}
    work = (
        f"{sum(report['mails'] for report in told['ours']):,} notices rendered, signed, recorded, delivered"
    )
    note = f"the sink was busy {busy['ours']:.0%} of one core with ours, {busy['bare']:.0%} with the loop"
    unit = "mails/s"
    bare = "a bare smtplib loop in as many processes, over as many connections"
    return [
        at_least(work, bare, unit, ours=rate["ours"], peer=rate["bare"], goal=0.4, note=note),
        _beside(work, "the same loop in one process", rate["ours"], rate["bare in one process"]),
        at_least(
            work,
            "django-post_office, signed by our signer",
            unit,
            ours=rate["ours"],
            peer=rate["post_office"],
            goal=5,
        ),
        _beside(work, "django-post_office, not signed", rate["ours"], rate["post_office, unsigned"]),
        _beside(work, "django-post_office, signed by dkimpy", rate["ours"], rate["post_office, dkimpy"]),
        _beside("the same on SQLite, all in one process", "the bare loop", rate["sqlite"], rate["bare"]),
        Figure(
            "mails in the sink that the history does not have as sent, or the other way round",
            "none",
            "mails",
            max(report["missing"] for report in told["ours"]),
            0,
            0,
            "0",
            all(report["missing"] == 0 for report in told["ours"]),
        ),
    ]


def _beside(work: str, beside: str, ours: float, peer: float) -> Figure:
    return Figure(work, beside, "mails/s", ours, peer, ours / peer, "for information", None)


@contextmanager
def _place() -> Iterator[Place]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        sink, questions = stack.enter_context(_program("bench/mails_sink.py")).split()
        scheduler = stack.enter_context(_program("bench/mails_scheduler.py"))
        key = rsa.generate_private_key(65537, 2048)
        (folder / "key").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        (folder / "token").write_text(TOKEN)
        env = os.environ | {
            "DUNLIN_SERVICE_TOKEN_FILE": str(folder / "token"),
            "DUNLIN_PORTAL_KEY_FILE": str(folder / "token"),
            "DUNLIN_SCHEDULER_ADDRESS": scheduler,
            "DUNLIN_PUBLIC_URL": PUBLIC_URL,
            "DUNLIN_SMTP_HOST": "127.0.0.1",
            "DUNLIN_SMTP_PORT": sink,
            "DUNLIN_SMTP_CONNECTIONS": str(CONNECTIONS),
            "DUNLIN_DKIM_KEY_FILE": str(folder / "key"),
            "DUNLIN_DKIM_SELECTOR": "s1",
            "DUNLIN_DKIM_DOMAIN": "example.test",
        }
        env.pop("DUNLIN_AMQP_URL", None)
        (folder / "mail").write_bytes(_prebuilt(folder, env))
        yield Place(int(sink), int(questions), scheduler, env, folder / "mail")


def _prebuilt(folder: Path, env: dict[str, str]) -> bytes:
    """One of our own mails."""
    url = f"sqlite:///{folder}/prebuilt.sqlite"
    migrate(url, MIGRATIONS)
    with SqlStore(Database(url)).read() as work:
        templates, company = work.templates.newest(), work.company.profile()
    verdict = converters_letters.verdict(_review(letter(7)))
    assert isinstance(verdict, Letter)
    at = datetime.now(UTC)
    press = MailPress(PUBLIC_URL, read_signer(env))
    message = Claimed(1, "n-7", "<n-7@example.test>", "", at)
    return press.write(verdict, chosen(templates, Key(verdict.type), "en"), company, message, at).mime


def _review(content: Any) -> Any:
    from dunlin.scheduler.v1 import scheduler_pb2

    return scheduler_pb2.Review(notice_id="n-7", letter=content)


def _ours(place: Place, url: str, mails: int) -> Report:
    return _mailed(place, url, mails, ["serve"], [["work"]] * WORKERS)


def _on_sqlite(place: Place, mails: int) -> Report:
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/mailer.sqlite"
        migrate(url, MIGRATIONS)
        return _mailed(place, url, mails, ["serve"], [["work"]])


def _mailed(place: Place, url: str, mails: int, first: list[str], workers: Sequence[list[str]]) -> Report:
    """Accepts all, then lets the workers begin, and waits until each is recorded as sent."""
    listen = f"127.0.0.1:{free_port()}"
    env = place.env | {"DUNLIN_MAILER_DATABASE_URL": url, "DUNLIN_MAILER_LISTEN": listen}
    database = Database(url)
    _ask(place, "reset")
    with ExitStack() as stack:
        stack.callback(database.dispose)
        stack.enter_context(_mailer(env, first))
        began = time.monotonic()
        _accept(listen, mails)
        accepted = mails / (time.monotonic() - began)
        for roles in workers:
            stack.enter_context(_mailer(env, roles))
        _until(lambda: _sent(database) == mails)
        report = _ask(place, "report")
        with database.read() as connection:
            events = connection.execute(
                text("SELECT count(*) FROM message_events WHERE kind = 'sent'")
            ).scalar_one()
            bodies = connection.execute(text("SELECT count(*) FROM message_bodies")).scalar_one()
            facts = connection.execute(text("SELECT count(*) FROM outbox")).scalar_one()
    wanted = (report["mails"], report["distinct"], report["signed"], events, facts)
    missing = max(abs(mails - value) for value in wanted)
    return report | {"accepted": accepted, "missing": missing, "bodies": bodies}


def _accept(listen: str, mails: int) -> None:
    with open_channel(listen, TOKEN) as channel:
        stub = mailer_pb2_grpc.MailerServiceStub(channel)
        for start in range(0, mails, 500):
            batch = [
                mailer_pb2.MessageRequest(
                    notice_id=f"0194f2c0-0000-7000-8000-{n:012}",
                    organization_id=f"org-{n}",
                    invoice_number=f"INV-{n:06}",
                )
                for n in range(start, min(start + 500, mails))
            ]
            stub.AcceptMessages(
                mailer_pb2.AcceptMessagesRequest(messages=batch), wait_for_ready=True, timeout=60
            )


def _bare(place: Place, mails: int, processes: int) -> Report:
    _ask(place, "reset")
    connections = WORKERS * CONNECTIONS // processes
    arguments = [str(place.sink), str(connections), str(mails // processes), str(place.mail)]
    running = [_start("bench/mails_bare.py", *arguments) for _ in range(processes)]
    for process in running:
        if process.wait(PATIENCE):
            raise RuntimeError("the bare loop failed")
    return _ask(place, "report")


def _peer(place: Place, url: str) -> dict[str, str]:
    env = place.env | {"PEER_DATABASE_URL": url, "PEER_SMTP_PORT": str(place.sink)}
    subprocess.run(_command("bench/peer_post_office.py", "migrate"), env=env, check=True)
    return env


def _post_office(place: Place, env: dict[str, str], mails: int) -> Report:
    program = "bench/peer_post_office.py"
    subprocess.run(_command(program, "queue", str(place.mail), str(mails)), env=env, check=True)
    _ask(place, "reset")
    send = _command(program, "send", str(WORKERS), str(CONNECTIONS))
    subprocess.run(send, env=env, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    report = _ask(place, "report")
    if report["distinct"] != mails:
        raise RuntimeError(f"django-post_office sent {report['distinct']} of {mails} mails")
    return report


def _sent(database: Database) -> int:
    with database.read() as connection:
        query = text("SELECT count(*) FROM messages WHERE due_at IS NULL AND state = 'sent'")
        return int(connection.execute(query).scalar_one())


def _command(program: str, *arguments: str) -> list[str]:
    return [sys.executable, str(REPOSITORY / program), *arguments]


def _start(program: str, *arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(_command(program, *arguments))


@contextmanager
def _program(program: str) -> Iterator[str]:
    """A program that prints a line and serves until its input ends; gives the line."""
    process = subprocess.Popen(
        _command(program), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip()
    finally:
        process.stdin.close()
        process.wait(120)


@contextmanager
def _mailer(env: dict[str, str], roles: list[str]) -> Iterator[None]:
    command = [sys.executable, "-m", "services.mailer", *roles]
    process = subprocess.Popen(
        command, env=env, cwd=REPOSITORY, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        yield
    finally:
        process.terminate()
        process.wait(120)


def _ask(place: Place, question: str) -> Report:
    with socket.create_connection(("127.0.0.1", place.questions), timeout=30) as connection:
        connection.sendall(question.encode() + b"\n")
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
    report: Report = json.loads(answer)
    return report


def _until(condition: Any) -> None:
    give_up = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > give_up:
            raise TimeoutError("not all mails were sent in time")
        time.sleep(0.25)


def _say(name: str, report: Report) -> None:
    sys.stdout.write(f"  {name}: {json.dumps({key: round(value, 2) for key, value in report.items()})}\n")
    sys.stdout.flush()
