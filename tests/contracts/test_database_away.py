"""A database that is away, or busy, is told to callers as something to come again for; never as a bug."""

import json
import os
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import grpc
import psycopg
import pytest
from dunlin.mailer.v1 import mailer_pb2, mailer_pb2_grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from sqlalchemy import Connection, create_engine, make_url, text
from sqlalchemy.exc import SQLAlchemyError
from testcontainers.core.container import DockerContainer

from services.shared.database import Database
from services.shared.database_errors import DatabaseAway, DatabaseBusy, database_refusal, words_of
from services.shared.grpc_channel import open_channel
from services.shared.grpc_errors import refusal_of
from tests.servers import (
    LABEL,
    POSTGRES_IMAGE,
    TEST_RUN,
    PostgresServer,
    free_port,
    wait_until,
    why_no_containers,
)

TOKEN = "a token for the tests"
SOON = 30.0
REPOSITORY = Path(__file__).parents[2]


def refusal_for(work: Callable[[], object]) -> object:
    """The kind of refusal that an error of the database comes to."""
    with pytest.raises(SQLAlchemyError) as error:
        work()
    return type(database_refusal(error.value))


def with_options(url: str, options: str) -> str:
    return make_url(url).update_query_dict({"options": options}).render_as_string(hide_password=False)


@pytest.fixture
def url(postgres: PostgresServer) -> Iterator[str]:
    url = postgres.empty()
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE box (number int PRIMARY KEY, content int)")
        connection.execute("INSERT INTO box VALUES (1, 0), (2, 0)")
    yield url
    postgres.drop(url)


def change(connection: Connection, number: int) -> None:
    connection.execute(
        text("UPDATE box SET content = content + 1 WHERE number = :number"), {"number": number}
    )


@pytest.mark.postgresql
def test_a_statement_that_takes_too_long_is_refused_as_away(url: str) -> None:
    database = Database(with_options(url, "-c statement_timeout=100"))
    with pytest.raises(SQLAlchemyError) as error, database.write() as connection:
        connection.execute(text("SELECT pg_sleep(:seconds)"), {"seconds": 5})
    assert type(database_refusal(error.value)) is DatabaseAway
    assert "pg_sleep" not in words_of(error.value), "a log tells no statement and no values"
    database.dispose()


@pytest.mark.postgresql
def test_the_first_and_the_last_day_are_read_whatever_zone_the_server_is_in(url: str) -> None:
    days = [datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, tzinfo=UTC)]
    for zone in ("America/New_York", "Pacific/Auckland"):
        with psycopg.connect(url, autocommit=True) as connection:
            name = connection.info.dbname
            connection.execute(f"ALTER DATABASE {name} SET timezone = '{zone}'".encode())
        database = Database(with_options(url, "-c statement_timeout=1000"))
        with database.read() as connection:
            query = text("SELECT CAST(:first AS timestamptz), CAST(:last AS timestamptz)")
            assert list(connection.execute(query, {"first": days[0], "last": days[1]}).one()) == days
        database.dispose()


@pytest.mark.postgresql
def test_a_lock_that_is_not_given_back_in_time_is_refused_as_busy(url: str) -> None:
    patient, hasty = Database(url), Database(with_options(url, "-c lock_timeout=100"))

    def second() -> None:
        with hasty.write() as connection:
            change(connection, 1)

    with patient.write() as connection:
        change(connection, 1)
        assert refusal_for(second) is DatabaseBusy
    patient.dispose()
    hasty.dispose()


@pytest.mark.postgresql
def test_of_two_transactions_in_a_deadlock_one_is_refused_as_busy(url: str) -> None:
    database = Database(url)
    both = threading.Barrier(2)
    refusals: list[object] = []

    def crosswise(first: int, then: int) -> None:
        try:
            with database.write() as connection:
                change(connection, first)
                both.wait(SOON)
                change(connection, then)
        except SQLAlchemyError as error:
            refusals.append(type(database_refusal(error)))

    threads = [threading.Thread(target=crosswise, args=pair) for pair in ((1, 2), (2, 1))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SOON)
    assert refusals == [DatabaseBusy]
    database.dispose()


@pytest.mark.postgresql
def test_a_connection_that_the_server_ends_is_refused_as_away_and_the_next_one_works(url: str) -> None:
    database = Database(url)

    def be_cut_off() -> None:
        with database.write() as connection:
            connection.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))

    assert refusal_for(be_cut_off) is DatabaseAway
    with database.write() as connection:
        change(connection, 1)
    database.dispose()


@pytest.mark.postgresql
def test_a_mistake_of_ours_is_not_called_away(url: str) -> None:
    database = Database(url)

    def mistake() -> None:
        with database.write() as connection:
            connection.execute(text("SELECT nothing FROM nowhere"))

    assert refusal_for(mistake) is type(None)
    database.dispose()


def test_a_server_that_does_not_listen_is_refused_as_away() -> None:
    database = Database(f"postgresql://dunlin:x@127.0.0.1:{free_port()}/dunlin")
    assert refusal_for(database.ping) is DatabaseAway
    database.dispose()


def test_an_empty_pool_is_refused_as_away(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'a'}", pool_size=1, max_overflow=0, pool_timeout=0.1)
    with engine.connect():
        assert refusal_for(engine.connect) is DatabaseAway
    engine.dispose()


def test_a_sqlite_file_that_another_one_holds_is_refused_as_busy(tmp_path: Path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'a'}", connect_args={"timeout": 0.1})
    with engine.connect() as holder:
        holder.exec_driver_sql("BEGIN IMMEDIATE")

        def second() -> None:
            with engine.connect() as connection:
                connection.exec_driver_sql("BEGIN IMMEDIATE")

        assert refusal_for(second) is DatabaseBusy
    engine.dispose()


def test_a_sqlite_file_that_cannot_be_opened_is_refused_as_away(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'nowhere' / 'a'}")
    assert refusal_for(database.ping) is DatabaseAway


def test_a_database_that_was_never_migrated_is_not_called_well(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'a'}")
    with pytest.raises(SQLAlchemyError):
        database.ping()
    database.dispose()


# A service whose server is frozen, stopped, and started again


@dataclass
class Server:
    """A PostgreSQL of our own, to do bad things to."""

    url: str
    container: DockerContainer

    def freeze(self) -> None:
        self.container.get_wrapped_container().pause()

    def thaw(self) -> None:
        self.container.get_wrapped_container().unpause()

    def stop(self) -> None:
        self.container.get_wrapped_container().kill()

    def start(self) -> None:
        self.container.get_wrapped_container().start()


@pytest.fixture
def server() -> Iterator[Server]:
    if why := why_no_containers():
        if os.environ.get("CI") == "true":
            pytest.fail(f"{why}; in CI this test must run")
        pytest.skip(why)
    port = free_port()
    container = DockerContainer(POSTGRES_IMAGE).with_bind_ports(5432, port)
    container.with_env("POSTGRES_PASSWORD", "for-tests-only").with_env("POSTGRES_USER", "dunlin")
    container.with_kwargs(labels={LABEL: TEST_RUN})
    container.start()
    url = f"postgresql://dunlin:for-tests-only@127.0.0.1:{port}/dunlin"
    try:
        wait_until(lambda: psycopg.connect(url, connect_timeout=2).close(), psycopg.OperationalError)
        yield Server(url, container)
    finally:
        wrapped = container.get_wrapped_container()
        wrapped.reload()
        if wrapped.status == "paused":
            wrapped.unpause()
        container.stop()


@dataclass
class Mailer:
    """A mailer as a process of its own."""

    address: str
    probe: int
    said: Path

    def ready(self) -> dict[str, str]:
        """What is wrong; empty if nothing is."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.probe}/readyz", timeout=5) as answer:
                assert answer.status == 200
                return {}
        except urllib.error.HTTPError as error:
            with error:
                return dict(json.load(error)["wrong"])
        except OSError:
            return {"process": "does not answer"}

    def is_alive(self) -> bool:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.probe}/livez", timeout=5) as answer:
            return bool(answer.status == 200)

    def serves(self) -> bool:
        with grpc.insecure_channel(self.address) as channel:
            stub = health_pb2_grpc.HealthStub(channel)
            answer = stub.Check(health_pb2.HealthCheckRequest(), timeout=5)
            return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)

    def ask(self) -> str:
        """The reason that a call is refused for; empty if it is answered."""
        with open_channel(self.address, TOKEN, timeout=20) as channel:
            stub = mailer_pb2_grpc.MailerServiceStub(channel)
            try:
                stub.GetCompany(mailer_pb2.GetCompanyRequest())
            except grpc.RpcError as error:
                refusal = refusal_of(error)
                return refusal.reason if refusal else error.code().name
            return ""


@contextmanager
def running_mailer(url: str, folder: Path) -> Iterator[Mailer]:
    (folder / "token").write_text(TOKEN)
    port, probe = free_port(), free_port()
    env = {name: value for name, value in os.environ.items() if not name.startswith("DUNLIN_")} | {
        "PYTHONPATH": os.pathsep.join((str(REPOSITORY), str(REPOSITORY / "protos" / "gen"))),
        "DUNLIN_MAILER_DATABASE_URL": url,
        "DUNLIN_MAILER_LISTEN": f"127.0.0.1:{port}",
        "DUNLIN_SERVICE_TOKEN_FILE": str(folder / "token"),
        "DUNLIN_SCHEDULER_ADDRESS": "127.0.0.1:1",
        "DUNLIN_PUBLIC_URL": "http://127.0.0.1:8000",
        "DUNLIN_SMTP_HOST": "127.0.0.1",
        "DUNLIN_METRICS_LISTEN": f"127.0.0.1:{probe}",
    }
    command = [sys.executable, "-m", "services.mailer"]
    subprocess.run([*command, "migrate"], env=env, cwd=REPOSITORY, check=True, timeout=60)
    said = folder / "mailer.log"
    with said.open("w") as out:
        process = subprocess.Popen([*command, "serve"], env=env, cwd=REPOSITORY, stderr=out)
    try:
        yield Mailer(f"127.0.0.1:{port}", probe, said)
    finally:
        process.terminate()
        assert process.wait(SOON) == 0


def wait_for(condition: Callable[[], bool]) -> None:
    give_up = time.monotonic() + SOON
    while not condition():
        assert time.monotonic() < give_up
        threading.Event().wait(0.1)


@pytest.mark.postgresql
def test_a_service_tells_the_truth_while_its_database_is_frozen_dead_and_back(
    server: Server, tmp_path: Path
) -> None:
    with running_mailer(server.url, tmp_path) as mailer:
        wait_for(lambda: mailer.ready() == {})
        assert mailer.serves()
        assert mailer.ask() == ""

        server.freeze()
        wait_for(lambda: mailer.ready().get("database") == "does not answer within 1 s")
        wait_for(lambda: not mailer.serves())
        assert mailer.is_alive(), "a new start would not cure it"
        server.thaw()
        wait_for(lambda: mailer.ready() == {})
        wait_for(mailer.serves)

        server.stop()
        wait_for(lambda: "database" in mailer.ready())
        wait_for(lambda: not mailer.serves())
        assert mailer.ask() == "DATABASE_AWAY"
        server.start()
        wait_for(lambda: mailer.ready() == {})
        wait_for(mailer.serves)
        assert mailer.ask() == ""

        said = mailer.said.read_text()
        assert "for-tests-only" not in said, "no password in a log"
        assert "DATABASE_AWAY" in said
