"""What a report says about an address, and when it gets no more mails."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.mailer.domain.bounces import (
    IN_A_ROW,
    SILENCE,
    WITHIN,
    Bounce,
    Fate,
    Kind,
    PastMail,
    Reason,
    in_a_row,
    kind_of,
    reason_to_suppress,
)
from services.mailer.domain.return_path import LONGEST_LOCAL, ReturnPaths
from tests.fakes.mailer_reports import PATHS

NOW = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.mark.parametrize(
    ("status", "words", "kind"),
    [
        ("5.1.1", "550 5.1.1 no such user", Kind.FOR_GOOD),
        ("5.1.2", "", Kind.FOR_GOOD),
        ("5.1.10", "556 5.1.10 null MX", Kind.FOR_GOOD),
        ("5.2.1", "mailbox disabled", Kind.FOR_GOOD),
        ("5.1.7", "bad sender address", Kind.NOT_THE_ADDRESS),
        ("5.1.8", "sender's domain", Kind.NOT_THE_ADDRESS),
        ("5.7.1", "550 5.7.1 user unknown to our policy", Kind.NOT_THE_ADDRESS),
        ("5.7.26", "DMARC", Kind.NOT_THE_ADDRESS),
        ("5.6.0", "", Kind.NOT_THE_ADDRESS),
        ("5.3.4", "too big", Kind.NOT_THE_ADDRESS),
        ("5.2.3", "too long", Kind.NOT_THE_ADDRESS),
        ("5.2.2", "mailbox full", Kind.FOR_NOW),
        ("4.2.2", "mailbox full", Kind.FOR_NOW),
        ("4.1.1", "", Kind.FOR_NOW),
        ("4.4.1", "no answer from host", Kind.FOR_NOW),
        ("5.4.4", "host not found", Kind.FOR_NOW),
        ("5.0.0", "", Kind.FOR_NOW),
        ("5.0.0", "550 no such user here", Kind.FOR_GOOD),
        ("", "550 5.1.1 <ann@a.test>: user unknown", Kind.FOR_GOOD),
        ("", "550 User unknown", Kind.FOR_GOOD),
        ("", "550 Mailbox does not exist", Kind.FOR_GOOD),
        ("", "550 relaying denied", Kind.FOR_NOW),
        ("", "450 user unknown, try again", Kind.FOR_NOW),
        ("", "550 blocked by 192.0.5.1.1.9", Kind.FOR_NOW),
        ("", "", Kind.FOR_NOW),
    ],
)
def test_a_report_speaks_of_the_address_or_of_us(status: str, words: str, kind: Kind) -> None:
    assert kind_of(Bounce("ann@a.test", status, words)) is kind


def _mails(*days_and_fates: tuple[float, Fate]) -> list[PastMail]:
    return [PastMail(NOW - days * DAY, fate) for days, fate in days_and_fates]


B, L, R = Fate.BOUNCED, Fate.LEFT, Fate.REFUSED


@pytest.mark.parametrize(
    ("mails", "count"),
    [
        ([], 0),
        (_mails((1, B), (2, B), (3, B), (4, B), (5, B)), 5),
        (_mails((1, B), (2, B), (31, B), (32, B), (33, B)), 2),
        (_mails((6, B), (7, B), (8, L), (9, B), (10, B)), 2),
        (_mails((6, B), (7, R), (8, B)), 2),
        (_mails((1, L), (6, B), (7, B)), 2),
        (_mails((5.5, L), (6, B), (7, B)), 0),
    ],
    ids=[
        "none",
        "five",
        "too long ago",
        "one arrived",
        "not the address",
        "not known yet",
        "the last arrived",
    ],
)
def test_a_row_ends_with_a_mail_that_arrived_and_with_the_month(mails: list[PastMail], count: int) -> None:
    assert in_a_row(mails, NOW) == count


@given(
    st.lists(st.tuples(st.floats(0, 60), st.sampled_from(Fate)), max_size=20),
    st.randoms(use_true_random=False),
)
def test_the_order_of_reports_does_not_count_and_arrivals_never_make_a_row_longer(
    mails: list[tuple[float, Fate]], random: object
) -> None:
    past = _mails(*mails)
    shuffled = list(past)
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis gives a Random
    assert in_a_row(shuffled, NOW) == in_a_row(past, NOW)
    assert in_a_row(past, NOW) <= sum(
        mail.fate is Fate.BOUNCED and mail.left_at >= NOW - WITHIN for mail in past
    )
    arrived = PastMail(NOW - SILENCE - timedelta(seconds=1), Fate.LEFT)
    assert in_a_row([*past, arrived], NOW) <= in_a_row(past, NOW)


def test_five_in_a_row_suppress_and_four_do_not() -> None:
    past = _mails(*((number, B) for number in range(IN_A_ROW)))
    assert reason_to_suppress(Kind.FOR_NOW, past, NOW) is Reason.BOUNCES_REPEATED
    assert reason_to_suppress(Kind.FOR_NOW, past[1:], NOW) is None
    assert reason_to_suppress(Kind.NOT_THE_ADDRESS, past, NOW) is None
    assert reason_to_suppress(Kind.FOR_GOOD, [], NOW) is Reason.BOUNCED_FOR_GOOD


# Return paths


@given(st.integers(1, 2**63 - 1))
def test_a_return_path_names_its_message_however_it_is_written(key: int) -> None:
    path = PATHS.of(key)
    assert len(path.address.partition("@")[0]) <= 64
    for text in (path.address, path.address.upper(), f" <{path.address}> ", path.envelope_id):
        assert PATHS.read(text) == key


@given(st.text(max_size=80))
def test_nobody_else_makes_one_up(text: str) -> None:
    assert PATHS.read(text) is None
    assert PATHS.read(f"bounces+{text}@mail.test") is None


def test_any_other_letter_another_secret_or_another_domain_is_refused() -> None:
    path = PATHS.of(7).address
    for at, letter in enumerate(path):
        for other in "0fz-+@":
            changed = path[:at] + other + path[at + 1 :]
            assert other == letter or PATHS.read(changed) is None
    assert ReturnPaths("bounces@mail.test", "another secret of tests").read(path) is None
    assert PATHS.read(path.replace("7-", "07-")) is None


def test_the_longest_address_still_fits() -> None:
    paths = ReturnPaths("b" * LONGEST_LOCAL + "@mail.test", "0123456789abcdef")
    assert len(paths.of(2**63 - 1).address.partition("@")[0]) <= 64
    assert paths.takes(paths.of(1).address)
    assert not paths.takes("ann@mail.test")
