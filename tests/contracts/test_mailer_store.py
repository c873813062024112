"""The queue's promises, kept by the store in memory, by SQLite and by PostgreSQL."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest

from services.mailer.domain.delivery import Later, Never, Past, Sent
from services.mailer.domain.letter import NotYet, Withheld
from services.mailer.domain.message import EventKind, Request, State
from services.mailer.domain.templates import TemplateType
from services.mailer.ports import Ending, Filter
from services.mailer.repository import SqlStore
from services.shared.database import Database
from tests.fakes.mailer import MINUTE, FakeStore
from tests.fakes.mailer_queue import RENDERED, SCRIPTS, T0, Queue, Store
from tests.servers import DATABASES


@pytest.fixture(params=["memory", *DATABASES])
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    if request.param == "memory":
        yield FakeStore()
        return
    database = Database(request.getfixturevalue("migrated_url")(request.param, SCRIPTS))
    yield SqlStore(database)
    database.dispose()


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
    assert not queue.process(mine)
    assert queue.process(theirs)
    assert queue.kinds() == [EventKind.QUEUE_TRIGGERED, EventKind.QUEUED, EventKind.PROCESSED]


def test_what_is_under_an_ended_lease_can_be_left_alone(queue: Queue, store: Store) -> None:
    queue.accept(1)
    queue.claim("a")
    queue.accept(2, at=T0 + MINUTE)
    at = T0 + 2 * MINUTE
    with store.write() as work:
        fresh = work.messages.claim("b", at, at + MINUTE, 20, abandoned=False)
    assert [m.notice_id for m in fresh] == ["notice-2"]
    assert [m.notice_id for m in queue.claim("b", at=at)] == ["notice-1"]


def test_an_attempt_renews_a_lease_that_is_half_over(queue: Queue) -> None:
    queue.accept(2)
    one, two = queue.claim("a")
    assert queue.process(one, at=T0 + MINUTE / 2)
    assert [m.notice_id for m in queue.claim("b", at=T0 + 2 * MINUTE)] == ["notice-2"]
    assert not queue.process(two, at=T0 + 2 * MINUTE)
    assert len(queue.claim("b", at=T0 + 6 * MINUTE)) == 2


def test_a_lease_that_is_renewed_in_time_passes_to_nobody(queue: Queue, store: Store) -> None:
    queue.accept(2)
    batch = queue.claim("a")
    with store.write() as work:
        assert work.messages.renew(batch[:1], T0 + 3 * MINUTE) == 1
    assert [m.notice_id for m in queue.claim("b", at=T0 + 2 * MINUTE)] == ["notice-2"]
    with store.write() as work:
        assert work.messages.renew(batch, T0 + 9 * MINUTE) == 1, "the other one is no longer ours"


def test_a_written_mail_is_kept_byte_for_byte_and_shows_in_the_message(queue: Queue, store: Store) -> None:
    queue.accept()
    [message] = queue.claim()
    queue.process(message)
    queue.end(message, Later(T0, "451 later", Past(1, 0, T0)))
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
    assert queue.end(message, Sent("250 ok"), T0 + MINUTE)
    shown = queue.get()
    assert (shown.state, shown.sent_at) == (State.SENT, T0 + MINUTE)
    assert shown.events[-1].detail == "250 ok"
    assert queue.claim("b", at=T0 + timedelta(days=9)) == []


def test_what_the_server_took_is_sent_even_if_the_lease_was_lost(queue: Queue, store: Store) -> None:
    queue.accept()
    [message] = queue.claim("a")
    queue.process(message)
    [theirs] = queue.claim("b", at=T0 + 6 * MINUTE)
    assert queue.end(message, Sent("250 late"), T0 + 6 * MINUTE)
    assert not queue.process(theirs)
    assert not queue.end(theirs, Sent("250 again"), T0 + 7 * MINUTE)
    assert queue.get().sent_at == T0 + 6 * MINUTE
    assert [event.detail for event in queue.get().events[-2:]] == ["250 late", "250 again"]


def test_the_endings_of_many_connections_are_recorded_together(queue: Queue, store: Store) -> None:
    queue.accept(5)
    one, two, three, four, five = queue.claim()
    lost = replace(four, owner="b")
    endings = [
        Ending(three, Sent("250 three")),
        Ending(one, Sent("250 one")),
        Ending(two, Later(T0 + MINUTE, "451 two", Past(1, 0, T0))),
        Ending(lost, Never("550 four")),
        Ending(five, Never("550 five")),
    ]
    with store.write() as work:
        news = work.messages.record(endings, T0).news
    assert sorted(ending.message.key for ending in news) == [one.key, two.key, three.key, five.key]
    states = [queue.get(number).state for number in range(1, 6)]
    assert states == [State.SENT, State.DEFERRED, State.SENT, State.SENDING, State.FAILED]
    words = ["250 one", "451 two", "250 three", "", "550 five"]
    assert [queue.get(number).events[-1].detail for number in range(1, 6)] == words


def test_two_answers_for_the_same_mail_are_both_told_and_sent_it_is_once(queue: Queue, store: Store) -> None:
    queue.accept()
    [first] = queue.claim("a")
    [second] = queue.claim("b", at=T0 + 2 * MINUTE)
    with store.write() as work:
        news = work.messages.record([Ending(first, Sent("250 a")), Ending(second, Sent("250 b"))], T0).news
    assert len(news) == 1
    assert [event.detail for event in queue.get().events[2:]] == ["250 a", "250 b"]


def test_endings_whose_first_try_only_seemed_to_fail_are_in_the_history_once(
    queue: Queue, store: Store
) -> None:
    queue.accept(4)
    one, two, three, four = queue.claim()
    endings = [
        Ending(one, Sent("250 one")),
        Ending(two, Later(T0 + MINUTE, "451 two", Past(1, 0, T0))),
        Ending(three, Never("550 three")),
    ]
    with store.write() as work:
        assert len(work.messages.record(endings, T0).news) == 3
    with store.write() as work:
        news = work.messages.record([*endings, Ending(four, Sent("250 four"))], T0, again=True).news
    assert [ending.message.key for ending in news] == [four.key]
    words = [[event.detail for event in queue.get(number).events[2:]] for number in range(1, 5)]
    assert words == [["250 one"], ["451 two"], ["550 three"], ["250 four"]]


def test_words_of_a_server_may_hold_anything(queue: Queue) -> None:
    queue.accept()
    [message] = queue.claim()
    assert queue.end(message, Sent("250 \0 ok \ufffd"))
    assert queue.get().events[-1].detail == "250  ok \ufffd"


def test_a_deferred_message_waits_and_brings_its_past_along(queue: Queue, store: Store) -> None:
    queue.accept()
    [message] = queue.claim()
    outcome = Later(T0 + 4 * MINUTE, "451 later", Past(attempts=3, drops=1, tried_at=T0 - MINUTE))
    assert queue.end(message, outcome)
    assert queue.get().state is State.DEFERRED
    assert queue.claim("b", at=T0 + 3 * MINUTE) == []
    [again] = queue.claim("b", at=T0 + 4 * MINUTE)
    assert (again.attempts, again.drops, again.tried_at) == (3, 1, T0 - MINUTE)


def test_a_failed_message_is_final(queue: Queue, store: Store) -> None:
    queue.accept()
    [message] = queue.claim()
    assert queue.end(message, Never("550 no such user"))
    assert queue.get().state is State.FAILED
    assert queue.get().events[-1].detail == "550 no such user"
    assert queue.claim("b", at=T0 + timedelta(days=9)) == []
    assert queue.accept() == 0


def test_nobody_but_the_owner_of_the_lease_ends_an_attempt(queue: Queue, store: Store) -> None:
    queue.accept()
    [message] = queue.claim("a")
    theirs = replace(message, owner="b")
    assert not queue.end(theirs, Never("x"))
    assert not queue.end(theirs, Later(T0, "x", Past()))
    queue.withhold(theirs, Withheld("X", "x"))
    with store.write() as work:
        work.messages.release([theirs], T0)
        work.messages.await_review([theirs], "x", T0, T0)
        assert work.messages.renew([theirs], T0) == 0
    assert queue.get().state is State.SENDING
    assert len(queue.get().events) == 2


def test_a_withheld_message_rests_until_it_is_accepted_again(queue: Queue, store: Store) -> None:
    queue.accept()
    [message] = queue.claim()
    queue.withhold(message, Withheld("NO_ADDRESS", "No address."))
    assert queue.get().state is State.WITHHELD
    assert queue.get().events[-1].detail == "NO_ADDRESS: No address."
    assert queue.claim("b", at=T0 + timedelta(days=9)) == []
    assert queue.accept(at=T0 + MINUTE) == 1
    assert queue.get().state is State.QUEUED
    assert queue.kinds()[-2:] == [EventKind.QUEUE_TRIGGERED, EventKind.QUEUED]
    assert len(queue.claim("b", at=T0 + MINUTE)) == 1


def test_a_no_does_not_count_for_what_was_asked_for_again_since_it_was_claimed(
    queue: Queue, store: Store
) -> None:
    queue.accept()
    [message] = queue.claim()
    asked_again_at = T0 + timedelta(seconds=2)
    assert queue.accept(at=asked_again_at) == 0
    later = T0 + timedelta(seconds=3)
    queue.withhold(message, Withheld("EXCLUDED", ""), later)
    assert queue.get().state is State.QUEUED
    assert queue.kinds()[-3:] == [EventKind.WITHHELD, EventKind.QUEUE_TRIGGERED, EventKind.QUEUED]
    assert len(queue.claim("b", at=later)) == 1


def test_waiting_for_the_second_look_is_told_once_for_each_outage(queue: Queue, store: Store) -> None:
    queue.accept()
    for round in range(3):
        at = T0 + round * MINUTE
        batch = queue.claim(at=at)
        with store.write() as work:
            work.messages.await_review(batch, "scheduler away", at + timedelta(seconds=2), at)
        assert queue.get().state is State.QUEUED
        assert queue.claim("b", at=at + timedelta(seconds=1)) == []
    assert queue.kinds().count(EventKind.DEFERRED) == 1
    [message] = queue.claim(at=T0 + 5 * MINUTE)
    queue.end(message, Later(T0 + 6 * MINUTE, "451 later", Past(1, 0, T0)))
    [message] = queue.claim(at=T0 + 6 * MINUTE)
    assert not message.waits_for_review


def test_what_is_put_off_waits_until_its_instant_and_each_reason_is_told_once(
    queue: Queue, store: Store
) -> None:
    queue.accept(3)
    one, two, three = queue.claim()
    queue.end(two, Later(T0, "451 later", Past(1, 0, T0 - MINUTE)))
    [two] = queue.claim()
    quiet, closed = NotYet(T0 + MINUTE, "QUIET", "At night."), NotYet(T0 + 2 * MINUTE, "CLOSED", "Sunday.")
    with store.write() as work:
        work.messages.put_off([(two, closed), (one, quiet), (replace(three, owner="b"), quiet)], T0)
    assert [queue.get(n).state for n in (1, 2, 3)] == [State.QUEUED, State.DEFERRED, State.SENDING]
    assert [queue.get(n).events[-1].detail for n in (1, 2, 3)] == ["At night.", "Sunday.", ""]
    assert queue.claim("b", at=T0 + timedelta(seconds=59), limit=2) == []
    [again] = queue.claim(at=T0 + MINUTE, limit=1)
    assert (again.notice_id, again.put_off_for) == ("notice-1", "At night.")
    with store.write() as work:
        work.messages.put_off([(again, quiet)], T0 + MINUTE)
    assert queue.kinds().count(EventKind.DEFERRED) == 1
    due = {message.notice_id: message for message in queue.claim(at=T0 + 2 * MINUTE)}
    again, other = due["notice-1"], due["notice-2"]
    assert (other.attempts, other.tried_at) == (1, T0 - MINUTE)
    with store.write() as work:
        work.messages.put_off([(again, closed)], T0 + MINUTE)
    assert queue.kinds().count(EventKind.DEFERRED) == 2
    queue.end(other, Later(T0 + 3 * MINUTE, "451 later", Past(1, 0, T0)))
    [after] = [m for m in queue.claim(at=T0 + 3 * MINUTE) if m.notice_id == "notice-2"]
    assert after.put_off_for == "", "an attempt was made since"


def test_what_was_not_begun_is_given_back_as_it_was(queue: Queue, store: Store) -> None:
    queue.accept(2)
    first, second = queue.claim()
    queue.end(second, Later(T0, "451", Past(1, 0, T0)))
    batch = queue.claim()
    with store.write() as work:
        work.messages.release(batch, T0 + MINUTE)
    assert queue.get(1).state is State.SENDING
    assert queue.get(2).state is State.DEFERRED
    with store.write() as work:
        work.messages.release([first], T0 + MINUTE)
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
        first, on = work.messages.page(Filter(), None, 2)
        rest, end = work.messages.page(Filter(), on, 3)
    assert (on is not None, end) == (True, None)
    assert [m.notice_id for m in [*first, *rest]] == [f"notice-{n}" for n in (5, 4, 3, 2, 1)]
    assert all(len(m.events) == 2 for m in rest)


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (Filter(organization_id="org-2"), [2]),
        (Filter(state=State.QUEUED), [3, 2]),
        (Filter(state=State.DEFERRED), [1]),
        (Filter(state=State.SENDING), []),
        (Filter(state=State.SENT), []),
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
    queue.end(message, Later(T0, "451 later", Past(1, 0, T0)))
    with store.read() as work:
        found = [m.notice_id for m in work.messages.page(wanted, None, 10)[0]]
    assert found == [f"notice-{number}" for number in expected]


def test_messages_are_counted_by_state_over_a_span(queue: Queue, store: Store) -> None:
    queue.accept(3)
    queue.accept(1, start=9, at=T0 + MINUTE)
    queue.claim(limit=1)
    with store.read() as work:
        assert work.messages.counts(T0, T0 + MINUTE) == {State.QUEUED: 2, State.SENDING: 1}
        assert work.messages.counts(T0 + MINUTE, T0 + 2 * MINUTE) == {State.QUEUED: 1}


def test_a_message_keeps_the_request_that_its_notice_was_decided_in(store: Store) -> None:
    with store.write() as work:
        work.messages.accept([Request("notice-1", "org-1", request_id="click-1")], "example.test", T0)
    with store.write() as work:
        [claimed] = work.messages.claim("a", T0, T0 + MINUTE, 9)
    assert claimed.request_id == "click-1"
