"""For any order of payments, bookings, acknowledgements, checks and lists, the balances come out right."""

from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from services.paynow.domain.payment import Payment
from tests.fakes.clock import SetClock
from tests.fakes.paynow_payments import MemoryBooks, payable
from tests.fakes.paynow_provider import ScriptedProvider
from tests.fakes.paynow_till import EMAIL, Till

AMOUNT = 1_000
SHARES = st.sampled_from([100, 200])


@dataclass
class Firm:
    """A company with its accounting side, which counts for itself what is owed."""

    till: Till
    checks: int = 0
    listed_checks: int = 0
    payments: list[Payment] = field(default_factory=list)
    booked: list[Payment] = field(default_factory=list)
    acknowledged: list[Payment] = field(default_factory=list)
    listed: int = AMOUNT

    @property
    def remains(self) -> int:
        """What Dunlin says remains."""
        return self.till.books.invoice().balance_minor

    @property
    def ledger(self) -> int:
        """What a list would say now."""
        return max(0, AMOUNT - self.checks - sum(one.amount_minor for one in self.booked))

    @property
    def debt(self) -> int:
        """What is owed, of checks only what Dunlin can know."""
        return max(0, AMOUNT - self.listed_checks - sum(one.amount_minor for one in self.payments))

    def pay(self, minor: int) -> None:
        """A client pays here, if so much remains."""
        if minor <= self.remains:
            quote = self.till.quote(f"{minor // 100}.{minor % 100:02}")
            self.payments.append(self.till.confirm(quote, key=f"key of {quote.quote_id}"))

    def check(self, minor: int) -> None:
        """A client pays elsewhere."""
        self.checks = min(AMOUNT, self.checks + minor)

    def book(self, at: int) -> None:
        """The accounting side books one of the payments that it has not booked."""
        if left := [one for one in self.payments if one not in self.booked]:
            self.booked.append(left[at % len(left)])

    def acknowledge(self, at: int) -> None:
        """It tells so of one of those that it has booked."""
        if left := [one for one in self.booked if one not in self.acknowledged]:
            self.acknowledged.append(left[at % len(left)])
            self.till.acknowledge(self.acknowledged[-1])

    def send_list(self, _: int) -> None:
        """A list that is exported now."""
        self.listed, self.listed_checks = self.ledger, self.checks
        self.till.books.sync(1, self.listed)

    def send_stale_list(self, _: int) -> None:
        """The last list once more."""
        self.till.books.sync(1, self.listed)

    def finish(self) -> None:
        """Everything is booked and acknowledged, and a list says so."""
        for _ in self.payments:
            self.book(0)
        for _ in self.payments:
            self.acknowledge(0)
        self.send_list(0)


def a_firm() -> Firm:
    books = MemoryBooks()
    books.add_organization("A", EMAIL)
    books.add_invoice(payable(1, "A", "INV-1", books=AMOUNT))
    return Firm(Till(books, ScriptedProvider(), SetClock()))


def steps(*names: str) -> st.SearchStrategy[list[tuple[str, int]]]:
    choices = [st.tuples(st.just(name), SHARES if name in PAYING else st.integers(0, 3)) for name in names]
    return st.lists(st.one_of(choices), min_size=6, max_size=30)


PAYING = ("pay", "check")
ALL_BUT_CHECKS = ("pay", "book", "acknowledge", "send_list", "send_stale_list")


@settings(max_examples=200, deadline=None)
@given(steps(*ALL_BUT_CHECKS, "check"))
def test_in_the_end_what_remains_is_what_the_list_says(order: list[tuple[str, int]]) -> None:
    firm = a_firm()
    for name, value in order:
        getattr(firm, name)(value)
    firm.finish()
    assert firm.remains == firm.ledger
    firm.send_stale_list(0)
    assert firm.remains == firm.ledger


@settings(max_examples=200, deadline=None)
@given(steps(*ALL_BUT_CHECKS))
def test_nobody_is_ever_asked_for_what_was_paid_here(order: list[tuple[str, int]]) -> None:
    firm = a_firm()
    for name, value in order:
        getattr(firm, name)(value)
        assert firm.remains <= firm.debt


@settings(max_examples=200, deadline=None)
@given(steps("pay", "book", "check", "send_list", "send_stale_list"))
def test_before_an_acknowledgement_checks_do_not_hide_what_was_paid_here(
    order: list[tuple[str, int]],
) -> None:
    firm = a_firm()
    for name, value in order:
        getattr(firm, name)(value)
        assert firm.remains <= firm.debt


@settings(max_examples=200, deadline=None)
@given(steps("pay", "check", "book_and_tell"), st.booleans())
def test_booked_acknowledged_then_listed_is_exact_whatever_else_was_paid(
    order: list[tuple[str, int]], stale: bool
) -> None:
    firm = a_firm()
    for name, value in order:
        if name == "book_and_tell":
            firm.finish()
            if stale:
                firm.send_stale_list(0)
        else:
            getattr(firm, name)(value)
        assert firm.remains == firm.debt
