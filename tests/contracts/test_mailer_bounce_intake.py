"""Reports come in by LMTP and by IMAP, over real connections: none is lost, and none counts twice."""

import smtplib
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from structlog.testing import capture_logs

from services.mailer.reports.imap import MOST_AT_ONCE, ImapMailbox, ImapServer, MailboxAway
from services.mailer.reports.lmtp import MOST_BYTES, LmtpListener
from services.mailer.use_cases.bounces import Taken
from tests.fakes.mailer_imap import PASSWORD, USER, Mailbox, served
from tests.fakes.mailer_reports import PATHS, dsn
from tests.fakes.mailer_smtp import free_port

TO = PATHS.of(7).address
REPORT = dsn(TO, ("ann@a.test", "5.1.1", "550 no such user"))


class Desk:
    """Takes reports in memory; says what it is told to say."""

    def __init__(self) -> None:
        self.taken: list[tuple[bytes, tuple[str, ...]]] = []
        self.answers: list[Taken | Exception] = []
        self.may_go = threading.Event()
        self.may_go.set()

    def take(self, mail: bytes, addresses: tuple[str, ...] = ()) -> Taken:
        self.may_go.wait(20)
        answer = self.answers.pop(0) if self.answers else Taken.NOTED
        if isinstance(answer, Exception):
            raise answer
        self.taken.append((mail, addresses))
        return answer


@pytest.fixture
def desk() -> Desk:
    return Desk()


# LMTP


@pytest.fixture
def listener(desk: Desk) -> Iterator[LmtpListener]:
    listener = LmtpListener("127.0.0.1", 0, takes=PATHS.takes, take=desk.take)
    assert not listener.keep_open()
    yield listener
    listener.close()


@contextmanager
def _lmtp(listener: LmtpListener) -> Iterator[smtplib.LMTP]:
    with smtplib.LMTP("127.0.0.1", listener.port, local_hostname="mx.test") as connection:
        yield connection


def test_a_report_is_taken_once_it_is_noted(listener: LmtpListener, desk: Desk) -> None:
    with _lmtp(listener) as connection:
        assert connection.sendmail("", [TO], REPORT) == {}
    assert desk.taken == [(REPORT, (TO,))]


def test_every_recipient_of_a_report_gets_an_answer_of_its_own(listener: LmtpListener, desk: Desk) -> None:
    other = PATHS.of(8).address
    with _lmtp(listener) as connection:
        _hand_over(connection, REPORT, TO, other)
        assert connection.getreply()[0] == 250, "that for the second one"
        assert connection.noop()[0] == 250, "no answer is left over"
    assert desk.taken == [(REPORT, (TO, other))]


def test_a_report_that_cannot_be_noted_now_stays_with_the_mail_server(
    listener: LmtpListener, desk: Desk
) -> None:
    for trouble in (Taken.TOO_EARLY, OSError("the database is away")):
        desk.answers = [trouble]
        with _lmtp(listener) as connection, pytest.raises(smtplib.SMTPResponseException) as refusal:
            _hand_over(connection, REPORT)
        assert refusal.value.smtp_code == 451
    with _lmtp(listener) as connection:
        connection.sendmail("", [TO], REPORT)
    assert desk.taken[-1] == (REPORT, (TO,))


def _hand_over(connection: smtplib.LMTP, mail: bytes, *to: str) -> None:
    connection.ehlo_or_helo_if_needed()
    connection.mail("")
    for address in to or (TO,):
        connection.rcpt(address)
    code, words = connection.data(mail)
    if code != 250:
        raise smtplib.SMTPDataError(code, words)


def test_mails_to_others_are_refused(listener: LmtpListener, desk: Desk) -> None:
    with _lmtp(listener) as connection, pytest.raises(smtplib.SMTPRecipientsRefused) as refusal:
        connection.sendmail("", ["ann@mail.test", "bounces@other.test"], REPORT)
    assert {code for code, _words in refusal.value.recipients.values()} == {550}
    assert desk.taken == []


def test_a_mail_that_is_too_large_is_refused_and_the_next_one_taken(listener: LmtpListener) -> None:
    with _lmtp(listener) as connection, pytest.raises(smtplib.SMTPResponseException) as refusal:
        _hand_over(connection, b"X" * 70 + b"\r\n" + (b"x" * 70 + b"\r\n") * (MOST_BYTES // 72 + 1))
    assert refusal.value.smtp_code == 552
    with _lmtp(listener) as connection:
        assert connection.sendmail("", [TO], REPORT) == {}


def test_while_one_is_noted_others_come_in(listener: LmtpListener, desk: Desk) -> None:
    desk.may_go.clear()
    with _lmtp(listener) as slow:
        waiting = threading.Thread(target=_hand_over, args=[slow, REPORT])
        waiting.start()
        with _lmtp(listener) as other:
            assert other.noop()[0] == 250
        desk.may_go.set()
        waiting.join(20)
    assert len(desk.taken) == 1


def test_a_port_that_is_taken_is_tried_again_and_open_once_it_is_free(
    desk: Desk, listener: LmtpListener
) -> None:
    other = LmtpListener("127.0.0.1", listener.port, takes=PATHS.takes, take=desk.take)
    with pytest.raises(OSError, match="in use"):
        other.keep_open()
    listener.close()
    other.keep_open()
    with _lmtp(other) as connection:
        assert connection.noop()[0] == 250
    other.close()


# IMAP


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


@pytest.fixture
def imap(mailbox: Mailbox, desk: Desk) -> Iterator[ImapMailbox]:
    with served(mailbox) as port:
        yield ImapMailbox(ImapServer("127.0.0.1", port, USER, "Bounces", False, PASSWORD), desk.take)


def test_unseen_reports_are_read_and_marked(imap: ImapMailbox, mailbox: Mailbox, desk: Desk) -> None:
    uids = {mailbox.add(REPORT), mailbox.add(b"Subject: hello\r\n\r\n")}
    assert not imap.fetch_some()
    assert [mail for mail, _addresses in desk.taken] == list(mailbox.mails.values())
    assert mailbox.seen == uids
    imap.fetch_some()
    assert len(desk.taken) == 2


def test_what_is_too_early_stays_unseen_and_holds_up_no_other(
    imap: ImapMailbox, mailbox: Mailbox, desk: Desk
) -> None:
    first, second = mailbox.add(REPORT), mailbox.add(REPORT)
    desk.answers = [Taken.TOO_EARLY]
    imap.fetch_some()
    assert mailbox.seen == {second}
    imap.fetch_some()
    assert mailbox.seen == {first, second}


@pytest.mark.parametrize("command", ["LOGIN", "SELECT", "SEARCH", "FETCH", "STORE"])
def test_a_connection_that_ends_anywhere_loses_no_report(
    imap: ImapMailbox, mailbox: Mailbox, desk: Desk, command: str
) -> None:
    mailbox.add(REPORT)
    mailbox.break_at = command
    with pytest.raises(MailboxAway):
        imap.fetch_some()
    assert mailbox.seen == set()
    imap.fetch_some()
    assert mailbox.seen == {11}
    assert len(desk.taken) == (2 if command == "STORE" else 1)


@pytest.mark.parametrize("command", ["LOGIN", "SELECT", "SEARCH", "FETCH", "STORE"])
def test_a_server_that_says_no_is_asked_again_later(
    imap: ImapMailbox, mailbox: Mailbox, command: str
) -> None:
    mailbox.add(REPORT)
    mailbox.refuse = command
    with pytest.raises(MailboxAway, match=r"127\.0\.0\.1"):
        imap.fetch_some()
    mailbox.refuse = ""
    imap.fetch_some()
    assert mailbox.seen == {11}


def test_a_report_that_cannot_be_noted_is_read_again(imap: ImapMailbox, mailbox: Mailbox, desk: Desk) -> None:
    mailbox.add(REPORT)
    desk.answers = [RuntimeError("the database is away")]
    with pytest.raises(RuntimeError):
        imap.fetch_some()
    assert mailbox.seen == set()
    imap.fetch_some()
    assert mailbox.seen == {11}


def test_many_reports_are_read_in_portions(imap: ImapMailbox, mailbox: Mailbox, desk: Desk) -> None:
    for _ in range(130):
        mailbox.add(REPORT)
    assert imap.fetch_some()
    assert not imap.fetch_some()
    assert len(desk.taken) == 130


def test_reports_that_come_too_early_hide_none_behind_them(
    imap: ImapMailbox, mailbox: Mailbox, desk: Desk
) -> None:
    early = [mailbox.add(REPORT) for _ in range(MOST_AT_ONCE + 30)]
    behind = mailbox.add(REPORT)
    desk.answers = [Taken.TOO_EARLY] * len(early)
    assert imap.fetch_some(), "there are more"
    assert not imap.fetch_some(), "each was tried once, and has time now"
    assert mailbox.seen == {behind}
    while imap.fetch_some():
        pass
    assert mailbox.seen == {*early, behind}


def test_a_report_that_always_fails_hides_none_behind_it_and_is_told_each_time(
    imap: ImapMailbox, mailbox: Mailbox, desk: Desk
) -> None:
    first, *others = [mailbox.add(REPORT) for _ in range(MOST_AT_ONCE + 30)]
    desk.answers = [RuntimeError("never")]
    assert imap.fetch_some(), "the round goes on at once"
    with pytest.raises(RuntimeError, match="never"):
        imap.fetch_some()
    assert mailbox.seen == set(others)
    desk.answers = [RuntimeError("never")]
    with capture_logs() as logs, pytest.raises(RuntimeError, match="never"):
        imap.fetch_some()
    assert [log["uid"] for log in logs] == [first]
    mailbox.add(REPORT)
    desk.answers = []
    assert not imap.fetch_some(), "a failure is told in its own round alone"


def test_where_no_report_can_be_noted_there_is_time_to_back_off(
    imap: ImapMailbox, mailbox: Mailbox, desk: Desk
) -> None:
    first, *others = [mailbox.add(REPORT) for _ in range(MOST_AT_ONCE + 1)]
    desk.answers = [RuntimeError("the database is away") for _ in range(MOST_AT_ONCE)]
    with pytest.raises(RuntimeError, match="away"):
        imap.fetch_some()
    assert not imap.fetch_some()
    assert mailbox.seen == {others[-1]}, "the next one begins behind them"
    assert not imap.fetch_some()
    assert mailbox.seen == {first, *others}


def test_a_mail_that_the_server_cannot_give_hides_none_behind_it(
    imap: ImapMailbox, mailbox: Mailbox, desk: Desk
) -> None:
    damaged, deadly, sound = (mailbox.add(REPORT) for _ in range(3))
    mailbox.damaged, mailbox.deadly = {damaged}, {deadly}
    with pytest.raises(MailboxAway):
        imap.fetch_some()
    imap.fetch_some()
    assert mailbox.seen == {sound}
    mailbox.deadly = set()
    with pytest.raises(MailboxAway, match="damaged"):
        imap.fetch_some()
    assert mailbox.seen == {sound, deadly}


def test_a_mailbox_that_counts_anew_is_read_from_its_beginning(
    imap: ImapMailbox, mailbox: Mailbox, desk: Desk
) -> None:
    for _ in range(MOST_AT_ONCE + 1):
        mailbox.add(REPORT)
    assert imap.fetch_some()
    mailbox.mails, mailbox.seen = {1: REPORT, 2: REPORT}, set()
    assert not imap.fetch_some()
    assert mailbox.seen == {1, 2}


def test_of_a_huge_mail_only_the_beginning_is_fetched(
    imap: ImapMailbox, mailbox: Mailbox, desk: Desk
) -> None:
    mailbox.add(REPORT + b"x" * 3_000_000)
    imap.fetch_some()
    [(mail, _addresses)] = desk.taken
    assert len(mail) == 512 * 1024


def test_nobody_there_is_said_in_words(desk: Desk) -> None:
    port = free_port()
    mailbox = ImapMailbox(ImapServer("127.0.0.1", port, USER, "Bounces", False, PASSWORD), desk.take)
    with pytest.raises(MailboxAway, match=f"127.0.0.1:{port}: .*refused"):
        mailbox.fetch_some()


def test_a_password_is_in_no_text() -> None:
    assert PASSWORD not in repr(ImapServer("h", 1, USER, "INBOX", True, PASSWORD))
