"""Staff, sessions and jobs keep their promises on both databases, for several gateways at once."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from argon2 import PasswordHasher
from flask import Flask
from google.protobuf.message import Message
from sqlalchemy import delete, select, text, update
from sqlalchemy.exc import SQLAlchemyError

from gateway import identity
from gateway.identity import tables
from gateway.site import jobs
from gateway.site.jobs import CUT_SHORT, DONE, FAILED, RUNNING, JobLog, JobOver
from services.shared.database import Database, UtcDateTime
from services.shared.errors import Invalid
from tests.fakes.gateway_clients import FakeServices, a_story
from tests.fakes.gateway_visitor import Visitor, a_site
from tests.servers import DATABASES, MigratedUrl

PASSWORD, OTHER = "correct horse battery staple", "another fine password"
EMAIL = "staff@harbor.example"


@pytest.fixture(params=DATABASES)
def url(request: pytest.FixtureRequest, migrated_url: MigratedUrl) -> str:
    return migrated_url(request.param, identity.MIGRATIONS)


@pytest.fixture
def gateways(url: str) -> Iterator[tuple[Database, Database]]:
    """The same database as two gateways have it."""
    databases = Database(url), Database(url)
    yield databases
    for database in databases:
        database.dispose()


@pytest.fixture
def database(gateways: tuple[Database, Database]) -> Database:
    return gateways[0]


def at_once(*acts: Callable[[], Any]) -> list[Any]:
    """What the acts return or raise, begun in the same moment."""
    barrier = threading.Barrier(len(acts))

    def do(act: Callable[[], Any]) -> Any:
        barrier.wait(10)
        try:
            return act()
        except Exception as error:
            return error

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(do, acts))


def add(database: Database, email: str = EMAIL, password: str = PASSWORD) -> identity.Staff:
    return identity.add_staff(database, email, password, "Robin Staff")


def test_an_account_is_found_by_its_password_in_any_case_of_its_address(database: Database) -> None:
    added = add(database)
    assert identity.count_staff(database) == 1
    assert identity.check_password(database, " Staff@Harbor.EXAMPLE ", PASSWORD) == added
    assert identity.check_password(database, EMAIL, OTHER) is None
    assert identity.check_password(database, "nobody@harbor.example", PASSWORD) is None
    assert identity.find_staff(database, added.staff_id) == added
    assert identity.find_staff(database, added.staff_id + 1) is None


def test_a_null_byte_in_an_address_is_an_unknown_address(database: Database) -> None:
    add(database)
    assert identity.check_password(database, f"{EMAIL}\0", PASSWORD) is None


def test_one_address_gets_one_account_however_many_ask_at_once(
    gateways: tuple[Database, Database],
) -> None:
    first, second = gateways
    outcomes = at_once(*(lambda database=database: add(database) for database in (first, second) * 2))
    assert sum(isinstance(outcome, identity.Staff) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, identity.StaffExists) for outcome in outcomes) == 3
    assert identity.count_staff(first) == 1


def test_a_new_password_replaces_the_old_one_and_ends_the_sessions(database: Database) -> None:
    added = add(database)
    changed = identity.change_password(database, added.staff_id, PASSWORD, OTHER)
    assert changed.session_epoch == added.session_epoch + 1
    assert identity.check_password(database, EMAIL, PASSWORD) is None
    assert identity.check_password(database, EMAIL, OTHER) == changed
    with pytest.raises(Invalid, match="not your current password"):
        identity.change_password(database, added.staff_id, PASSWORD, OTHER)


def test_of_two_changes_of_one_password_at_once_one_holds_and_the_other_is_refused(
    gateways: tuple[Database, Database],
) -> None:
    first, second = gateways
    staff_id = add(first).staff_id
    outcomes = at_once(
        lambda: identity.change_password(first, staff_id, PASSWORD, "the first password"),
        lambda: identity.change_password(second, staff_id, PASSWORD, "the second password"),
    )
    refused = [isinstance(outcome, Exception) for outcome in outcomes]
    assert sorted(refused) == [False, True]
    held, lost = ("the second password", "the first password") if refused[0] else (
        "the first password", "the second password",
    )  # fmt: skip
    assert identity.check_password(first, EMAIL, held) is not None
    assert identity.check_password(first, EMAIL, lost) is None


def test_a_stronger_hash_never_brings_a_changed_password_back(database: Database) -> None:
    """A login makes old hashes stronger; the password may be changed while it computes."""
    staff_id = add(database).staff_id
    weak = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
    with database.write() as connection:
        connection.execute(update(tables.staff).values(password_hash=weak))
        seen = connection.execute(select(tables.staff)).one()
    identity.change_password(database, staff_id, PASSWORD, OTHER)
    with database.write() as connection:
        assert not identity.repository._store_if(connection, seen, password_hash=weak)
    assert identity.check_password(database, EMAIL, OTHER) is not None


def test_a_weak_hash_is_made_stronger_by_a_login(database: Database) -> None:
    add(database)
    weak = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
    with database.write() as connection:
        connection.execute(update(tables.staff).values(password_hash=weak))
    assert identity.check_password(database, EMAIL, PASSWORD) is not None
    with database.read() as connection:
        assert connection.execute(select(tables.staff.c.password_hash)).scalar_one() != weak
    assert identity.check_password(database, EMAIL, PASSWORD) is not None


def test_signing_out_everywhere_counts_each_time(gateways: tuple[Database, Database]) -> None:
    first, second = gateways
    staff_id = add(first).staff_id
    at_once(*(lambda d=d: identity.end_sessions(d, staff_id) for d in (first, second) * 3))
    found = identity.find_staff(first, staff_id)
    assert found is not None
    assert found.session_epoch == 6


def test_a_session_that_ended_at_one_gateway_has_ended_at_all(
    gateways: tuple[Database, Database],
) -> None:
    first, second = gateways
    keep = timedelta(hours=1)
    at_once(*(lambda d=d: identity.end_session(d, "5" * 32, keep) for d in (first, second)))
    assert identity.has_ended(second, "5" * 32)
    assert not identity.has_ended(second, "6" * 32)


def test_ended_sessions_are_forgotten_once_their_cookies_have_run_out(database: Database) -> None:
    identity.end_session(database, "1" * 32, timedelta(hours=1))
    with database.write() as connection:
        long_ago = datetime.now(UTC) - timedelta(hours=2)
        connection.execute(update(tables.ended_sessions).values(ended_at=long_ago))
    identity.end_session(database, "2" * 32, timedelta(hours=1))
    assert not identity.has_ended(database, "1" * 32)
    assert identity.has_ended(database, "2" * 32)


def test_a_cookie_is_good_at_every_gateway_until_it_is_signed_out_at_one(
    gateways: tuple[Database, Database],
) -> None:
    add(gateways[0])
    services = a_story()
    one, other = (Visitor(a_site(services, database)) for database in gateways)
    one.send(one.get("/login").form("/login"), email=EMAIL, password=PASSWORD)
    cookie = one.cookie()
    other.take_cookie(cookie)
    assert other.get("/history").path == "/history"
    token = one.get("/history").tree.xpath("//form[@action='/logout']//input[@name='csrf_token']/@value")[0]
    one.post("/logout", {"csrf_token": token})
    other.take_cookie(cookie)
    assert other.get("/history").path == "/login"


def test_a_job_is_followed_from_any_gateway(gateways: tuple[Database, Database]) -> None:
    staff_id = add(gateways[0]).staff_id
    here, there = (JobLog(database, "import") for database in gateways)
    job_id = here.begin(staff_id, "liste \N{EURO SIGN}\0.csv", 10)
    here.progress(job_id, 4, 10)
    seen = there.find(job_id)
    assert seen is not None
    assert (seen.state, seen.done, seen.total, seen.staff_name) == (RUNNING, 4, 10, "Robin Staff")
    assert seen.subject == "liste \N{EURO SIGN}\N{REPLACEMENT CHARACTER}.csv"
    here.finish(job_id, {"added": "9007199254740993"})
    [seen] = there.newest(10)
    assert (seen.state, seen.outcome) == (DONE, {"added": "9007199254740993"})


@pytest.mark.parametrize("job_id", ["", "nothing", "0" * 32, "\0", "a" * 5000])
def test_an_id_of_no_job_finds_none(database: Database, job_id: str) -> None:
    assert JobLog(database, "import").find(job_id) is None


def test_jobs_of_another_kind_are_not_found(database: Database) -> None:
    job_id = JobLog(database, "import").begin(add(database).staff_id, "list.csv", 1)
    assert JobLog(database, "run").find(job_id) is None
    assert JobLog(database, "run").newest(10) == []


def test_a_job_whose_process_died_is_shown_as_cut_short_until_it_is_heard_of_again(
    database: Database,
) -> None:
    log = JobLog(database, "import")
    job_id = log.begin(add(database).staff_id, "large.csv", 10)
    with database.write() as connection:
        then = datetime.now(UTC) - jobs.SILENCE - timedelta(seconds=5)
        connection.execute(update(tables.jobs).values(updated_at=then))
    [found] = log.newest(1)
    assert found.state == CUT_SHORT
    log.is_alive(job_id)
    [found] = log.newest(1)
    assert found.state == RUNNING


def test_the_clock_of_a_machine_does_not_decide_whether_a_job_lives(database: Database) -> None:
    """The instant of the last word is the database's own, on whatever machine the job runs."""
    log = JobLog(database, "import")
    job_id = log.begin(add(database).staff_id, "large.csv", 10)
    for say in (lambda: log.progress(job_id, 1, 10), lambda: log.is_alive(job_id)):
        with database.write() as connection:
            connection.execute(update(tables.jobs).values(updated_at=datetime(2100, 1, 1, tzinfo=UTC)))
        say()
        with database.read() as connection:
            now = text("SELECT CURRENT_TIMESTAMP AS now").columns(now=UtcDateTime)
            said_at = connection.execute(select(tables.jobs.c.updated_at)).scalar_one()
            assert abs(connection.execute(now).scalar_one() - said_at) < timedelta(seconds=30)


@pytest.fixture
def app(database: Database) -> Flask:
    add(database)
    return a_site(FakeServices(), database)


def ended(log: JobLog, job_id: str) -> jobs.Job:
    for thread in threading.enumerate():
        if thread.name.endswith(job_id):
            thread.join(30)
    found = log.find(job_id)
    assert found is not None
    return found


def test_work_goes_on_while_its_progress_cannot_be_written(database: Database, app: Flask) -> None:
    """The progress fails until the work is done; then the log is there again and gets the report."""
    log, asked = _Deaf(database, "import"), threading.Event()
    log.asked = asked
    job_id = log.begin(1, "large.csv", 10)

    def work(progress: jobs.Progress) -> Message:
        progress(3, 10)
        assert asked.wait(30)
        return _a_report()

    jobs._do(log, job_id, work, "sorry")
    assert ended(log, job_id).state == DONE
    assert log.refused == 2


def test_a_fault_of_ours_is_written_down_and_ends_the_job(database: Database, app: Flask) -> None:
    log = JobLog(database, "import")
    job_id = log.begin(1, "large.csv", 10)

    def work(_progress: jobs.Progress) -> Message:
        raise RuntimeError("in the middle")

    jobs._do(log, job_id, work, "sorry")
    found = ended(log, job_id)
    assert (found.state, "in the middle" in str(found.outcome)) == (FAILED, False)


def test_what_undoes_a_job_is_kept_step_by_step_and_is_there_however_the_job_ends(database: Database) -> None:
    log, staff_id = JobLog(database, "import"), add(database).staff_id
    job_id, other = (log.begin(staff_id, "list.csv", 10) for _ in range(2))
    log.keep(job_id, 1, {"made": False})
    log.keep(job_id, 0, {"made": True})
    log.keep(job_id, 1, {"made": True, "names": ["Zoë"]})
    log.keep(other, 0, {})
    assert log.kept(job_id) == [{"made": True}, {"made": True, "names": ["Zoë"]}]
    log.fail(job_id, "away")
    assert len(log.kept(job_id)) == 2
    assert log.kept("f" * 32) == []


def test_a_job_that_was_declared_ended_keeps_nothing_more_should_it_live_after_all(
    database: Database,
) -> None:
    log, staff_id = JobLog(database, "import"), add(database).staff_id
    job_id, done = (log.begin(staff_id, "list.csv", 10) for _ in range(2))
    log.keep(job_id, 0, {"made": True})
    log.finish(done, {"added": 1})
    for one in (job_id, done):
        log.give_up(one, "cut short")
        with pytest.raises(JobOver):
            log.keep(one, 1, {"made": True})
    found, ended_well = log.find(job_id), log.find(done)
    assert found is not None
    assert (found.state, found.outcome) == (FAILED, {"message": "cut short"})
    assert log.kept(job_id) == [{"made": True}]
    assert ended_well is not None
    assert (ended_well.state, ended_well.outcome) == (DONE, {"added": 1})


def test_accounts_with_jobs_cannot_vanish(database: Database) -> None:
    JobLog(database, "import").begin(add(database).staff_id, "list.csv", 1)
    with pytest.raises(SQLAlchemyError), database.write() as connection:
        connection.execute(delete(tables.staff))


def _a_report() -> Message:
    from dunlin.paynow.v1.ledger_pb2 import SyncReport

    return SyncReport(added=2)


class _Deaf(JobLog):
    """Takes no progress, and the end only at the second time."""

    asked: threading.Event
    refused = 0

    def progress(self, job_id: str, done: int, total: int) -> None:
        self.refused += 1
        self.asked.set()
        raise SQLAlchemyError("away")

    def finish(self, job_id: str, report: dict[str, Any]) -> None:
        if self.refused < 2:
            self.refused += 1
            raise SQLAlchemyError("away")
        super().finish(job_id, report)
