"""An inbox whose workers overtake each other, or whose database does not say what became of a COMMIT."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from sqlalchemy import Connection, Row, event, select, text, update

from services.scheduler import tables
from services.scheduler.__main__ import MIGRATIONS
from services.shared.database_errors import database_refusal
from services.shared.dead_letters import DeadLetters
from services.shared.facts import StoredFact
from services.shared.facts_wire import to_json
from services.shared.inbox import LONGEST_BACKOFF, MOST_ATTEMPTS, Inbox, InboxWorker
from services.shared.intake import Intake
from tests.fakes.clock import SetClock
from tests.fakes.troubled_database import TroubledDatabase
from tests.servers import DATABASES, MigratedUrl

FACT = StoredFact("f1", "message_sent", {"notice_id": "n1", "message_id": "<1@x>"}, SetClock().now(), "r1")


MANY = [replace(FACT, fact_id=f"f{n}") for n in range(40)]


class Desk:
    """One inbox and two workers, as of two processes; each handled fact leaves its mark on the rules."""

    def __init__(self, url: str) -> None:
        self.clock = SetClock()
        self.database, self.elsewhere = TroubledDatabase(url), TroubledDatabase(url)
        self.inbox = Inbox(self.database, tables.inbox, self.clock)
        self.letters = DeadLetters(self.database, tables.inbox, self.clock)
        self.worker = InboxWorker(self.database, tables.inbox, self._handle, self.clock)
        self.other = InboxWorker(self.elsewhere, tables.inbox, self._effect, self.clock)
        self.fails: Callable[[], object] | None = None
        self.broken = {fact.fact_id for fact in (FACT, *MANY)}
        """Of these, where `fails` is set, the handler is broken."""

    def _handle(self, connection: Connection, fact: StoredFact) -> None:
        self._effect(connection, fact)
        if self.fails is not None and fact.fact_id in self.broken:
            self.fails()
            raise RuntimeError("the handler is broken")

    def _effect(self, connection: Connection, fact: StoredFact) -> None:
        connection.execute(text("UPDATE rules SET threshold_days = threshold_days + 1000"))

    def effects(self) -> int:
        with self.database.read() as connection:
            return int(connection.execute(text("SELECT max(threshold_days) / 1000 FROM rules")).scalar_one())

    def row(self) -> Row[tuple[object, ...]]:
        with self.database.read() as connection:
            return connection.execute(select(tables.inbox)).one()

    def states(self) -> dict[str, tuple[bool, int, bool]]:
        """By fact whether it was handled, how often it failed, whether it is parked."""
        with self.database.read() as connection:
            rows = connection.execute(select(tables.inbox)).all()
        return {
            row.fact_id: (row.handled_at is not None, row.attempts, row.parked_at is not None) for row in rows
        }

    def at_its_last_attempt(self) -> None:
        with self.database.write() as connection:
            connection.execute(update(tables.inbox).values(attempts=MOST_ATTEMPTS - 1))

    def work(self) -> None:
        """As a worker does: an error is no end."""
        for _ in range(5):
            try:
                self.worker.run_once()
            except Exception as error:
                if database_refusal(error) is None:
                    raise
            self.clock.advance(LONGEST_BACKOFF)

    def close(self) -> None:
        self.database.dispose()
        self.elsewhere.dispose()


@pytest.fixture(params=DATABASES)
def desk(request: pytest.FixtureRequest, migrated_url: MigratedUrl) -> Iterator[Desk]:
    desk = Desk(migrated_url(request.param, MIGRATIONS))
    yield desk
    desk.close()


@pytest.mark.parametrize("at_the_last_attempt", [False, True])
def test_a_failure_that_is_told_late_does_not_undo_that_another_worker_handled_the_fact(
    desk: Desk, at_the_last_attempt: bool
) -> None:
    desk.inbox.take_in([FACT])
    if at_the_last_attempt:
        desk.at_its_last_attempt()
    attempts = desk.row().attempts
    desk.fails = lambda: desk.database.before_write.append(desk.other.run_once)
    assert desk.worker.run_once()
    assert desk.effects() == 1
    assert desk.row().handled_at is not None
    assert (desk.row().attempts, desk.row().parked_at, desk.row().error) == (attempts, None, None)
    assert desk.letters.page(0, "").total == 0


def test_two_failures_at_once_count_as_one_and_wait_no_shorter(desk: Desk) -> None:
    desk.inbox.take_in([FACT])
    broken = InboxWorker(desk.elsewhere, tables.inbox, lambda *_: 1 / 0, desk.clock)  # type: ignore[arg-type, return-value]
    desk.fails = lambda: desk.database.before_write.append(broken.run_once)
    assert desk.worker.run_once()
    assert desk.row().attempts == 1
    assert "ZeroDivisionError" in desk.row().error


def test_a_failure_that_is_told_late_leaves_what_staff_have_put_back(desk: Desk) -> None:
    desk.inbox.take_in([FACT])
    desk.at_its_last_attempt()

    def parked_and_retried() -> None:
        desk.database.before_write.clear()
        with desk.elsewhere.write() as connection:
            connection.execute(update(tables.inbox).values(attempts=0))

    desk.fails = lambda: desk.database.before_write.append(parked_and_retried)
    assert desk.worker.run_once()
    assert (desk.row().attempts, desk.row().parked_at) == (0, None)


def test_a_fact_that_was_handled_is_no_dead_letter_though_an_older_version_has_parked_it(desk: Desk) -> None:
    desk.inbox.take_in([FACT])
    assert desk.other.run_once()
    with desk.database.write() as connection:
        connection.execute(update(tables.inbox).values(parked_at=desk.clock.now(), error="late"))
    assert desk.letters.page(0, "").total == 0
    assert desk.letters.retry([desk.row().inbox_id]) == 0


def test_facts_whose_storing_has_an_unknown_outcome_are_stored_once(desk: Desk) -> None:
    intake = Intake(desk.inbox, sleep=lambda _: None)
    desk.database.lose_answer()
    intake.take_in(to_json([FACT]))
    assert desk.database.answers_lost == 1
    assert desk.row().fact_id == FACT.fact_id
    desk.work()
    assert desk.effects() == 1


@pytest.mark.parametrize("at_the_last_attempt", [False, True])
def test_a_fact_whose_handling_has_an_unknown_outcome_takes_effect_once(
    desk: Desk, at_the_last_attempt: bool
) -> None:
    desk.inbox.take_in([FACT])
    if at_the_last_attempt:
        desk.at_its_last_attempt()
    desk.database.lose_answer()
    desk.work()
    assert desk.database.answers_lost == 1
    assert (desk.effects(), desk.letters.page(0, "").total) == (1, 0)
    assert desk.row().handled_at is not None


def test_a_fact_whose_handling_did_not_commit_is_tried_again(desk: Desk) -> None:
    desk.inbox.take_in([FACT])
    broken = [True]

    @event.listens_for(desk.database._engine, "commit")
    def refuse(_connection: Connection) -> None:
        if broken:
            broken.pop()
            raise ConnectionError("before the COMMIT was sent")

    desk.work()
    assert desk.effects() == 1
    assert desk.row().attempts == 1


def test_a_failure_whose_recording_has_an_unknown_outcome_is_counted_at_most_once(desk: Desk) -> None:
    desk.inbox.take_in([FACT])
    desk.fails = desk.database.lose_answer
    with pytest.raises(Exception, match="the server closed the connection"):
        desk.worker.run_once()
    assert (desk.row().attempts, desk.row().handled_at) == (1, None)
    desk.fails = None
    desk.work()
    assert desk.effects() == 1


@pytest.mark.parametrize("act", ["retry", "drop"])
def test_what_staff_do_with_an_unknown_outcome_may_be_done_again(desk: Desk, act: str) -> None:
    desk.inbox.take_in([FACT])
    desk.at_its_last_attempt()
    desk.fails = lambda: None
    assert desk.worker.run_once()
    (letter,) = desk.letters.page(0, "").letters
    desk.fails = None
    desk.database.lose_answer()
    with pytest.raises(Exception, match="the server closed the connection"):
        getattr(desk.letters, act)([letter.inbox_id])
    assert getattr(desk.letters, act)([letter.inbox_id]) == 0, "it was done"
    desk.work()
    assert desk.effects() == (1 if act == "retry" else 0)


def test_facts_that_wait_are_handled_in_one_transaction(desk: Desk) -> None:
    desk.inbox.take_in(MANY)
    commits: list[Connection] = []
    event.listen(desk.database._engine, "commit", commits.append)
    assert desk.worker.run_once()
    assert len(commits) == 1
    assert desk.effects() == len(MANY)
    assert set(desk.states().values()) == {(True, 0, False)}
    assert not desk.worker.run_once()


@pytest.mark.parametrize("at", [0, 1, 17, 39])
def test_a_fact_that_fails_among_many_harms_itself_alone(desk: Desk, at: int) -> None:
    desk.inbox.take_in(MANY)
    bad = MANY[at].fact_id
    desk.broken, desk.fails = {bad}, lambda: None
    while desk.worker.run_once():
        pass
    assert desk.effects() == len(MANY) - 1
    assert desk.states().pop(bad) == (False, 1, False)
    assert {state for fact_id, state in desk.states().items() if fact_id != bad} == {(True, 0, False)}
    for _ in range(MOST_ATTEMPTS - 1):
        desk.clock.advance(LONGEST_BACKOFF)
        assert desk.worker.run_once()
    assert desk.states()[bad] == (False, MOST_ATTEMPTS, True)
    assert desk.effects() == len(MANY) - 1


def test_many_facts_whose_handling_has_an_unknown_outcome_take_effect_once(desk: Desk) -> None:
    desk.inbox.take_in(MANY)
    desk.database.lose_answer()
    desk.work()
    assert desk.database.answers_lost == 1
    assert desk.effects() == len(MANY)
    assert set(desk.states().values()) == {(True, 0, False)}
