"""The second look: it is taken late, it does not go stale, and it is never asked for in vain."""

from datetime import timedelta

import pytest

from services.mailer.domain.delivery import Answer, Stage
from services.mailer.domain.letter import Withheld
from services.mailer.domain.message import EventKind, State
from services.mailer.domain.pace import MOST_ASKED, Pace
from services.mailer.use_cases.claim import BATCH
from services.mailer.use_cases.send import send_some
from tests.fakes.mailer_desk import Office

EXCLUDED = Withheld("ORGANIZATION_EXCLUDED", "Excluded.")


@pytest.fixture
def office() -> Office:
    return Office()


def test_a_second_look_is_taken_at_several_messages_in_one_call(office: Office) -> None:
    office.accept(BATCH + 1)
    office.run()
    assert [len(asked) for asked in office.reviews.asked] == [MOST_ASKED] * (BATCH // MOST_ASKED)
    office.run()
    assert office.states() == [State.SENT] * (BATCH + 1)


def test_a_review_older_than_a_second_is_taken_again(office: Office) -> None:
    office.accept(3)
    office.transport.meanwhile = lambda: office.wait(seconds=0.6)
    office.run()
    assert office.reviews.asked == [["notice-1", "notice-2", "notice-3"], ["notice-3"]]
    assert office.states() == [State.SENT] * 3


def test_an_exclusion_made_while_a_slow_mail_goes_out_holds_for_the_next_one(office: Office) -> None:
    def exclude() -> None:
        office.wait(seconds=6)
        office.reviews.verdicts["notice-2"] = Withheld("ORGANIZATION_EXCLUDED", "Excluded.")

    office.accept(2)
    office.transport.meanwhile = exclude
    office.run()
    assert office.states() == [State.SENT, State.WITHHELD]
    assert len(office.transport.sent) == 1


def test_an_exclusion_made_while_the_first_mail_is_slow_to_store_holds(office: Office) -> None:
    """A database that hangs between the look and the mail must not let an old look go out."""

    def exclude() -> None:
        office.press.meanwhile = lambda: None
        office.wait(seconds=3)
        office.reviews.verdicts["notice-1"] = EXCLUDED

    office.accept(1)
    office.press.meanwhile = exclude
    office.run()
    assert office.states() == [State.WITHHELD]
    assert office.transport.sent == []


def test_a_slow_second_look_sends_at_least_one_mail_for_each_answer(office: Office) -> None:
    def slowly(_count: int) -> None:
        assert len(office.reviews.asked) <= len(office.transport.sent), "asked in vain"
        office.wait(seconds=1.2)

    office.accept(30)
    office.reviews.meanwhile = slowly
    while office.run():
        pass
    assert office.states() == [State.SENT] * 30


def test_after_a_slow_answer_fewer_are_asked_about_and_more_again_after_quick_ones(office: Office) -> None:
    office.accept(BATCH)
    office.reviews.meanwhile = lambda count: office.wait(seconds=0.1 * count)
    while office.run():
        pass
    assert [len(asked) for asked in office.reviews.asked][:5] == [25, 1, 2, 4, 8]
    assert len(office.reviews.asked) < BATCH / 2, "answers that come in time serve several mails"
    assert office.states() == [State.SENT] * BATCH


def test_few_mails_are_written_in_vain_for_a_slow_server(office: Office) -> None:
    office.accept(BATCH)
    office.transport.meanwhile = lambda: office.wait(seconds=2)
    for _ in range(20):
        office.run()
    assert office.states() == [State.SENT] * BATCH
    kinds = [event.kind for number in range(1, BATCH + 1) for event in office.message(number).events]
    assert kinds.count(EventKind.PROCESSED) == BATCH + MOST_ASKED - 1


def test_mails_that_do_not_go_in_time_are_fewer_next_time() -> None:
    pace = Pace()
    for most in (12, 6, 3, 1, 1):
        pace.went(most * 2, timedelta(seconds=4))
        assert pace.most == most
    for most in (2, 4, 8, 16, MOST_ASKED):
        pace.went(most, timedelta(milliseconds=20))
        assert pace.most == most
    pace.went(3, timedelta(seconds=1.1))
    assert pace.most == 3, "as many as went"


def test_a_scheduler_that_can_answer_for_one_notice_only_gets_the_mails_out(office: Office) -> None:
    def too_many(count: int) -> None:
        office.reviews.away = count > 1
        office.wait(seconds=4 if count > 1 else 1.2)

    office.accept(3)
    office.reviews.meanwhile = too_many
    for _ in range(10):
        office.run()
        office.wait(seconds=2)
    assert office.states() == [State.SENT] * 3


def test_recording_what_is_withheld_lets_no_letter_grow_old(office: Office) -> None:
    office.accept(3)
    office.reviews.verdicts["notice-1"] = EXCLUDED
    told: list[State] = []
    office.transport.meanwhile = lambda: told.append(office.message(1).state)
    office.run()
    assert told == [State.SENDING] * 2
    assert office.states() == [State.WITHHELD, State.SENT, State.SENT]


def test_an_exclusion_made_while_the_connection_is_made_holds(office: Office) -> None:
    def exclude() -> None:
        office.wait(seconds=8)
        office.reviews.verdicts["notice-1"] = EXCLUDED

    office.accept(2)
    office.transport.connecting = exclude
    office.run()
    assert office.states() == [State.WITHHELD, State.SENT]
    assert len(office.transport.sent) == 1


def test_after_a_lost_connection_the_next_mail_is_looked_at_again_once_there_is_a_new_one(
    office: Office,
) -> None:
    def exclude() -> None:
        if office.transport.connects:
            office.reviews.verdicts["notice-2"] = EXCLUDED

    office.accept(2)
    office.transport.connecting = exclude
    office.transport.answers = [Answer(Stage.CONTENT, None, "The connection was lost.")]
    office.run()
    assert office.transport.connects == 2
    assert office.states() == [State.DEFERRED, State.WITHHELD]


def test_a_mail_that_an_ended_connection_did_not_hear_of_goes_at_once_after_another_look(
    office: Office,
) -> None:
    office.accept(2)
    office.transport.answers = [Answer(Stage.SENDER, 421, "enough for one connection", unheard=True)]
    assert office.run()
    assert office.states() == [State.SENT] * 2
    assert [len(asked) for asked in office.reviews.asked] == [2, 2]
    assert EventKind.DEFERRED not in [event.kind for event in office.message().events]
    assert not send_some(office.desk())
