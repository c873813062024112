"""The queue's promises, kept by the store in memory and by SQLite."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from services.mailer.domain.delivery import Later, Past
from services.mailer.domain.letter import Withheld
from services.mailer.domain.message import EventKind, State
from services.mailer.domain.templates import TemplateType
from services.mailer.ports import Filter
from services.mailer.repository import SqlStore
from services.shared.database import Database
from tests.fakes.mailer import MINUTE, FakeStore
from tests.fakes.mailer_queue import RENDERED, T0, Queue, Store, migrated


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database(migrated(tmp_path / "mailer.sqlite"))
    yield database
    database.dispose()


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest) -> Store:
    if request.param == "memory":
        return FakeStore()
    return SqlStore(request.getfixturevalue("database"))


@pytest.fixture
def queue(store: Store) -> Queue:
    return Queue(store)


def test_a_new_notice_is_queued_with_its_first_two_events(queue: Queue) -> None:
    assert queue.accept() == 1
    message = queue.get()
    assert (message.state, message.created_at) == (State.QUEUED, T0)
    assert message.message_id == "<notice-1@example.test>"
    assert queue.kinds() == [EventKind.QUEUE_TRIGGERED, EventKind.QUEUED]


def test_a_known_notice_is_left_as_it_is(queue: Queue) -> None:
    queue.accept(2)
    assert queue.accept(3, at=T0 + MINUTE) == 1
    assert queue.get(1).created_at == T0
    assert len(queue.get(1).events) == 2


def test_no_two_workers_claim_the_same_message(queue: Queue) -> None:
    queue.accept(5)
    first, second, third = queue.claim("a", limit=3), queue.claim("b", limit=3), queue.claim("c")
    assert [m.notice_id for m in first] == ["notice-1", "notice-2", "notice-3"]
    assert [m.notice_id for m in second] == ["notice-4", "notice-5"]
    assert third == []
    assert queue.get().state is State.SENDING


def test_an_expired_lease_passes_to_another_worker_and_the_first_one_cannot_go_on(queue: Queue) -> None:
    queue.accept()
    [mine] = queue.claim("a")
    [theirs] = queue.claim("b", at=T0 + 2 * MINUTE)
    assert not queue.process(mine, "a")
    assert queue.process(theirs, "b")
    assert queue.kinds() == [EventKind.QUEUE_TRIGGERED, EventKind.QUEUED, EventKind.PROCESSED]


def test_an_attempt_renews_the_lease(queue: Queue) -> None:
    queue.accept()
    [message] = queue.claim("a")
    queue.process(message)
    assert queue.claim("b", at=T0 + 2 * MINUTE) == []
    assert len(queue.claim("b", at=T0 + 6 * MINUTE)) == 1


def test_a_written_mail_is_kept_byte_for_byte_and_shows_in_the_message(queue: Queue, store: Store) -> None:
    queue.accept()
    [message] = queue.claim()
    queue.process(message)
    shown = queue.get()
    assert (shown.type, shown.template_version) == (TemplateType.DUE_NOTICE_AFTER, 1)
    assert shown.recipients == ("ann@example.test", "bob@example.test")
    assert shown.subject == "Invoice 100% due"
    with store.read() as work:
        assert work.messages.mime("notice-1") == RENDERED.mime
        assert work.messages.mime("notice-9") is None


def test_a_sent_message_is_final_and_claimed_by_nobody(queue: Queue, store: Store) -> None:
    queue.accept()
    [message] = queue.claim()
    queue.process(message)
    with store.write() as work:
        assert work.messages.sent(message, "250 ok", T0 + MINUTE)
    shown = queue.get()
    assert (shown.state, shown.sent_at) == (State.SENT, T0 + MINUTE)
    assert shown.events[-1].detail == "250 ok"
    assert queue.claim("b", at=T0 + timedelta(days=9)) == []


def test_what_the_server_took_is_sent_even_if_the_lease_was_lost(queue: Queue, store: Store) -> None:
    queue.accept()
    [message] = queue.claim("a")
    queue.process(message)
    [theirs] = queue.claim("b", at=T0 + 6 * MINUTE)
    with store.write() as work:
        assert work.messages.sent(message, "250 late", T0 + 6 * MINUTE)
    assert not queue.process(theirs, "b")
    with store.write() as work:
        assert not work.messages.sent(theirs, "250 again", T0 + 7 * MINUTE)
    assert queue.get().sent_at == T0 + 6 * MINUTE
    assert [event.detail for event in queue.get().events[-2:]] == ["250 late", "250 again"]


def test_a_deferred_message_waits_and_brings_its_past_along(queue: Queue, store: Store) -> None:
    queue.accept()
    [message] = queue.claim()
    outcome = Later(T0 + 4 * MINUTE, "451 later", Past(attempts=3, drops=1, tried_at=T0 - MINUTE))
    with store.write() as work:
        assert work.messages.later(message, "a", outcome, T0)
    assert queue.get().state is State.DEFERRED
    assert queue.claim("b", at=T0 + 3 * MINUTE) == []
    [again] = queue.claim("b", at=T0 + 4 * MINUTE)
    assert (again.attempts, again.drops, again.tried_at) == (3, 1, T0 - MINUTE)


def test_a_failed_message_is_final(queue: Queue, store: Store) -> None:
    queue.accept()
    [message] = queue.claim()
    with store.write() as work:
        assert work.messages.failed(message, "a", "550 no such user", T0)
    assert queue.get().state is State.FAILED
    assert queue.get().events[-1].detail == "550 no such user"
    assert queue.claim("b", at=T0 + timedelta(days=9)) == []
    assert queue.accept() == 0


def test_nobody_but_the_owner_of_the_lease_ends_an_attempt(queue: Queue, store: Store) -> None:
    queue.accept()
    [message] = queue.claim("a")
    with store.write() as work:
        assert not work.messages.failed(message, "b", "x", T0)
        assert not work.messages.later(message, "b", Later(T0, "x", Past()), T0)
        assert not work.messages.withhold(message, "b", Withheld("X", "x"), T0, T0)
        work.messages.release([message], "b", T0)
        work.messages.await_review([message], "b", "x", T0, T0)
    assert queue.get().state is State.SENDING
    assert len(queue.get().events) == 2


def test_a_withheld_message_rests_until_it_is_accepted_again(queue: Queue, store: Store) -> None:
    queue.accept()
    [message] = queue.claim()
    with store.write() as work:
        assert work.messages.withhold(message, "a", Withheld("NO_ADDRESS", "No address."), T0, T0)
    assert queue.get().state is State.WITHHELD
    assert queue.get().events[-1].detail == "NO_ADDRESS: No address."
    assert queue.claim("b", at=T0 + timedelta(days=9)) == []
    assert queue.accept(at=T0 + MINUTE) == 1
    assert queue.get().state is State.QUEUED
    assert queue.kinds()[-2:] == [EventKind.QUEUE_TRIGGERED, EventKind.QUEUED]
    assert len(queue.claim("b", at=T0 + MINUTE)) == 1


def test_a_no_that_is_older_than_the_newest_acceptance_does_not_count(queue: Queue, store: Store) -> None:
    queue.accept()
    [message] = queue.claim()
    asked_again_at = T0 + timedelta(seconds=2)
    assert queue.accept(at=asked_again_at) == 0
    with store.write() as work:
        later = T0 + timedelta(seconds=3)
        work.messages.withhold(message, "a", Withheld("EXCLUDED", ""), T0 + timedelta(seconds=1), later)
    assert queue.get().state is State.QUEUED
    assert queue.kinds()[-3:] == [EventKind.WITHHELD, EventKind.QUEUE_TRIGGERED, EventKind.QUEUED]
    assert len(queue.claim("b", at=later)) == 1


def test_waiting_for_the_second_look_is_told_once_for_each_outage(queue: Queue, store: Store) -> None:
    queue.accept()
    for round in range(3):
        at = T0 + round * MINUTE
        batch = queue.claim(at=at)
        with store.write() as work:
            work.messages.await_review(batch, "a", "scheduler away", at + timedelta(seconds=2), at)
        assert queue.get().state is State.QUEUED
        assert queue.claim("b", at=at + timedelta(seconds=1)) == []
    assert queue.kinds().count(EventKind.DEFERRED) == 1
    [message] = queue.claim(at=T0 + 5 * MINUTE)
    queue.process(message)
    with store.write() as work:
        work.messages.release([message], "a", T0 + 5 * MINUTE)
    [message] = queue.claim(at=T0 + 5 * MINUTE)
    assert not message.waits_for_review


def test_what_was_not_begun_is_given_back_as_it_was(queue: Queue, store: Store) -> None:
    queue.accept(2)
    first, second = queue.claim()
    with store.write() as work:
        work.messages.later(second, "a", Later(T0, "451", Past(1, 0, T0)), T0)
    batch = queue.claim()
    with store.write() as work:
        work.messages.release(batch, "a", T0 + MINUTE)
    assert queue.get(1).state is State.SENDING
    assert queue.get(2).state is State.DEFERRED
    with store.write() as work:
        work.messages.release([first], "a", T0 + MINUTE)
    assert queue.get(1).state is State.QUEUED
    assert len(queue.get(1).events) == 2
    assert len(queue.claim("b", at=T0 + MINUTE)) == 2


def test_the_leases_of_the_dead_end_at_once(queue: Queue, store: Store) -> None:
    queue.accept(3)
    queue.claim("dead", limit=2)
    queue.claim("alive", limit=1)
    with store.write() as work:
        assert sorted(work.messages.owners()) == ["alive", "dead"]
        assert work.messages.release_owners(["dead"], T0) == 2
    assert [m.notice_id for m in queue.claim("b")] == ["notice-1", "notice-2"]


def test_messages_are_listed_newest_first_page_by_page(queue: Queue, store: Store) -> None:
    queue.accept(5)
    with store.read() as work:
        first = work.messages.page(Filter(), None, 2)
        rest = work.messages.page(Filter(), first[-1][0], 10)
    assert [m.notice_id for _key, m in [*first, *rest]] == [f"notice-{n}" for n in (5, 4, 3, 2, 1)]
    assert all(len(m.events) == 2 for _key, m in rest)


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (Filter(organization_id="org-2"), [2]),
        (Filter(state=State.QUEUED), [3, 2]),
        (Filter(state=State.SENDING), [1]),
        (Filter(query="BOB@example"), [1]),
        (Filter(query="100%"), [1]),
        (Filter(query="1%0"), []),
        (Filter(query="inv-0003"), [3]),
        (Filter(query="_nv-0003"), []),
        (Filter(organization_id="org-1", query="inv-0003"), []),
    ],
)
def test_filters_must_all_hold(queue: Queue, store: Store, wanted: Filter, expected: list[int]) -> None:
    queue.accept(3)
    [message] = queue.claim(limit=1)
    queue.process(message)
    with store.read() as work:
        found = [m.notice_id for _key, m in work.messages.page(wanted, None, 10)]
    assert found == [f"notice-{number}" for number in expected]


def test_messages_are_counted_by_state_over_a_span(queue: Queue, store: Store) -> None:
    queue.accept(3)
    queue.accept(1, start=9, at=T0 + MINUTE)
    queue.claim(limit=1)
    with store.read() as work:
        assert work.messages.counts(T0, T0 + MINUTE) == {State.QUEUED: 2, State.SENDING: 1}
        assert work.messages.counts(T0 + MINUTE, T0 + 2 * MINUTE) == {State.QUEUED: 1}
