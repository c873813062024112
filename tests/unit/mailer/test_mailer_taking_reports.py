"""Reports over fakes: what the history tells, who gets no more mails, what the scheduler hears."""

from dataclasses import replace

import pytest

from services.mailer.domain.bounces import Reason
from services.mailer.domain.delivery import Answer, RefusedRecipient, Stage
from services.mailer.domain.message import EventKind, State
from services.mailer.reports.reading import read_report
from services.mailer.use_cases.bounces import Taken, take_report
from services.mailer.use_cases.send import send_some
from tests.fakes.mailer_desk import Office
from tests.fakes.mailer_reports import PATHS, arf, dsn

ANN, BOB, CY = "ann@a.test", "bob@a.test", "cy@a.test"
GONE = ("5.1.1", "550 5.1.1 no such user")
FULL = ("4.2.2", "452 4.2.2 mailbox full")


@pytest.fixture
def office() -> Office:
    return Office()


def _send(office: Office, number: int, *emails: str) -> None:
    office.accept(1, start=number)
    office.write_to(number, *emails)
    office.run_all()


def _take(office: Office, mail: bytes) -> Taken:
    return take_report(read_report(mail), PATHS, begin=office.store.write, clock=office.clock)


def _come_back(office: Office, number: int, email: str, status: str, words: str) -> Taken:
    return _take(office, dsn(PATHS.of(number).address, (email, status, words)))


def _suppressed(office: Office) -> dict[str, Reason]:
    return {email: one.reason for email, (_key, one) in office.store.work.suppressions.all.items()}


def test_a_mail_to_nobody_any_more_is_told_and_suppresses_the_address_at_once(office: Office) -> None:
    _send(office, 1, ANN, BOB)
    assert _come_back(office, 1, ANN, *GONE) is Taken.NOTED
    assert office.message().state is State.SENT
    assert office.last() == (EventKind.BOUNCED, "ann@a.test: 550 5.1.1 no such user")
    bounced = {
        "notice_id": "notice-1",
        "email": ANN,
        "status": "5.1.1",
        "reason": "550 5.1.1 no such user",
        "permanent": True,
    }
    suppressed = {"email": ANN, "reason": "BOUNCED_FOR_GOOD"}
    assert office.store.facts()[1:] == [("message_bounced", bounced), ("address_suppressed", suppressed)]
    found = office.store.work.suppressions.get(ANN)
    assert found is not None
    assert (found.detail, found.notice_id) == ("550 5.1.1 no such user", "notice-1")


def test_a_report_that_comes_twice_changes_nothing_the_second_time(office: Office) -> None:
    _send(office, 1, ANN)
    _come_back(office, 1, ANN, *GONE)
    facts, events = list(office.store.facts()), office.message().events
    assert _come_back(office, 1, ANN, *GONE) is Taken.KNOWN
    assert (office.store.facts(), office.message().events) == (facts, events)


def test_the_fifth_in_a_row_suppresses_and_no_earlier_one(office: Office) -> None:
    for number in range(1, 6):
        _send(office, number, ANN)
        assert _suppressed(office) == {}
        assert _come_back(office, number, ANN, *FULL) is Taken.NOTED
        office.wait(days=6)
    assert _suppressed(office) == {ANN: Reason.BOUNCES_REPEATED}
    assert office.store.facts()[-2][1]["permanent"] is False


def test_a_mail_that_arrives_in_between_ends_the_row(office: Office) -> None:
    for number in range(1, 8):
        _send(office, number, ANN)
        office.wait(days=3)
        if number != 4:
            _come_back(office, number, ANN, *FULL)
    assert _suppressed(office) == {}


def test_of_five_addresses_two_that_bounce_are_left_out_and_three_go_on(office: Office) -> None:
    emails = [f"{name}@a.test" for name in "abcde"]
    _send(office, 1, *emails)
    to = PATHS.of(1).address
    assert _take(office, dsn(to, ("a@a.test", *GONE), ("d@a.test", *GONE))) is Taken.NOTED
    _send(office, 2, *emails)
    assert office.transport.sent[-1].recipients == ("b@a.test", "c@a.test", "e@a.test")
    told = [event.detail for event in office.message(2).events if event.kind is EventKind.LEFT_OUT]
    assert told == ["a@a.test", "d@a.test"]


def test_addresses_are_suppressed_in_order_whatever_the_order_in_a_report(office: Office) -> None:
    """Or two reports with the same addresses in another order wait for each other on PostgreSQL."""
    _send(office, 1, CY, ANN, BOB)
    _take(office, dsn(PATHS.of(1).address, (CY, *GONE), (ANN, *GONE), (BOB, *GONE)))
    facts = [fact["email"] for name, fact in office.store.facts() if name == "address_suppressed"]
    assert facts == [ANN, BOB, CY]


def test_a_complaint_suppresses_at_once(office: Office) -> None:
    _send(office, 1, ANN)
    assert _take(office, arf(PATHS.of(1).address, who=ANN)) is Taken.NOTED
    assert _suppressed(office) == {ANN: Reason.COMPLAINED}
    assert office.last() == (EventKind.COMPLAINED, "ann@a.test: SomeISP/1.0")
    assert _take(office, arf(PATHS.of(1).address, who=ANN)) is Taken.KNOWN


def test_a_policy_is_told_and_never_counts(office: Office) -> None:
    for number in range(1, 8):
        _send(office, number, ANN)
        assert _come_back(office, number, ANN, "5.7.1", "550 5.7.1 spam") is Taken.NOTED
    assert _suppressed(office) == {}


def test_what_staff_have_lifted_counts_anew(office: Office) -> None:
    for number in range(1, 6):
        _send(office, number, ANN)
        _come_back(office, number, ANN, *FULL)
    with office.store.write() as work:
        work.suppressions.lift(ANN)
    _send(office, 6, ANN)
    _come_back(office, 6, ANN, *FULL)
    assert _suppressed(office) == {}


# Forged


def test_a_report_that_we_cannot_have_asked_for_suppresses_nobody(office: Office) -> None:
    _send(office, 1, ANN)
    _send(office, 2, BOB)
    forged = "bounces+1-00000000000000000000@mail.test"
    assert _take(office, dsn(forged, (ANN, *GONE))) is Taken.STRANGE
    assert _take(office, dsn("bounces@mail.test", (ANN, *GONE))) is Taken.STRANGE
    assert _take(office, arf(forged, who=ANN)) is Taken.STRANGE
    assert _come_back(office, 2, ANN, *GONE) is Taken.STRANGE, "it went to somebody else"
    assert _come_back(office, 99, ANN, *GONE) is Taken.STRANGE, "there is no such message"
    assert _suppressed(office) == {}
    assert len(office.store.facts()) == 2


def test_a_report_that_comes_before_its_mail_is_known_to_have_left_has_to_come_again(office: Office) -> None:
    office.accept()
    office.transport.meanwhile = lambda: taken.append(_come_back(office, 1, ANN, *GONE))
    office.write_to(1, ANN)
    taken: list[Taken] = []
    office.run()
    assert taken == [Taken.TOO_EARLY]
    assert _come_back(office, 1, ANN, *GONE) is Taken.NOTED


# What the SMTP server says itself


def test_whom_the_server_does_not_know_is_suppressed_as_if_it_came_back(office: Office) -> None:
    refused = (
        RefusedRecipient(ANN, 550, "5.1.1 no such user"),
        RefusedRecipient(BOB, 550, "5.7.1 not from you"),
        RefusedRecipient(CY, 450, "4.2.0 later"),
    )
    office.transport.answers = [Answer(Stage.CONTENT, 250, "ok", refused)]
    _send(office, 1, ANN, BOB, CY, "dee@a.test")
    assert _suppressed(office) == {ANN: Reason.BOUNCED_FOR_GOOD}
    names = [name for name, _body in office.store.facts()]
    assert names == ["message_sent", "address_suppressed"]


def test_a_mail_that_was_given_up_for_its_recipients_suppresses_them(office: Office) -> None:
    refused = (RefusedRecipient(ANN, 550, "5.1.1 no such user"),)
    office.transport.answers = [Answer(Stage.RECIPIENTS, 550, "5.1.1 no such user", refused)]
    _send(office, 1, ANN)
    assert office.states() == [State.FAILED]
    assert _suppressed(office) == {ANN: Reason.BOUNCED_FOR_GOOD}


def test_a_mail_that_is_only_put_off_suppresses_nobody(office: Office) -> None:
    refused = (RefusedRecipient(ANN, 550, "5.1.1 no such user"), RefusedRecipient(BOB, 450, "4.2.0 later"))
    office.transport.answers = [Answer(Stage.RECIPIENTS, 450, "4.2.0 later", refused)]
    _send(office, 1, ANN, BOB)
    assert office.states() == [State.DEFERRED]
    assert _suppressed(office) == {}


def test_a_mail_leaves_by_its_own_return_path_where_reports_are_taken_in(office: Office) -> None:
    office.accept()
    send_some(replace(office.desk(), return_path=lambda message: PATHS.of(message.key)))
    [mail] = office.transport.sent
    assert (mail.sender, mail.envelope_id) == (PATHS.of(1).address, PATHS.of(1).envelope_id)
