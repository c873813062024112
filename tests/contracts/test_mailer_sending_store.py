"""What holds mails back, kept by the store in memory, by SQLite and by PostgreSQL."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta

import pytest

from services.mailer.domain.bounces import Fate, PastMail, Reason, Suppression
from services.mailer.domain.delivery import Later, Past, Sent
from services.mailer.domain.message import Claimed, EventKind, Lane, State
from services.mailer.domain.sending import Limits, Sending
from services.mailer.domain.spread import Line
from services.mailer.ports import Ending
from services.mailer.repository import SqlStore
from services.shared.database import Database
from tests.fakes.mailer import MINUTE, FakeStore, requests
from tests.fakes.mailer_queue import DOMAIN, RENDERED, SCRIPTS, T0, Queue, Store
from tests.servers import DATABASES

DAY = date(2026, 3, 2)
MIDNIGHT = T0.replace(hour=0)
ANN = Suppression("ann@a.test", Reason.BOUNCED_FOR_GOOD, "550 5.1.1 no such user", T0, notice_id="notice-1")


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


def _accept(store: Store, lane: Lane, count: int, *, start: int = 1) -> None:
    with store.write() as work:
        batch = [replace(one, lane=lane) for one in requests(count, start=start)]
        work.messages.accept(batch, DOMAIN, T0)


def _claim(store: Store, lanes: tuple[Lane, ...], limit: int = 20, day: date | None = None) -> list[Claimed]:
    with store.write() as work:
        found = work.messages.claim("a", T0, T0 + MINUTE, limit, lanes=lanes, counted_on=day)
    return list(found)


def _ids(batch: list[Claimed]) -> list[str]:
    return [message.notice_id for message in batch]


# Lanes


def test_a_lane_is_claimed_before_the_next_and_each_in_its_order(store: Store) -> None:
    _accept(store, Lane.BULK, 3)
    _accept(store, Lane.USUAL, 2, start=4)
    _accept(store, Lane.AT_ONCE, 1, start=6)
    first, rest = _claim(store, tuple(Lane), limit=4), _claim(store, tuple(Lane))
    assert _ids(first) == ["notice-6", "notice-4", "notice-5", "notice-1"]
    assert [message.lane for message in first] == [Lane.AT_ONCE, Lane.USUAL, Lane.USUAL, Lane.BULK]
    assert _ids(rest) == ["notice-2", "notice-3"]


def test_only_open_lanes_are_claimed(store: Store) -> None:
    _accept(store, Lane.USUAL, 2)
    _accept(store, Lane.AT_ONCE, 1, start=3)
    assert _claim(store, ()) == []
    assert _ids(_claim(store, (Lane.AT_ONCE,))) == ["notice-3"]


def test_what_was_counted_on_a_day_is_claimed_on_it_though_its_lane_is_closed(
    store: Store, queue: Queue
) -> None:
    _accept(store, Lane.USUAL, 3)
    one, two, _three = queue.claim()
    with store.write() as work:
        work.messages.count_on([one, two], DAY)
        work.messages.release([one, two], T0)
    assert _ids(_claim(store, (Lane.AT_ONCE,), day=date(2026, 3, 3))) == []
    claimed = _claim(store, (Lane.AT_ONCE,), day=DAY)
    assert [(message.notice_id, message.counted_on) for message in claimed] == [
        ("notice-1", "2026-03-02"),
        ("notice-2", "2026-03-02"),
    ]


def test_who_stands_in_line_comes_up_at_its_time_and_is_told_of_once(store: Store, queue: Queue) -> None:
    queue.accept(2)
    for round in (0, 1):
        batch = queue.claim(at=T0 + round * MINUTE)
        waiting = [(message, T0 + (round + 1) * MINUTE, "Waits.") for message in batch]
        with store.write() as work:
            work.messages.stand_in_line(waiting, T0 + round * MINUTE)
        assert queue.claim("b", at=T0 + (round + 1) * MINUTE - timedelta(seconds=1)) == []
    assert queue.kinds().count(EventKind.DEFERRED) == 1
    assert (queue.get().state, queue.get().events[-1].detail) == (State.QUEUED, "Waits.")
    [one, _two] = queue.claim(at=T0 + 2 * MINUTE)
    assert (one.in_line, one.attempts, one.tried_at) == (True, 0, None)
    queue.end(one, Later(T0 + 3 * MINUTE, "451", Past(1, 0, T0)))
    [again] = queue.claim(at=T0 + 3 * MINUTE, limit=1)
    assert not again.in_line


def test_nobody_but_the_owner_of_the_lease_puts_a_message_into_a_line(store: Store, queue: Queue) -> None:
    queue.accept()
    [mine] = queue.claim("a")
    with store.write() as work:
        work.messages.stand_in_line([(replace(mine, owner="b"), T0, "x")], T0)
    assert (queue.get().state, len(queue.get().events)) == (State.SENDING, 2)


# The switch and the limits


def test_at_first_nothing_is_limited_and_nothing_stopped(store: Store) -> None:
    with store.read() as work:
        assert work.sending.read() == Sending(Limits(0, 0, "UTC"))


def test_a_stop_is_kept_until_somebody_ends_it_and_limits_stay(store: Store) -> None:
    limits = Limits(100, 5, "Asia/Tokyo")
    with store.write() as work:
        work.sending.change(replace(limits, time_zone="UTC"))
        assert not work.sending.move("Asia/Tokyo", instead_of="Mars/Base")
        assert work.sending.move("Asia/Tokyo", instead_of=work.sending.read().limits.time_zone)
        assert work.sending.stop("Ann", T0)
        assert not work.sending.stop("Bob", T0 + MINUTE)
    with store.read() as work:
        assert work.sending.read() == Sending(limits, "Ann", T0)
    with store.write() as work:
        assert work.sending.go_on()
        assert not work.sending.go_on()
        assert work.sending.read() == Sending(limits)


def test_recording_an_outcome_tells_that_everything_was_stopped(store: Store, queue: Queue) -> None:
    queue.accept(2)
    one, two = queue.claim()
    with store.write() as work:
        assert not work.messages.record([Ending(one, Sent("250"), RENDERED)], T0).is_stopped
        work.sending.stop("Ann", T0)
    with store.write() as work:
        assert work.messages.record([Ending(two, Sent("250"), RENDERED)], T0).is_stopped


def test_a_day_begins_with_what_has_left_since_its_beginning(store: Store, queue: Queue) -> None:
    queue.accept(3)
    one, two, _three = queue.claim()
    queue.end(one, Sent("250"), MIDNIGHT - MINUTE)
    queue.end(two, Sent("250"), MIDNIGHT)
    with store.write() as work:
        assert work.sending.spent(DAY) == 0
        assert work.sending.lock_day(DAY, MIDNIGHT) == 1
        work.sending.spend(DAY, 4)
    with store.write() as work:
        assert (work.sending.spent(DAY), work.sending.lock_day(DAY, MIDNIGHT)) == (5, 5)
        work.sending.recount(DAY, MIDNIGHT)
        assert work.sending.spent(DAY) == 1
        assert work.sending.left_since(MIDNIGHT - MINUTE) == 2
        work.sending.recount(date(2026, 3, 3), MIDNIGHT + timedelta(days=1))
        assert work.sending.spent(date(2026, 3, 3)) == 0


def test_lines_are_kept_by_domain(store: Store) -> None:
    a = Line(T0, T0 + MINUTE, None, T0 + 2 * MINUTE)
    with store.write() as work:
        assert work.sending.lock_lines(["b.test", "a.test"]) == {"a.test": Line(), "b.test": Line()}
        work.sending.keep_lines({"a.test": a, "b.test": Line(T0)})
    with store.write() as work:
        assert work.sending.lock_lines(["a.test", "b.test"]) == {"a.test": a, "b.test": Line(T0)}
        work.sending.keep_lines({"a.test": Line(T0 + MINUTE)})
        work.sending.keep_lines({})
    with store.write() as work:
        assert work.sending.lock_lines(["a.test"]) == {"a.test": Line(T0 + MINUTE)}
        assert work.sending.lock_lines([]) == {}


def test_without_lines_those_who_waited_are_due(store: Store, queue: Queue) -> None:
    queue.accept(3)
    one, two, three = queue.claim()
    with store.write() as work:
        work.sending.lock_lines(["a.test"])
        work.messages.stand_in_line([(m, T0 + 60 * MINUTE, "Waits.") for m in (one, two)], T0)
        work.messages.release([three], T0 + 30 * MINUTE)
    with store.read() as work:
        assert work.sending.waiting(T0, tuple(Lane)) == 2
    with store.write() as work:
        work.sending.drop_lines(T0 + MINUTE)
        assert work.sending.lock_lines(["a.test"]) == {"a.test": Line()}
    assert _ids(queue.claim(at=T0 + MINUTE)) == ["notice-1", "notice-2"]


def test_what_waits_is_counted_by_what_is_open(store: Store) -> None:
    _accept(store, Lane.BULK, 4)
    _accept(store, Lane.AT_ONCE, 1, start=5)
    with store.read() as work:
        assert work.sending.waiting(T0, tuple(Lane)) == 0
        assert work.sending.waiting(T0, (Lane.AT_ONCE,)) == 4
        assert work.sending.waiting(T0, ()) == 5
        assert work.sending.waiting(T0 - MINUTE, ()) == 0


# Suppressed addresses


def test_an_address_is_suppressed_once_and_lifted_once(store: Store) -> None:
    with store.write() as work:
        assert work.suppressions.add(ANN)
        assert not work.suppressions.add(replace(ANN, reason=Reason.BY_STAFF))
        assert work.suppressions.get("ann@a.test") == ANN
        known = work.suppressions.known({"ann@a.test", "bob@a.test"})
        assert (known.suppressed, known.watched) == ({"ann@a.test"}, set())
    with store.write() as work:
        assert work.suppressions.lift("ann@a.test") == ANN
        assert work.suppressions.lift("ann@a.test") is None
        assert work.suppressions.known({"ann@a.test"}).suppressed == set()
        assert work.suppressions.known(set()).suppressed == set()


def test_suppressed_addresses_are_listed_newest_first_page_by_page(store: Store) -> None:
    with store.write() as work:
        for number in range(5):
            work.suppressions.add(replace(ANN, email=f"a{number}_x@b.test"))
        work.suppressions.add(replace(ANN, email="c%d@b.test"))
    with store.read() as work:
        first, on = work.suppressions.page("", None, 4)
        rest, end = work.suppressions.page("", on, 4)
        assert [one.email[:2] for one in [*first, *rest]] == ["c%", "a4", "a3", "a2", "a1", "a0"]
        assert end is None
        assert [one.email for one in work.suppressions.page("C%", None, 4)[0]] == ["c%d@b.test"]
        assert work.suppressions.page("0_Y", None, 4) == ([], None)
        assert (work.suppressions.count("_x", 10), work.suppressions.count("_x", 3)) == (5, 3)


def test_mails_to_watched_addresses_are_noted_with_what_became_of_them(store: Store, queue: Queue) -> None:
    queue.accept(3)
    keys = [message.key for message in queue.claim()]
    with store.write() as work:
        assert work.suppressions.note_fate("ann@a.test", keys[0], Fate.BOUNCED, T0)
        assert not work.suppressions.note_fate("ann@a.test", keys[0], Fate.BOUNCED, T0)
        assert not work.suppressions.note_fate("ann@a.test", keys[0], Fate.REFUSED, T0)
        assert work.suppressions.known({"ann@a.test", "bob@a.test"}).watched == {"ann@a.test"}
    with store.write() as work:
        work.suppressions.note_left([("ann@a.test", keys[1]), ("ann@a.test", keys[0])], T0 + MINUTE)
        work.suppressions.note_left([("ann@a.test", keys[1])], T0 + 2 * MINUTE)
        work.suppressions.note_left([], T0)
        assert work.suppressions.past("ann@a.test") == [
            PastMail(T0, Fate.BOUNCED),
            PastMail(T0 + MINUTE, Fate.LEFT),
        ]
        assert work.suppressions.note_fate("ann@a.test", keys[1], Fate.BOUNCED, T0 + 9 * MINUTE)
        assert work.suppressions.note_fate("ann@a.test", keys[1], Fate.COMPLAINED, T0 + 9 * MINUTE)
        assert work.suppressions.past("ann@a.test")[1] == PastMail(T0 + MINUTE, Fate.COMPLAINED)
    with store.write() as work:
        work.suppressions.lift("ann@a.test")
        assert work.suppressions.past("ann@a.test") == []


def test_who_is_left_out_is_told_with_the_mail(store: Store, queue: Queue) -> None:
    queue.accept()
    [message] = queue.claim()
    queue.process(message, mail=replace(RENDERED, left_out=("bob@a.test", "cy@a.test")))
    told = [(event.kind, event.detail) for event in queue.get().events[2:]]
    left_out = [(EventKind.LEFT_OUT, "bob@a.test"), (EventKind.LEFT_OUT, "cy@a.test")]
    assert told == [*left_out, (EventKind.PROCESSED, "")]
