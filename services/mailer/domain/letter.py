"""The answer of the second look: what a mail says and to whom, as the books stand at that moment."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import NamedTuple

from services.mailer.domain.templates import Areas, TemplateType


@dataclass(frozen=True)
class Recipient:
    """One address of one contact; the name may be empty."""

    name: str
    email: str


@dataclass(frozen=True)
class Invoice:
    """An invoice as it stands; amounts in minor units of its currency."""

    invoice_id: int
    number: str
    issued_on: date | None
    due_on: date | None
    amount_minor: int
    balance_minor: int
    currency: str
    pay_token: str


@dataclass(frozen=True)
class Due:
    """How the due date lies to the day of sending: negative before, 0 on the day, positive after."""

    days_past_due: int
    threshold_days: int = 0


@dataclass(frozen=True)
class Payment:
    """The payment that a receipt or a failure is about; `failure_reason` is empty for a receipt."""

    amount_minor: int
    currency: str
    method_label: str
    ended_at: datetime
    balance_minor: int
    failure_reason: str = ""


class LineStatus(StrEnum):
    """How an open invoice stands on the day of sending; new means issued within the last 30 days."""

    PAST_DUE = "past_due"
    OPEN = "open"
    NEW = "new"


@dataclass(frozen=True)
class SummaryLine:
    """One open invoice of an account summary."""

    invoice: Invoice
    status: LineStatus

    @property
    def is_past_due(self) -> bool:
        """Whether its due date has passed."""
        return self.status is LineStatus.PAST_DUE


@dataclass(frozen=True)
class Total:
    """What is open in one currency, and the part of it that is past due; minor units."""

    currency: str
    open_minor: int
    past_due_minor: int


@dataclass(frozen=True)
class Method:
    """A card or bank account on file. Month and year are 0 for what does not expire.

    `failure_reason` is a stable code, empty unless the mail is about the failure.
    """

    label: str
    nickname: str = ""
    expires_month: int = 0
    expires_year: int = 0
    expired: bool = False
    failure_reason: str = ""


@dataclass(frozen=True)
class Summary:
    """Everything that an organization has open: the first invoices, how many more, and what all come to."""

    lines: tuple[SummaryLine, ...]
    totals: tuple[Total, ...]
    more_invoices: int = 0
    methods: tuple[Method, ...] = ()


@dataclass(frozen=True)
class Plan:
    """A payment that is to be made by itself, or was; in minor units of the invoice's currency."""

    invoice: Invoice
    pays_on: date
    amount_minor: int
    method_label: str = ""
    by_autopay: bool = False
    moved_from: date | None = None


class PlansTotal(NamedTuple):
    """What payments in one currency come to; minor units."""

    currency: str
    amount_minor: int


@dataclass(frozen=True)
class Plans:
    """Such payments, the earliest first, and how many more there are; at least one.

    `totals` are what all of them come to, where there are more; empty if that is not known.
    """

    plans: tuple[Plan, ...]
    more_plans: int = 0
    totals: tuple[PlansTotal, ...] = ()


@dataclass(frozen=True)
class Notification:
    """What is said of an invoice beside itself: the payment that will be made by itself, if any."""

    plan: Plan | None = None


@dataclass(frozen=True)
class Access:
    """A link that opens the portal to a contact; its token is made when the mail is written."""

    contact_id: int
    token: str = ""


About = Due | Payment | Summary | Plans | Method | Notification | Access


@dataclass(frozen=True)
class Letter:
    """Everything that a mail is written from; what it is `about` fits its type.

    There is an invoice wherever the mail is about a single one. `time_zone` is the IANA name of the zone that
    instants are written in; empty means UTC. `language` is one that there are texts in, or empty, which means
    the company's. `today` is the organization's date; None means that of `time_zone`. A test bears the
    `draft` that it is written with, and greets others than those it goes to.
    """

    type: TemplateType
    recipients: tuple[Recipient, ...]
    organization_id: str
    organization_name: str
    about: About
    invoice: Invoice | None = None
    time_zone: str = ""
    language: str = ""
    today: date | None = None
    draft: Areas | None = None
    greeted: tuple[Recipient, ...] = ()

    @property
    def readers(self) -> tuple[Recipient, ...]:
        """Whom the mail greets."""
        return self.greeted or self.recipients

    @property
    def threshold_days(self) -> int:
        """Of the due notice rule that asked for it; 0 for all other mails."""
        return self.about.threshold_days if isinstance(self.about, Due) else 0

    @property
    def single_invoice(self) -> Invoice | None:
        """The one invoice that the mail is about; None if there is none or more than one."""
        if self.invoice is None and isinstance(self.about, Plans) and len(self.about.plans) == 1:
            return self.about.plans[0].invoice
        return self.invoice


@dataclass(frozen=True)
class Withheld:
    """The mail may not go out: a stable code, and the same in words for staff."""

    reason: str
    explanation: str


@dataclass(frozen=True)
class NotYet:
    """The mail may go out, but not before that instant: a stable code, and the same in words for staff."""

    until: datetime
    reason: str
    explanation: str


@dataclass(frozen=True)
class Unusable:
    """The answer could not be understood; trying again will not help."""

    reason: str


Verdict = Letter | Withheld | NotYet | Unusable
