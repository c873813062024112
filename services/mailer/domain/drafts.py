"""Tests: drafts that somebody sends to addresses typed in, to see them where mails are read."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from email_validator import EmailNotValidError, validate_email

from services.mailer.domain.letter import Letter, Recipient
from services.mailer.domain.sample import sample_of
from services.mailer.domain.templates import Areas, Key
from services.shared.errors import Conflict, Invalid, Violation

MOST_ADDRESSES = 5
LONGEST_SENDER = 200

_TEST_ID = re.compile(r"[A-Za-z0-9-]{1,40}")


@dataclass(frozen=True)
class Draft:
    """What a test is written from, and to whom it goes; nobody else gets it."""

    key: Key
    areas: Areas
    recipients: tuple[str, ...]

    def letter(self, today: date) -> Letter:
        """The letter of the preview of that day, to these recipients."""
        sample = sample_of(self.key, today)
        recipients = tuple(Recipient("", email) for email in self.recipients)
        return replace(sample, recipients=recipients, draft=self.areas, greeted=sample.recipients)


class UnfitTest(Invalid):
    """A test that cannot be sent; each violation names its field."""

    reason = "TEST_INVALID"


class ReusedTest(Conflict):
    """Another test was sent under this id."""

    reason = "TEST_REUSED"


def checked_recipients(test_id: str, addresses: Sequence[str], sent_by: str) -> tuple[str, ...]:
    """The addresses, each once; `UnfitTest` tells everything that is wrong with the three."""
    addresses = [address.strip() for address in addresses]
    violations = [*_id(test_id), *_addresses(addresses), *_sender(sent_by)]
    if violations:
        raise UnfitTest(violations[0].description, violations=violations)
    return tuple(dict.fromkeys(addresses))


def notice_id_of(test_id: str) -> str:
    """What names the message of a test; no notice of the scheduler is called so."""
    return f"test-{test_id}"


def _id(test_id: str) -> list[Violation]:
    if _TEST_ID.fullmatch(test_id):
        return []
    words = "A test needs an id of 1 to 40 letters, digits and hyphens."
    return [Violation("test_id", "TEST_ID_MALFORMED", words)]


def _addresses(addresses: Sequence[str]) -> list[Violation]:
    if not addresses:
        return [Violation("addresses", "ADDRESSES_MISSING", "Type in at least one address.")]
    if len(addresses) > MOST_ADDRESSES:
        words = f"There are {len(addresses)} addresses; a test goes to at most {MOST_ADDRESSES}."
        return [Violation("addresses", "TOO_MANY_ADDRESSES", words)]
    wrong = []
    for at, address in enumerate(addresses):
        try:
            validate_email(
                address, check_deliverability=False, test_environment=True, globally_deliverable=False
            )
        except EmailNotValidError as error:
            words = f"{address[:80]!r} is not an email address. {error}"
            wrong.append(Violation(f"addresses[{at}]", "EMAIL_INVALID", words))
    return wrong


def _sender(sent_by: str) -> list[Violation]:
    if not sent_by.strip():
        return [Violation("sent_by", "EMPTY", "Say who sends the test.")]
    if len(sent_by) > LONGEST_SENDER:
        words = f"The sender has {len(sent_by)} characters; at most {LONGEST_SENDER} are possible."
        return [Violation("sent_by", "TOO_LONG", words)]
    return []
