"""Mails that come back: what a report says about the address, and when an address gets no more of them.

A status is that of RFC 3463: class, subject, detail. What counts is whether it speaks of the address:

- no such mailbox, no such domain, a mailbox that was closed (5.1.x, 5.2.1): it is suppressed at once;
- the mailbox is full, its server was away for days, or nobody said why: five such in a row within 30 days
  suppress it, since most are gone tomorrow;
- a policy, the mail's size or content, our own address (5.7.x, 5.3.4, 5.6.x, 5.1.7, 5.1.8): this speaks of us
  or of the mail; it is told of and never counts;
- its owner called a mail spam: the address is suppressed at once.

A mail that did not come back within five days ends a row of those that did. What staff lift counts anew.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from services.shared.errors import Missing

IN_A_ROW = 5
WITHIN = timedelta(days=30)

SILENCE = timedelta(days=5)
"""A mail that was not reported of by then has arrived: so long a server tries (RFC 5321, 4.5.4.1)."""

STATUS = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?![\d.])")
_CODE = re.compile(r"(?<![\d.-])(550|551|553|554|552|4\d\d)(?![\d.])")
_NOBODY = re.compile(
    r"(?:no such|unknown|invalid|non-?existent|no) (?:user|recipient|mailbox|account|address)"
    r"|(?:user|recipient|mailbox|account|address)[^.;\n]{0,40}"
    r"(?:unknown|not found|not exist|doesn't exist|no longer (?:exists|valid)|unavailable for ever)",
    re.IGNORECASE,
)


class Kind(StrEnum):
    """What a report says about the address."""

    FOR_GOOD = "for_good"
    FOR_NOW = "for_now"
    NOT_THE_ADDRESS = "not_the_address"


class Reason(StrEnum):
    """Why an address gets no mail."""

    BOUNCED_FOR_GOOD = "BOUNCED_FOR_GOOD"
    BOUNCES_REPEATED = "BOUNCES_REPEATED"
    COMPLAINED = "COMPLAINED"
    BY_STAFF = "BY_STAFF"


class Fate(StrEnum):
    """What became of a mail to one address, as far as reports say."""

    LEFT = "left"
    """Nothing was heard of it."""
    BOUNCED = "bounced"
    REFUSED = "refused"
    """It came back for a reason that is not the address."""
    COMPLAINED = "complained"


@dataclass(frozen=True)
class Bounce:
    """A mail could not be delivered to one address, in the words of the server that says so."""

    email: str
    status: str = ""
    """As "5.1.1" (RFC 3463); empty if the report has none."""
    words: str = ""

    @property
    def is_permanent(self) -> bool:
        """Whether it will not be delivered however often it is tried."""
        return self.status.startswith("5") or (not self.status and kind_of(self) is Kind.FOR_GOOD)

    def __str__(self) -> str:
        told = f"{self.status} {self.words}" if self.status not in self.words else self.words
        return f"{self.email}: {' '.join(told.split())}".strip(": ")


@dataclass(frozen=True)
class Complaint:
    """Somebody called a mail spam; `email` is empty if the report does not say who."""

    email: str = ""
    words: str = ""


@dataclass(frozen=True)
class PastMail:
    """A mail that left for an address, and what became of it."""

    left_at: datetime
    fate: Fate


@dataclass(frozen=True)
class Suppression:
    """An address that gets no mail, in the form in which addresses are compared."""

    email: str
    reason: Reason
    detail: str
    created_at: datetime
    notice_id: str = ""
    created_by: str = ""


class SuppressionMissing(Missing):
    """The address is not suppressed."""

    reason = "SUPPRESSION_MISSING"


def kind_of(bounce: Bounce) -> Kind:
    """What the report says about the address."""
    found = STATUS.fullmatch(bounce.status) or STATUS.search(bounce.words)
    if found is None:
        return _kind_by_words(bounce.words)
    severity, subject, detail = (int(part) for part in found.groups())
    if severity == 5 and subject == 1:
        # 5.1.7 to 5.1.9 are about the sender; 5.1.10 is a domain that says it takes no mail (RFC 7505).
        return Kind.NOT_THE_ADDRESS if detail in (7, 8, 9) else Kind.FOR_GOOD
    if (severity, subject, detail) == (5, 2, 1):
        return Kind.FOR_GOOD
    # Too long for the mailbox or the system, the protocol, the content, a policy: about the mail or about us.
    if (subject, detail) in ((2, 3), (3, 4)) or subject in (5, 6, 7):
        return Kind.NOT_THE_ADDRESS
    if severity == 5 and subject == 0:
        return _kind_by_words(bounce.words)
    return Kind.FOR_NOW


def fate_of(kind: Kind) -> Fate:
    """What becomes of the mail by such a report."""
    return Fate.REFUSED if kind is Kind.NOT_THE_ADDRESS else Fate.BOUNCED


def reason_to_suppress(kind: Kind, past: Sequence[PastMail], now: datetime) -> Reason | None:
    """Why the address gets no more mails after this report; `past` has the mail that it is about."""
    if kind is Kind.FOR_GOOD:
        return Reason.BOUNCED_FOR_GOOD
    if kind is Kind.FOR_NOW and in_a_row(past, now) >= IN_A_ROW:
        return Reason.BOUNCES_REPEATED
    return None


def in_a_row(past: Sequence[PastMail], now: datetime) -> int:
    """How many of the newest mails came back one after the other, within 30 days."""
    count = 0
    for mail in sorted(past, key=lambda mail: (mail.left_at, mail.fate), reverse=True):
        if mail.left_at < now - WITHIN:
            break
        if mail.fate is Fate.BOUNCED:
            count += 1
        elif mail.fate is not Fate.REFUSED and mail.left_at < now - SILENCE:
            break
    return count


def status_in(words: str) -> str:
    """The first status of failure in the words; empty if there is none."""
    found = re.search(r"(?<![\d.])[45]\.\d{1,3}\.\d{1,3}(?![\d.])", words)
    return found[0] if found else ""


def _kind_by_words(words: str) -> Kind:
    code = _CODE.search(words)
    if _NOBODY.search(words) and (code is None or code[1] in ("550", "551", "553", "554")):
        return Kind.FOR_GOOD
    return Kind.FOR_NOW
