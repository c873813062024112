"""Mails that may go later: each is asked about once, waits until then, and uses nothing meanwhile."""

from datetime import UTC, datetime, timedelta

import pytest

from services.mailer.domain.delivery import Answer, Stage
from services.mailer.domain.letter import NotYet
from services.mailer.domain.message import EventKind, State
from tests.fakes.mailer_desk import Office, a_letter

LATER = Answer(Stage.SENDER, 451, "later")
EVENING = datetime(2026, 3, 2, 21, 0, tzinfo=UTC)
MORNING = datetime(2026, 3, 3, 8, 0, tzinfo=UTC)
QUIET = NotYet(MORNING, "QUIET_HOURS", "Held until 08:00 (UTC) by quiet hours.")
TOLD = (EventKind.DEFERRED, QUIET.explanation)


@pytest.fixture
def office() -> Office:
    office = Office()
    office.clock.set(EVENING)
    return office


def hold(office: Office, *numbers: int, why: NotYet = QUIET) -> None:
    for number in numbers:
        office.reviews.verdicts[f"notice-{number}"] = why


def let_go(office: Office, *numbers: int) -> None:
    for number in numbers:
        office.reviews.verdicts[f"notice-{number}"] = a_letter()


def test_it_waits_until_then_and_others_leave(office: Office) -> None:
    office.accept(3)
    hold(office, 2)
    office.run_all()
    assert office.states() == [State.SENT, State.QUEUED, State.SENT]
    assert office.last(2) == TOLD
    let_go(office, 2)
    office.clock.set(MORNING - timedelta(seconds=1))
    office.run_all()
    assert len(office.transport.sent) == 2
    office.clock.set(MORNING)
    office.run_all()
    assert office.states() == [State.SENT] * 3


def test_many_that_wait_are_asked_about_once(office: Office) -> None:
    office.accept(130)
    hold(office, *range(1, 131))
    office.run_all()
    asked = [notice_id for ids in office.reviews.asked for notice_id in ids]
    assert len(asked) == len(set(asked)) == 130
    while office.clock.now() < MORNING - timedelta(minutes=7):
        office.wait(minutes=7)
        office.run_all()
    assert sum(map(len, office.reviews.asked)) == 130


def test_the_same_words_stand_in_the_history_once_and_new_ones_again(office: Office) -> None:
    office.accept()
    for night in range(3):
        office.clock.set(EVENING + timedelta(days=night))
        hold(office, 1, why=NotYet(MORNING + timedelta(days=night), QUIET.reason, QUIET.explanation))
        office.run_all()
    assert [event.kind for event in office.message().events[2:]] == [EventKind.DEFERRED]
    office.clock.set(MORNING + timedelta(days=2))
    hold(office, 1, why=NotYet(MORNING + timedelta(days=4), "CLOSED_DAY", "Held over the weekend."))
    office.run_all()
    assert office.last() == (EventKind.DEFERRED, "Held over the weekend.")


def test_after_an_attempt_it_is_told_again(office: Office) -> None:
    office.accept()
    hold(office, 1)
    office.run_all()
    let_go(office, 1)
    office.transport.answers = [LATER]
    office.clock.set(MORNING)
    office.run_all()
    assert office.last()[1].startswith("451")
    hold(office, 1, why=NotYet(MORNING + timedelta(days=1), QUIET.reason, QUIET.explanation))
    office.wait(minutes=5)
    office.run_all()
    assert office.last() == TOLD


def test_it_uses_none_of_the_daily_cap(office: Office) -> None:
    office.limit(daily_cap=2)
    office.accept(5)
    hold(office, 1, 2, 3)
    office.run_all()
    assert office.sent() == ["notice-4", "notice-5"]


def test_it_leaves_the_line_of_its_domain_and_takes_no_slot(office: Office) -> None:
    office.limit(domain_per_minute=1)
    office.accept(3)
    office.run_all()
    assert len(office.transport.sent) == 1
    assert office.standing().waiting == 2
    hold(office, 2, 3)
    office.wait(minutes=5)
    office.run_all()
    assert office.standing().waiting == 0
    office.accept(start=4)
    office.run_all()
    assert office.sent() == ["notice-1", "notice-4"]


def test_a_scheduler_whose_clock_is_slow_is_not_asked_again_and_again(office: Office) -> None:
    office.accept()
    hold(office, 1, why=NotYet(EVENING - timedelta(seconds=5), "QUIET_HOURS", "Held."))
    office.run_all()
    assert len(office.reviews.asked) == 1
    office.wait(seconds=2)
    office.run_all()
    assert len(office.reviews.asked) == 2


def test_what_was_tried_before_is_not_given_up_sooner_for_the_time_that_it_rests(office: Office) -> None:
    office.accept()
    office.transport.answers = [LATER]
    office.run_all()
    after_the_holidays = EVENING + timedelta(days=4)
    hold(office, 1, why=NotYet(after_the_holidays, "CLOSED_DAY", "Held over the holidays."))
    office.wait(minutes=5)
    office.run_all()
    assert office.states() == [State.DEFERRED]
    let_go(office, 1)
    office.transport.answers = [LATER]
    office.clock.set(after_the_holidays)
    office.run_all()
    assert office.states() == [State.DEFERRED], "two days in which it could go are not over"
    office.wait(minutes=5)
    office.run_all()
    assert office.states() == [State.SENT]
