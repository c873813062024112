"""Sending over fakes: what goes out, what waits, what is told."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from services.mailer.domain.delivery import Answer, RefusedRecipient, Stage
from services.mailer.domain.letter import Unusable, Withheld
from services.mailer.domain.message import CannotWrite, EventKind, State
from services.mailer.use_cases.claim import BATCH
from services.mailer.use_cases.keep import LEASE, LOOK_SECONDS, RENEW_AFTER, release_dead, renew_leases
from services.mailer.use_cases.send import send_some
from tests.fakes.mailer_desk import FakeTransport, Office

REFUSED = Answer(Stage.CONNECT, None, "Connection refused")


@pytest.fixture
def office() -> Office:
    return Office()


def test_an_accepted_message_is_reviewed_written_sent_and_told(office: Office) -> None:
    office.accept()
    assert office.run()
    kinds = [event.kind for event in office.message().events]
    expected = [EventKind.QUEUE_TRIGGERED, EventKind.QUEUED, EventKind.PROCESSED, EventKind.SENT]
    assert kinds == expected
    assert office.message().sent_at == office.clock.now()
    fact = {"notice_id": "notice-1", "message_id": "<notice-1@example.test>"}
    assert office.store.facts() == [("message_sent", fact)]
    assert not office.run()


def test_the_bytes_in_the_history_are_the_bytes_that_were_handed_over(office: Office) -> None:
    office.accept()
    office.run()
    assert office.store.work.messages.mime("notice-1") == office.transport.sent[0].mime


def test_a_withheld_message_is_not_sent_and_says_why(office: Office) -> None:
    office.accept(2)
    office.reviews.verdicts["notice-1"] = Withheld("NOTHING_LEFT_TO_PAY", "It was paid.")
    office.run()
    assert office.states() == [State.WITHHELD, State.SENT]
    assert office.last() == (EventKind.WITHHELD, "NOTHING_LEFT_TO_PAY: It was paid.")
    assert len(office.store.facts()) == 1


def test_a_review_that_makes_no_sense_fails_its_own_message_only(office: Office) -> None:
    office.accept(2)
    office.reviews.verdicts["notice-1"] = Unusable("it names no recipient")
    office.run()
    assert office.states() == [State.FAILED, State.SENT]
    fact = {"notice_id": "notice-1", "reason": "it names no recipient"}
    assert ("message_failed", fact) in office.store.facts()


def test_without_a_second_look_nothing_goes_out_and_the_history_says_so_once(office: Office) -> None:
    office.accept(3)
    office.reviews.away = True
    for _ in range(5):
        assert not office.run()
        office.wait(seconds=2)
    assert office.states() == [State.QUEUED] * 3
    assert office.transport.sent == []
    assert [event.kind for event in office.message().events].count(EventKind.DEFERRED) == 1
    office.reviews.away = False
    office.run()
    assert office.states() == [State.SENT] * 3


def test_a_notice_without_a_verdict_waits_and_is_asked_about_again_and_others_leave(office: Office) -> None:
    """As of a newer scheduler that has verdicts of which this release knows nothing."""
    office.accept(3)
    office.reviews.unanswered = {"notice-2"}
    for _ in range(5):
        office.run_all()
        office.wait(seconds=2)
    assert office.states() == [State.SENT, State.QUEUED, State.SENT]
    told = [event.detail for event in office.message(2).events if event.kind is EventKind.DEFERRED]
    assert told == ["Waits for the second look; the scheduler's answer was incomplete."]
    office.reviews.unanswered.clear()
    office.run_all()
    assert office.states() == [State.SENT] * 3


def test_a_permanent_refusal_fails_at_once_with_the_servers_words(office: Office) -> None:
    office.accept()
    refused = (RefusedRecipient("ann@example.test", 550, "5.1.1 no such user"),)
    office.transport.answers = [Answer(Stage.RECIPIENTS, 550, "5.1.1 no such user", refused)]
    office.run()
    assert office.last() == (EventKind.FAILED, "ann@example.test: 550 5.1.1 no such user")
    assert office.store.facts()[0][0] == "message_failed"


def test_a_temporary_refusal_waits_longer_each_time_and_then_goes(office: Office) -> None:
    office.accept()
    office.transport.answers = [Answer(Stage.SENDER, 451, "4.3.0 try later")] * 3
    for minutes in (1, 2, 4):
        assert office.run()
        assert office.last() == (EventKind.DEFERRED, "451 4.3.0 try later")
        office.wait(seconds=minutes * 60 - 1)
        assert not office.run()
        office.wait(seconds=1)
    office.run()
    assert office.states() == [State.SENT]


def test_a_mail_waits_three_times_for_all_its_recipients_and_then_goes_to_those_who_can_have_it(
    office: Office,
) -> None:
    busy = (RefusedRecipient("bob@x.test", 450, "4.2.0 busy"),)
    office.accept()
    office.transport.answers = [Answer(Stage.RECIPIENTS, 450, "4.2.0 busy", busy)] * 3
    office.transport.answers.append(Answer(Stage.CONTENT, 250, "ok", busy))
    for minutes in (1, 2, 4):
        office.run()
        assert office.last() == (EventKind.DEFERRED, "bob@x.test: 450 4.2.0 busy")
        office.wait(minutes=minutes)
    office.run()
    assert office.transport.together == [True, True, True, False]
    words = "250 ok Not taken for bob@x.test: 450 4.2.0 busy. Nothing more is sent to them."
    assert office.last() == (EventKind.SENT, words)


def test_while_the_server_is_away_only_probes_are_made_and_then_all_go_at_once(office: Office) -> None:
    office.accept(50)
    office.transport.trouble = REFUSED
    assert not office.run()
    told = [len(office.message(number).events) for number in range(1, 51)]
    assert sum(told) == 50 * 2 + 1, "one message tells of it: DEFERRED"
    assert office.reviews.asked == [], "nothing is asked about a mail that cannot leave"
    for _ in range(100):
        office.wait(seconds=1)
        assert not office.run()
    assert 45 <= office.transport.probes <= 55
    assert sum(len(office.message(number).events) for number in range(1, 51)) == 50 * 2 + 1
    office.transport.trouble = None
    office.wait(seconds=2)
    while office.run():
        pass
    assert office.states() == [State.SENT] * 50


def test_an_outage_of_days_makes_no_message_fail(office: Office) -> None:
    office.accept()
    office.transport.trouble = REFUSED
    for _ in range(10):
        office.run()
        office.wait(days=1)
    office.transport.trouble = None
    office.run()
    assert office.states() == [State.SENT]


def test_a_server_that_refuses_our_login_is_asked_once_a_minute(office: Office) -> None:
    office.accept()
    office.transport.trouble = Answer(Stage.CONNECT, 535, "5.7.8 bad password")
    office.run()
    assert office.last() == (EventKind.DEFERRED, "535 5.7.8 bad password")
    for _ in range(59):
        office.wait(seconds=1)
        office.run()
    assert office.transport.probes == 0
    office.wait(seconds=1)
    office.run()
    assert office.transport.probes == 1


def test_a_lost_connection_is_tried_again_within_seconds(office: Office) -> None:
    office.accept(2)
    office.transport.answers = [Answer(Stage.CONTENT, None, "The connection was lost.")]
    office.run()
    assert office.states() == [State.DEFERRED, State.SENT]
    assert "not known whether" in office.last()[1]
    office.wait(seconds=2)
    office.run()
    assert office.states() == [State.SENT] * 2


def test_a_mail_that_cannot_be_written_fails_and_the_next_one_goes(office: Office) -> None:
    office.accept()
    office.press.error = CannotWrite("'x' is not an email address")
    office.run()
    assert office.last() == (EventKind.FAILED, "MAIL_CANNOT_BE_WRITTEN: 'x' is not an email address")


def test_a_mistake_of_ours_in_writing_defers_the_mail_and_does_not_stop_the_worker(office: Office) -> None:
    office.accept()
    office.press.error = KeyError("secret detail")
    assert office.run()
    assert office.last() == (EventKind.DEFERRED, "The mail could not be written: KeyError.")
    office.press.error = None
    office.wait(minutes=1)
    office.run()
    assert office.states() == [State.SENT]


def _keep(office: Office) -> int:
    return renew_leases(office.under_way, begin=office.store.write, clock=office.clock)


def test_a_message_whose_lease_has_passed_on_is_not_sent_by_the_first_worker(office: Office) -> None:
    other = FakeTransport()

    def other_worker() -> None:
        office.transport.meanwhile = lambda: None
        for _ in range(12):
            office.wait(seconds=10)
            _keep(office)
        send_some(office.desk("b", other))

    office.accept(2)
    office.transport.meanwhile = other_worker
    office.run()
    assert [len(office.transport.sent), len(other.sent)] == [1, 1]
    assert office.states() == [State.SENT] * 2


def test_a_mail_that_a_slow_server_takes_long_over_is_sent_by_nobody_else(office: Office) -> None:
    other = FakeTransport()

    def slowly() -> None:
        for _ in range(30):
            office.wait(seconds=LOOK_SECONDS)
            _keep(office)
            send_some(office.desk("b", other))

    office.accept()
    office.transport.meanwhile = slowly
    office.run()
    assert [len(office.transport.sent), len(other.sent)] == [1, 0]
    assert office.states() == [State.SENT]
    assert _keep(office) == 0, "nothing is kept once it has ended"


def test_a_mail_that_goes_quickly_costs_no_renewal(office: Office) -> None:
    renewed: list[int] = []

    def quickly() -> None:
        office.wait(seconds=0.01)
        renewed.append(_keep(office))

    office.accept(5)
    office.transport.meanwhile = quickly
    office.run()
    assert renewed == [0] * 5


def test_a_keeper_that_is_late_by_ten_seconds_still_keeps_the_lease() -> None:
    assert RENEW_AFTER.total_seconds() + LOOK_SECONDS + 10 < LEASE.total_seconds()


def test_what_a_slow_server_leaves_no_time_for_is_given_to_other_workers(office: Office) -> None:
    office.accept(50)
    office.transport.meanwhile = lambda: office.wait(seconds=10)
    office.run()
    assert office.states().count(State.SENT) == 2
    assert office.states().count(State.QUEUED) == 48


def _killed(office: Office, at: Callable[[], None]) -> None:
    office.transport.meanwhile = at
    with pytest.raises(KeyboardInterrupt):
        office.run()
    office.transport.meanwhile = lambda: None


def _die() -> Any:
    raise KeyboardInterrupt


def test_what_a_killed_worker_had_claimed_goes_out_once_it_is_known_to_be_dead(office: Office) -> None:
    office.accept(5)
    _killed(office, _die)
    assert not send_some(office.desk("b")), "the lease still holds"
    released = release_dead(
        lambda owner: owner == "a", read=office.store.read, write=office.store.write, clock=office.clock
    )
    assert released == 5
    send_some(office.desk("b"))
    assert office.states() == [State.SENT] * 5


def test_a_killed_worker_of_another_machine_loses_its_leases_within_a_minute(office: Office) -> None:
    office.accept(3)
    _killed(office, _die)
    office.wait(seconds=30)
    assert not send_some(office.desk("b")), "it might be alive"
    office.wait(seconds=29)
    send_some(office.desk("b"))
    assert office.states() == [State.SENT] * 3


def test_right_after_an_outage_nobody_sends_what_another_one_may_have_sent(office: Office) -> None:
    office.accept(3)
    _killed(office, _die)
    office.wait(seconds=59)
    send_some(replace(office.desk("b"), may_take_over=lambda: False))
    assert State.SENT not in office.states()
    send_some(office.desk("b"))
    assert office.states() == [State.SENT] * 3


def test_a_worker_that_was_frozen_sends_nothing_more_on_an_old_look(office: Office) -> None:
    other = FakeTransport()

    def freeze() -> None:
        office.transport.meanwhile = lambda: None
        office.wait(seconds=60)
        send_some(office.desk("b", other))

    office.accept(20)
    office.transport.meanwhile = freeze
    office.run()
    assert [len(office.transport.sent), len(other.sent)] == [1, 20], "one copy more, of what was under way"


def test_other_workers_are_woken_if_one_cannot_claim_all(office: Office) -> None:
    woken: list[bool] = []
    desk = replace(office.desk(), more=lambda: woken.append(True))
    office.accept(BATCH + 1)
    assert send_some(desk)
    assert send_some(desk)
    assert woken == [True]


def test_an_idle_worker_lets_its_connection_rest(office: Office) -> None:
    assert not office.run()
    assert office.transport.rests == 1
