"""A payment, and every step from "being charged" to a final state.

A payment is charged between two transactions: the first reserves its amount, the second records what
became of it. What is not known is a state of its own (`UNKNOWN`) and is never taken for a failure.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from services.shared.errors import Conflict, Missing, WrongState

PROVIDER_ERROR = "PROVIDER_ERROR"
"""The failure of a charge that never reached the provider, or that the provider could not make."""

RETURNED = "RETURNED"
"""The failure of a bank payment that the payer's bank did not honour."""


class KeyReused(Conflict):
    """The key, or the quote, already stands for another confirmation."""

    reason = "KEY_REUSED"


class PaymentMissing(Missing):
    """No payment has this id."""

    reason = "PAYMENT_MISSING"


class PaymentNotSucceeded(WrongState):
    """Only money that was taken can be booked."""

    reason = "PAYMENT_NOT_SUCCEEDED"


class PaymentState(StrEnum):
    """Where a payment stands."""

    CHARGING = "charging"
    UNKNOWN = "unknown"
    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"

    @property
    def is_final(self) -> bool:
        """Whether nothing follows it."""
        return self in (PaymentState.SUCCEEDED, PaymentState.FAILED)


class Verdict(StrEnum):
    """What the provider says became of a charge."""

    APPROVED = "approved"
    DECLINED = "declined"
    PENDING = "pending"


@dataclass(frozen=True)
class Outcome:
    """The provider's word about one charge. Approved and declined are final, pending is not."""

    verdict: Verdict
    reason: str = ""
    """Why it was declined: CARD_DECLINED, INSUFFICIENT_FUNDS, RETURNED or PROVIDER_ERROR."""
    ask_again_at: datetime | None = None
    """When it pays to ask about a pending charge again; None leaves it to the caller."""

    @classmethod
    def approved(cls) -> "Outcome":
        """The money was taken."""
        return cls(Verdict.APPROVED)

    @classmethod
    def declined(cls, reason: str) -> "Outcome":
        """No money was taken, and none will be."""
        return cls(Verdict.DECLINED, reason=reason)

    @classmethod
    def pending(cls, ask_again_at: datetime | None = None) -> "Outcome":
        """The provider has accepted it; a bank has yet to settle it."""
        return cls(Verdict.PENDING, ask_again_at=ask_again_at)


@dataclass(frozen=True)
class Pace:
    """How long a charge may take, and how often the provider is asked about one that is open; in seconds."""

    charge: float = 6.0
    """The longest that one call to the provider may take."""
    lease: float = 10.0
    """For so long an open payment belongs to whoever is working on it."""
    grace: float = 5.0
    """For so long the provider must know nothing of a charge before it is given up."""
    first_check: float = 1.0
    """The wait before the second question; it doubles with each further one."""
    longest_check: float = 60.0
    """The wait never grows beyond this."""
    pending_check: float = 3600.0
    """The wait between questions about a bank payment for which the provider names no time."""

    def __post_init__(self) -> None:
        """A charge that outlives its lease would be asked about while it is still under way."""
        if not self.charge < self.lease:
            raise ValueError(f"a charge ({self.charge} s) must end before its lease ({self.lease} s)")

    def backoff(self, checks: int) -> timedelta:
        """The wait after so many questions that brought no answer."""
        return timedelta(seconds=min(self.longest_check, self.first_check * 2 ** min(checks, 30)))


@dataclass(frozen=True)
class Payment:
    """One payment; each of its methods gives the payment as it is after that step."""

    payment_id: str
    quote_id: str
    idempotency_key: str
    method_digest: str
    """Tells one method token from another; the token itself is not kept."""
    method_label: str
    organization_id: str
    invoice_id: int
    invoice_number: str
    amount_minor: int
    currency: str
    payer_email: str
    state: PaymentState
    created_at: datetime
    next_check_at: datetime | None
    """When the provider is asked next; None in a final state."""
    failure_reason: str = ""
    ended_at: datetime | None = None
    acknowledged_at: datetime | None = None
    checks: int = 0
    """Questions in a row that brought no answer."""
    absent_since: datetime | None = None
    """When the provider first said that it does not know the charge; None if it has not."""
    books_minor: int = 0
    """The books' balance of its invoice when it succeeded; `domain.balances` lowers it for other payments."""
    organization_name: str = ""

    @property
    def is_reserving(self) -> bool:
        """Whether its amount is reserved on the invoice."""
        return not self.state.is_final

    def must_repeat(self, *, quote_id: str, idempotency_key: str, method_digest: str) -> None:
        """Refuses with `KeyReused` unless this payment is what that confirmation has made."""
        if self.idempotency_key != idempotency_key:
            raise KeyReused("This quote was confirmed before with another key; read that payment instead.")
        if self.quote_id != quote_id or self.method_digest != method_digest:
            raise KeyReused(
                "This key was used for another confirmation; choose a new key for a new one,"
                " and repeat quote and method exactly to repeat one."
            )

    def concluded(self, outcome: Outcome, now: datetime, pace: Pace) -> "Payment":
        """After the provider's word. A final payment stays as it is."""
        if self.state.is_final:
            return self
        if outcome.verdict is Verdict.PENDING:
            again = outcome.ask_again_at or now + timedelta(seconds=pace.pending_check)
            return replace(
                self, state=PaymentState.PENDING, checks=0, absent_since=None,
                next_check_at=max(again, now + timedelta(seconds=pace.first_check)),
            )  # fmt: skip
        succeeded = outcome.verdict is Verdict.APPROVED
        return replace(
            self,
            state=PaymentState.SUCCEEDED if succeeded else PaymentState.FAILED,
            failure_reason="" if succeeded else outcome.reason or PROVIDER_ERROR,
            ended_at=now, next_check_at=None, checks=0, absent_since=None,
        )  # fmt: skip

    def taken_from(self, books_balance_minor: int) -> "Payment":
        """After it has succeeded while its invoice had that balance in the books."""
        return replace(self, books_minor=books_balance_minor)

    def contradicts(self, outcome: Outcome) -> bool:
        """Whether the provider's word cannot be true beside the final state that the payment has."""
        if not self.state.is_final:
            return False
        succeeded = self.state is PaymentState.SUCCEEDED
        return (outcome.verdict is Verdict.APPROVED) is not succeeded

    def unanswered(self, now: datetime, pace: Pace) -> "Payment":
        """After a question without an answer: unknown unless pending, and asked again ever more slowly."""
        if self.state.is_final:
            return self
        return replace(
            self,
            state=self.state if self.state is PaymentState.PENDING else PaymentState.UNKNOWN,
            next_check_at=now + pace.backoff(self.checks),
            checks=self.checks + 1,
        )

    def absent(self, now: datetime, pace: Pace) -> "Payment":
        """After the provider has said that it does not know the charge; that may still be under way."""
        return replace(self.unanswered(now, pace), absent_since=self.absent_since or now)

    def may_be_given_up(self, now: datetime, pace: Pace) -> bool:
        """Whether the provider has known nothing of it for the whole grace, so that its key may be closed."""
        if self.state is PaymentState.PENDING or self.absent_since is None:
            return False
        return now - self.absent_since >= timedelta(seconds=pace.grace)

    def acknowledged(self, now: datetime) -> "Payment":
        """After the accounting side has booked it. Refuses with `PaymentNotSucceeded`; a repeat is fine."""
        if self.state is not PaymentState.SUCCEEDED:
            raise PaymentNotSucceeded(
                f"Payment {self.payment_id} is {self.state}; only one that succeeded can be acknowledged."
            )
        return self if self.acknowledged_at else replace(self, acknowledged_at=now)
