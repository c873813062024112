"""What holds mails back, over fakes: lanes, the stop switch, the daily cap, domains, suppressed addresses."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from services.mailer.domain.bounces import Fate, Reason, Suppression
from services.mailer.domain.delivery import Answer, Stage
from services.mailer.domain.message import EventKind, Lane, State
from services.mailer.domain.sending import (
    Limits,
    SendingInvalid,
    checked_limits,
)
from services.mailer.ports import Work
from services.mailer.use_cases.send import send_some
from tests.fakes.mailer_desk import FakeTransport, Office

T0 = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
LATER = Answer(Stage.SENDER, 451, "4.3.0 try later")


@pytest.fixture
def office() -> Office:
    return Office()


def _suppress(office: Office, *emails: str) -> None:
    with office.store.write() as work:
        for email in emails:
            work.suppressions.add(Suppression(email, Reason.BOUNCED_FOR_GOOD, "", office.clock.now()))


def test_what_is_urgent_leaves_before_what_was_there_earlier(office: Office) -> None:
    office.accept(60, lane=Lane.BULK)
    office.accept(2, start=61)
    office.accept(1, start=63, lane=Lane.AT_ONCE)
    office.run_all()
    assert office.sent()[:3] == ["notice-63", "notice-61", "notice-62"]
    assert len(office.sent()) == 63


def test_a_retry_leaves_before_what_came_later_in_its_lane(office: Office) -> None:
    office.accept(1, lane=Lane.BULK)
    office.transport.answers = [LATER]
    office.run()
    office.wait(seconds=59)
    office.accept(5, start=2, lane=Lane.BULK)
    office.wait(seconds=1)
    office.run_all()
    assert office.sent() == [f"notice-{n}" for n in (2, 3, 4, 5, 6, 1)], "in the order of when they are due"


class Watched:
    """A transaction, and what is asked of it."""

    def __init__(self, inner: Any, asked: list[str]) -> None:
        self._inner, self._asked = inner, asked

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if not callable(found):
            return Watched(found, self._asked)
        self._asked.append(name)
        return found


def test_locks_are_taken_in_the_order_that_is_promised(office: Office) -> None:
    """See repository/sending.py: the day, the domains, messages, then addresses."""
    asked: list[str] = []
    office.limit(daily_cap=10, domain_per_minute=10)
    _suppress(office, "gone@a.test")
    with office.store.write() as work:
        work.suppressions.note_fate("ann@a.test", 99, Fate.BOUNCED, T0)
    office.accept(2)
    office.write_to(1, "gone@a.test")
    office.write_to(2, "gone@a.test", "ann@a.test")
    desk = office.desk()

    @contextmanager
    def watched() -> Iterator[Work]:
        with office.store.write() as work:
            yield Watched(work, asked)  # type: ignore[misc]

    send_some(replace(desk, begin=watched))
    order = ["lock_day", "lock_lines", "withhold", "note_left"]
    assert [name for name in asked if name in order] == order
    assert office.states() == [State.WITHHELD, State.SENT]


# The stop switch


def test_nothing_is_claimed_while_everything_is_stopped_and_all_of_it_goes_afterwards(office: Office) -> None:
    office.accept(3)
    assert office.stop().sending.stopped_by == "Ann"
    assert not office.run()
    assert office.states() == [State.QUEUED] * 3
    assert office.standing().waiting == 3
    assert office.reviews.asked == []
    assert not office.stop(stopped=False).sending.is_stopped
    office.run_all()
    assert office.states() == [State.SENT] * 3


def test_a_stop_while_a_mail_is_handed_over_lets_that_one_end_and_no_other_begin(office: Office) -> None:
    office.accept(5)
    office.transport.meanwhile = lambda: office.stop() and None
    assert not office.run()
    assert office.states() == [State.SENT] + [State.QUEUED] * 4
    assert office.message(2).events[-1].kind is EventKind.PROCESSED


def test_a_stop_during_the_second_look_lets_nothing_begin(office: Office) -> None:
    office.accept(5)
    office.reviews.meanwhile = lambda _count: office.stop() and None
    assert not office.run()
    assert office.transport.sent == []
    assert office.states() == [State.QUEUED] * 5


def test_a_stop_while_mails_are_written_lets_nothing_begin(office: Office) -> None:
    office.accept(5)
    office.press.meanwhile = lambda: office.stop() and None
    assert not office.run()
    assert office.transport.sent == []
    assert office.states() == [State.QUEUED] * 5
    assert EventKind.PROCESSED not in [event.kind for event in office.message().events]


def test_a_stop_reaches_every_worker_at_its_next_mail(office: Office) -> None:
    office.accept(100)
    other = FakeTransport()

    def both() -> None:
        office.transport.meanwhile = lambda: None
        send_some(office.desk("b", other))
        office.stop()

    office.transport.meanwhile = both
    office.run()
    assert len(other.sent) == 50
    assert len(office.transport.sent) == 1


def test_a_repeated_stop_names_the_first_one_who_did_it(office: Office) -> None:
    first = office.stop().sending
    office.wait(minutes=5)
    assert office.stop().sending == first


# The daily cap


def test_so_many_leave_on_a_day_and_the_rest_on_the_next_ones(office: Office) -> None:
    office.limit(daily_cap=30)
    office.accept(70)
    office.run_all()
    assert len(office.transport.sent) == 30
    assert (office.standing().sent_today, office.standing().waiting) == (30, 40)
    asked = sum(map(len, office.reviews.asked))
    office.wait(hours=2)
    office.run_all()
    assert sum(map(len, office.reviews.asked)) == asked, "what waits for tomorrow is not looked at today"
    for expected in (60, 70):
        office.wait(days=1)
        office.run_all()
        assert len(office.transport.sent) == expected
    assert len([event for event in office.message(70).events if event.kind is EventKind.DEFERRED]) == 0


def test_what_is_urgent_is_never_held_back_but_counts(office: Office) -> None:
    office.limit(daily_cap=10)
    office.accept(6, lane=Lane.AT_ONCE)
    office.accept(10, start=7)
    office.run_all()
    assert len(office.transport.sent) == 10
    office.accept(20, start=17, lane=Lane.AT_ONCE)
    office.run_all()
    assert len(office.transport.sent) == 30
    assert office.standing().waiting == 6


def test_a_mail_that_is_tried_again_on_the_same_day_counts_once(office: Office) -> None:
    office.limit(daily_cap=2)
    office.accept(3)
    office.transport.answers = [LATER, LATER]
    office.run_all()
    office.wait(minutes=1)
    office.run_all()
    assert office.states() == [State.SENT, State.SENT, State.QUEUED]


def test_a_cap_that_is_set_in_the_middle_of_a_day_counts_what_has_left_before(office: Office) -> None:
    office.accept(8)
    office.run_all()
    office.limit(daily_cap=10)
    office.accept(5, start=9)
    office.run_all()
    assert len(office.transport.sent) == 10
    office.limit(daily_cap=0)
    office.run_all()
    assert len(office.transport.sent) == 13


@pytest.mark.parametrize(
    ("limits", "field", "reason"),
    [
        (Limits(daily_cap=-1), "sending.daily_cap", "OUT_OF_RANGE"),
        (Limits(daily_cap=10_000_001), "sending.daily_cap", "OUT_OF_RANGE"),
        (Limits(domain_per_minute=100_001), "sending.domain_per_minute", "OUT_OF_RANGE"),
        (Limits(time_zone="Mars/Base"), "sending.time_zone", "TIME_ZONE_UNKNOWN"),
        (Limits(time_zone="../../etc/passwd"), "sending.time_zone", "TIME_ZONE_UNKNOWN"),
        (Limits(time_zone=""), "sending.time_zone", "TIME_ZONE_UNKNOWN"),
        (Limits(time_zone="a\0b"), "sending.time_zone", "TIME_ZONE_UNKNOWN"),
    ],
)
def test_limits_that_cannot_be_are_refused_by_name(limits: Limits, field: str, reason: str) -> None:
    with pytest.raises(SendingInvalid) as refusal:
        checked_limits(limits)
    assert [(one.field, one.reason) for one in refusal.value.violations] == [(field, reason)]


# Domains


def test_mails_to_a_domain_leave_one_after_the_other_and_others_pass_them(office: Office) -> None:
    office.limit(domain_per_minute=6)
    office.accept(4)
    for number in (1, 2, 3):
        office.write_to(number, "ann@a.test")
    office.write_to(4, "bob@b.test")
    office.run_all()
    assert office.sent() == ["notice-1", "notice-4"]
    assert office.standing().waiting == 2
    words = "Waits for its turn: at most 6 mails a minute leave for a.test."
    assert office.last(2) == (EventKind.DEFERRED, words)
    office.wait(seconds=10)
    office.run_all()
    office.wait(seconds=10)
    office.run_all()
    assert office.sent()[2:] == ["notice-2", "notice-3"]
    assert [event.detail for event in office.message(3).events].count(words) == 1
    assert office.store.work.messages.rows[3].attempts == 0


def test_a_higher_limit_lets_those_go_who_waited_for_the_lower_one(office: Office) -> None:
    office.limit(domain_per_minute=1)
    office.accept(20)
    office.run_all()
    assert len(office.transport.sent) == 1
    office.limit(domain_per_minute=100_000)
    office.run_all()
    assert len(office.transport.sent) == 20
    assert office.standing().waiting == 0


def test_a_mail_that_is_looked_at_again_keeps_its_slot(office: Office) -> None:
    office.limit(domain_per_minute=60, daily_cap=9)
    office.accept(2)

    def slow() -> None:
        office.wait(seconds=1.5)

    office.transport.meanwhile = slow
    office.run_all()
    assert len(office.transport.sent) == 2
    assert office.store.work.sending.spent(date(2026, 3, 2)) == 2
    [line] = office.store.work.sending.lines.values()
    assert line.free_at == T0 + timedelta(seconds=2)


# Suppressed addresses


def test_of_five_addresses_two_are_left_out_and_three_get_the_mail(office: Office) -> None:
    emails = [f"{name}@a.test" for name in ("ann", "Bob", "cy", "dee", "eve")]
    office.accept()
    office.write_to(1, *emails)
    _suppress(office, "bob@a.test", "eve@a.test")
    office.run()
    assert office.transport.sent[0].recipients == ("ann@a.test", "cy@a.test", "dee@a.test")
    told = [(event.kind, event.detail) for event in office.message().events[2:]]
    assert told[:2] == [(EventKind.LEFT_OUT, "Bob@a.test"), (EventKind.LEFT_OUT, "eve@a.test")]
    assert [kind for kind, _detail in told[2:]] == [EventKind.PROCESSED, EventKind.SENT]


def test_a_mail_to_nobody_else_is_withheld_and_the_scheduler_is_told(office: Office) -> None:
    office.accept(2)
    office.write_to(1, "ann@a.test", "bob@a.test")
    _suppress(office, "bob@a.test", "ann@a.test")
    office.run()
    assert office.states() == [State.WITHHELD, State.SENT]
    words, code = "Mails to ann@a.test, bob@a.test come back.", "ADDRESSES_SUPPRESSED"
    assert office.last() == (EventKind.WITHHELD, f"{code}: {words}")
    fact = {"notice_id": "notice-1", "reason": words, "code": code}
    assert office.store.facts()[0] == ("message_failed", fact)


def test_a_lifted_address_gets_the_mail_when_it_is_asked_for_again(office: Office) -> None:
    office.accept()
    office.write_to(1, "ann@a.test")
    _suppress(office, "ann@a.test")
    office.run()
    with office.store.write() as work:
        work.suppressions.lift("ann@a.test")
    office.accept()
    office.run()
    assert office.states() == [State.SENT]
