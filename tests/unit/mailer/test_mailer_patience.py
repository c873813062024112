"""A mail is given up for what its servers said, never for time in which it could not be tried."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from services.mailer.domain.delivery import Answer, Stage
from services.mailer.domain.letter import NotYet
from services.mailer.domain.message import Lane, State
from tests.fakes.mailer_desk import Office, a_letter

LATER = Answer(Stage.SENDER, 451, "greylisted, come again")
AWAY = Answer(Stage.CONNECT, None, "connection refused")
EVENING = datetime(2026, 3, 2, 23, 59, tzinfo=UTC)


@pytest.fixture
def tried_once() -> Office:
    """A minute before midnight a mail was told "later" once."""
    office = Office()
    office.clock.set(EVENING)
    office.accept()
    office.transport.answers = [LATER]
    office.run_all()
    assert office.states() == [State.DEFERRED]
    return office


def stopped(office: Office) -> None:
    office.stop()
    for _ in range(3):
        office.wait(days=1)
        office.run_all()
    office.stop(stopped=False)


def server_away(office: Office) -> None:
    office.transport.trouble, office.transport.open = AWAY, False
    for _ in range(36):
        office.wait(hours=2)
        office.run_all()
    office.transport.trouble = None
    office.wait(minutes=1)


def capped(office: Office) -> None:
    """What is urgent uses up each day's cap as the day begins."""
    office.limit(daily_cap=1)
    for day in range(3):
        office.clock.set(EVENING + timedelta(days=day, minutes=1))
        office.accept(start=10 + day, lane=Lane.AT_ONCE)
        office.run_all()
    assert len(office.transport.sent) == 3
    office.clock.set(EVENING + timedelta(days=3, minutes=1))


def put_off(office: Office) -> None:
    monday = EVENING + timedelta(days=3)
    office.reviews.verdicts["notice-1"] = NotYet(monday, "CLOSED_DAY", "Held over the holidays.")
    office.wait(minutes=5)
    office.run_all()
    office.reviews.verdicts["notice-1"] = a_letter()
    office.clock.set(monday)


@pytest.mark.parametrize("meanwhile", [stopped, server_away, capped, put_off])
def test_days_in_which_nothing_can_be_tried_count_for_nothing(
    tried_once: Office, meanwhile: Callable[[Office], None]
) -> None:
    meanwhile(tried_once)
    tried_once.transport.answers = [LATER]
    tried_once.run_all()
    assert tried_once.message().state is State.DEFERRED, tried_once.last()
    tried_once.wait(minutes=2)
    tried_once.run_all()
    assert tried_once.message().state is State.SENT


def test_a_server_that_says_later_for_two_days_is_believed(tried_once: Office) -> None:
    tried_once.transport.answers = [LATER] * 18
    while tried_once.message().state is State.DEFERRED:
        tried_once.wait(minutes=1)
        tried_once.run_all()
    assert tried_once.message().state is State.FAILED
    assert not tried_once.transport.answers, "nineteen attempts in all"
    assert timedelta(hours=44) < tried_once.clock.now() - EVENING <= timedelta(days=2)
