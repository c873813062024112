"""Reading reports: what servers write, what people answer, and what nobody should have to read."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.mailer.domain.bounces import Bounce, Complaint, Kind, kind_of
from services.mailer.domain.report import Report, bounces_about, complaint_about
from services.mailer.reports.reading import read_report
from tests.fakes.mailer_reports import OUT_OF_OFFICE, PATHS, arf, dsn, loose

TO = PATHS.of(7).address
ANN, BOB = "ann@a.test", "bob@a.test"
BOTH = (ANN, BOB)


def _keys(report: Report) -> set[int]:
    return {key for name in report.names if (key := PATHS.read(name)) is not None}


def test_a_delivery_status_names_the_message_the_address_and_why() -> None:
    report = read_report(dsn(TO, (ANN, "5.1.1", "550 5.1.1 no such user")))
    assert _keys(report) == {7}
    assert bounces_about(report, BOTH) == [Bounce(ANN, "5.1.1", "550 5.1.1 no such user")]


def test_each_recipient_of_a_report_has_a_status_of_its_own() -> None:
    report = read_report(dsn(TO, (ANN, "5.1.1", "550"), (BOB, "4.2.2", "452 full")))
    assert [kind_of(one) for one in bounces_about(report, BOTH)] == [Kind.FOR_GOOD, Kind.FOR_NOW]


def test_the_envelope_id_names_the_message_where_the_address_was_changed() -> None:
    report = read_report(dsn("bounces@mail.test", (ANN, "5.1.1", "550"), envelope_id=PATHS.of(9).envelope_id))
    assert 9 in _keys(report)


def test_the_original_recipient_counts_where_a_mail_was_forwarded() -> None:
    report = read_report(dsn(TO, ("x@elsewhere.test", "5.1.1", "550"), original="ann+40a.test"))
    assert report.failures[0].emails == ("ann@a.test", "x@elsewhere.test")
    assert [one.email for one in bounces_about(report, BOTH)] == [ANN]


def test_who_was_not_a_recipient_is_not_believed_to_be_one() -> None:
    report = read_report(dsn(TO, ("ceo@a.test", "5.1.1", "550 5.1.1 no such user")))
    assert bounces_about(report, BOTH) == []
    assert bounces_about(report, ()) == []


@pytest.mark.parametrize("action", ["delayed", "delivered", "relayed", "expanded"])
def test_what_is_late_or_arrived_is_no_failure(action: str) -> None:
    assert read_report(dsn(TO, (ANN, "4.4.1", "later"), action=action)).says_nothing


def test_a_status_that_says_nothing_gives_way_to_the_servers_words() -> None:
    report = read_report(dsn(TO, (ANN, "5.0.0", "550 5.1.1 no such user")))
    assert bounces_about(report, BOTH)[0].status == "5.1.1"


def test_addresses_are_compared_as_everywhere() -> None:
    report = read_report(dsn(TO, ("Ann@A.TEST", "5.1.1", "550")))
    assert [one.email for one in bounces_about(report, ["aNN@a.test"])] == [ANN]


# In words of their own

EXIM = """\
This message was created automatically by mail delivery software.

A message that you sent could not be delivered to one or more of its
recipients. This is a permanent error. The following address(es) failed:

  ann@a.test
    host mx.a.test [192.0.2.1]
    SMTP error from remote mail server after RCPT TO:<ann@a.test>:
    550 5.1.1 <ann@a.test>: Recipient address rejected: User unknown

------ This is a copy of the message, including all the headers. ------

To: bob@a.test
"""
QMAIL = """\
Hi. This is the qmail-send program at mx.test.
I'm afraid I wasn't able to deliver your message to the following addresses.
This is a permanent error; I've given up. Sorry it didn't work out.

<bob@a.test>:
192.0.2.1 does not like recipient.
Remote host said: 550 No such user here
Giving up on 192.0.2.1.

--- Below this line is a copy of the message.

To: ann@a.test
"""


@pytest.mark.parametrize(
    ("words", "failed", "email"), [(EXIM, ANN, ANN), (EXIM, "", ANN), (QMAIL, "", BOB)], ids=str
)
def test_a_server_that_knows_no_form_is_understood(words: str, failed: str, email: str) -> None:
    [bounce] = bounces_about(read_report(loose(TO, words, failed=failed)), BOTH)
    assert (bounce.email, kind_of(bounce)) == (email, Kind.FOR_GOOD)


def test_a_failure_that_names_nobody_is_about_the_only_recipient() -> None:
    report = read_report(loose(TO, "Your mail could not be delivered. 552 mailbox full."))
    assert [one.email for one in bounces_about(report, [ANN])] == [ANN]
    assert bounces_about(report, BOTH) == []


def test_people_and_their_machines_say_nothing_about_an_address() -> None:
    assert read_report(OUT_OF_OFFICE).says_nothing
    assert read_report(loose(TO, QMAIL, sender="bob@a.test")).says_nothing
    assert read_report(b"Subject: Undeliverable?\r\nFrom: ann@a.test\r\n\r\nWhy?").says_nothing
    assert read_report(b"").says_nothing


# Complaints


def test_a_complaint_names_who_has_complained() -> None:
    report = read_report(arf(TO, who=ANN))
    assert _keys(report) == {7}
    assert complaint_about(report, BOTH) == Complaint(ANN, "SomeISP/1.0")
    assert bounces_about(report, BOTH) == []


def test_a_complaint_that_names_nobody_is_the_only_recipients() -> None:
    report = read_report(arf(TO))
    assert complaint_about(report, [ANN]) == Complaint(ANN, "SomeISP/1.0")
    assert complaint_about(report, BOTH) is None
    assert complaint_about(read_report(arf(TO, who="ceo@a.test")), [ANN]) is None


@pytest.mark.parametrize("kind", ["not-spam", "auth-failure", "virus", "other", ""])
def test_other_feedback_is_no_complaint(kind: str) -> None:
    assert read_report(arf(TO, who=ANN, kind=kind)).complaint is None


# Hostile mails

SAMPLES = [
    dsn(TO, (ANN, "5.1.1", "550 5.1.1 no such user"), original=ANN, envelope_id="x"),
    arf(TO, who=ANN),
    loose(TO, EXIM, failed=ANN),
    OUT_OF_OFFICE,
]


def _sound(report: Report) -> None:
    for text in (*report.names, report.loose, *(one.words for one in report.failures)):
        assert "\0" not in text
        text.encode()
    bounces_about(report, BOTH)
    complaint_about(report, BOTH)


@given(st.binary(max_size=2000))
def test_any_bytes_can_be_read(mail: bytes) -> None:
    _sound(read_report(mail))


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(SAMPLES),
    st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 40), st.binary(max_size=20)), max_size=12),
)
def test_a_report_that_was_changed_anywhere_can_be_read(
    sample: bytes, changes: list[tuple[int, int, bytes]]
) -> None:
    mail = bytearray(sample)
    for at, length, new in changes:
        mail[at : at + length] = new
    _sound(read_report(bytes(mail)))


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "mail",
    [
        b"".join(
            b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(9000)
        ),
        b"Content-Type: message/rfc822\r\n\r\n" * 15_000,
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\nx\r\n" * 50_000,
        b"Content-Type: message/delivery-status\r\n\r\n" + b"Final-Recipient: rfc822;a@b\r\n\r\n" * 30_000,
        b"To: " + b"<" * 400_000,
        b"To: " + b"a@b.test," * 60_000,
        b"Subject: " + b"=?utf-8?q?" * 50_000,
        b"X" * 5_000_000,
        b"Content-Type: text/plain; charset=\xff; x*0*=%\r\nFrom: postmaster\r\nSubject: undelivered\r\n\r\n",
    ],
    ids=[
        "parts in parts",
        "mails in mails",
        "parts",
        "groups",
        "brackets",
        "names",
        "words",
        "long",
        "charset",
    ],
)
def test_a_mail_that_is_meant_to_hang_us_is_read_and_says_nothing(mail: bytes) -> None:
    report = read_report(mail)
    _sound(report)
    assert bounces_about(report, BOTH) == []
