"""Anything that payers, accountants, syncs, deaths and the provider may do, in any order.

What must hold: what is charged and reserved never exceeds the balance, one confirmation is one charge, and
once everything is resolved the ledger and the provider agree to the cent.
"""

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from sqlalchemy import delete

from services.paynow.domain.guard import AmountAboveBalance
from services.paynow.domain.payment import Payment, PaymentState
from services.paynow.domain.quotes import Quote
from services.paynow.tables import books_lock, metadata
from services.shared.database import Database
from services.shared.errors import Refusal
from tests.fakes.clock import SetClock
from tests.fakes.dying_store import DyingStore
from tests.fakes.paynow_payments import MIGRATIONS, Books, MemoryBooks, SqlBooks, payable, succeeded_total
from tests.fakes.paynow_provider import METHODS, Killed, ScriptedProvider
from tests.fakes.paynow_till import EMAIL, Till
from tests.servers import DATABASES, MigratedUrl

METHOD = st.sampled_from(sorted(METHODS))
KEY = st.sampled_from(["", "", "", "key-00001", "key-00002"])  # mostly one of its own
DEATH = st.sampled_from(["no", "no", "no", "before", "after", "away"])
COMMIT = st.tuples(st.sampled_from([0, 0, 0, 1, 2, 3]), st.booleans())
"""At which commit from now on the process is killed (0 is never), and whether after it."""


class PaymentMachine(RuleBasedStateMachine):
    """One invoice, and everything that may happen to it."""

    quotes: Bundle[Quote] = Bundle("quotes")
    confirmed: Bundle[tuple[Quote, str, str]] = Bundle("confirmed")

    def __init__(self) -> None:
        super().__init__()
        self.books = self.make_books()
        self.books.add_organization("A", EMAIL)
        self.books.add_invoice(payable(1, "A", "INV-1", books=10_000))
        self.store = DyingStore(self.books.store)
        self.books.store = self.store  # type: ignore[assignment]  # it has all that a store has
        self.provider = ScriptedProvider()
        self.till = Till(self.books, self.provider, SetClock())
        self.amount = 10_000  # of the invoice, as the lists say
        self.owed = 10_000  # by this test's own count: what the books say, with what they do not know yet
        self.told: dict[tuple[str, str, str], str] = {}  # confirmation -> payment id

    def make_books(self) -> Books:
        """Where the payments are kept."""
        return MemoryBooks()

    @rule(target=quotes, share=st.sampled_from([0.01, 0.3, 0.6, 1.0]))
    def ask(self, share: float) -> Quote:
        """A quote of a part of what remains; before that, one for more than that is refused."""
        if self.remains() == 0:
            self.sync(10_000)
        remains = self.remains()
        with pytest.raises(AmountAboveBalance):
            self.till.quote(decimal(remains + 1))
        return self.till.quote(decimal(max(1, int(remains * share))))

    def remains(self) -> int:
        """What may still be charged, by this test's own count."""
        payments = self.till.all_payments()
        return self.owed - sum(p.amount_minor for p in payments if p.state is not PaymentState.FAILED)

    @rule(target=confirmed, quote=quotes, method=METHOD, key=KEY, death=DEATH, commit=COMMIT)
    def confirm(
        self, quote: Quote, method: str, key: str, death: str, commit: tuple[int, bool]
    ) -> tuple[Quote, str, str]:
        """A confirmation, in which the process may die at any commit or call, or the provider go away."""
        self.store.die_at(*commit)
        key = key or f"key-{quote.quote_id}"
        if death in ("before", "after"):
            setattr(self.provider, death, self.die)
        self.provider.away = death == "away"
        self.attempt(quote, method, key)
        self.provider.before = self.provider.after = lambda: None
        self.provider.away = False
        return quote, method, key

    @rule(confirmation=confirmed)
    def repeat(self, confirmation: tuple[Quote, str, str]) -> None:
        """The same again."""
        self.attempt(*confirmation)

    def attempt(self, quote: Quote, method: str, key: str) -> None:
        """A confirmation; whatever it answers, its payment is always the same one."""
        before = len(self.provider.recorded)
        try:
            payment = self.till.confirm(quote, method, key)
        except (Refusal, Killed):
            return
        finally:
            self.store.revive()
        was = self.told.setdefault((quote.quote_id, method, key), payment.payment_id)
        assert payment.payment_id == was
        assert len(self.provider.recorded) <= before + 1

    @rule(seconds=st.integers(1, 20))
    def wait(self, seconds: int) -> None:
        """The worker at work for a while."""
        self.till.wait_and_resolve(seconds)

    @rule(commit=COMMIT)
    def resolve_and_die(self, commit: tuple[int, bool]) -> None:
        """The worker asks about what is due, and is killed at a commit."""
        self.store.die_at(*commit)
        try:
            self.till.wait(1)
            self.till.resolve()
        except Killed:
            pass
        finally:
            self.store.revive()

    @rule(hours=st.integers(1, 2))
    def sleep(self, hours: int) -> None:
        """Nobody at work for long."""
        self.till.wait(hours * 3600)

    @rule()
    def settle_banks(self) -> None:
        """The banks decide."""
        self.provider.settle_banks()

    @rule(data=st.data())
    def acknowledge(self, data: st.DataObject) -> None:
        """The accountant books some of what has succeeded, perhaps again."""
        taken = [p for p in self.till.all_payments() if p.state is PaymentState.SUCCEEDED]
        if not taken:
            return
        chosen = data.draw(st.lists(st.sampled_from(sorted(p.payment_id for p in taken)), max_size=4))
        before = self.books.invoice().balance_minor
        self.till.acknowledge(*chosen)
        assert self.books.invoice().balance_minor == before

    @rule(minor=st.integers(0, 2_000))
    def sync(self, minor: int) -> None:
        """New books: somebody owes more; and a stale upload that says what was said before."""
        books = self.books.invoice().books_balance_minor
        self.amount += minor
        self.books.sync(1, books + minor, self.amount)
        self.books.sync(1, books + minor, self.amount)
        self.owed += minor

    @invariant()
    def nothing_is_charged_or_reserved_above_what_is_owed(self) -> None:
        """By this test's own count."""
        payments = self.till.all_payments()
        taken = total(payments, PaymentState.SUCCEEDED)
        open_ = sum(p.amount_minor for p in payments if not p.state.is_final)
        assert taken + open_ <= self.owed
        invoice = self.books.invoice()
        assert invoice.reserved_minor == open_
        assert invoice.balance_minor == self.owed - taken
        assert invoice.paid_here_minor == sum(
            p.amount_minor for p in payments if p.state is PaymentState.SUCCEEDED and not p.acknowledged_at
        )

    @invariant()
    def the_provider_has_taken_nothing_that_the_ledger_does_not_count(self) -> None:
        """Captured money is a payment that succeeded, or one that is still open."""
        payments = {payment.payment_id: payment for payment in self.till.all_payments()}
        for key, amount in self.provider.captured().items():
            assert payments[key].amount_minor == amount
            assert payments[key].state is not PaymentState.FAILED
        quotes = [payment.quote_id for payment in payments.values()]
        assert len(quotes) == len(set(quotes))

    def teardown(self) -> None:
        """In the end everything is resolved, told once, and agreed."""
        self.provider.settle_banks()
        for _ in range(8):
            self.till.wait(3600)
            self.till.wait_and_resolve(2)
        payments = self.till.all_payments()
        assert all(payment.state.is_final for payment in payments)
        assert self.books.invoice().reserved_minor == 0
        assert sum(self.provider.captured().values()) == succeeded_total(self.books)
        told = sorted(body["payment"]["payment_id"] for _, body in self.books.facts())
        assert told == sorted(payment.payment_id for payment in payments)

    def die(self) -> None:
        """Kills the process in the middle of a charge."""
        raise Killed


class SqlPaymentMachine(PaymentMachine):
    """The same on the real tables, emptied before each run."""

    url: str

    def make_books(self) -> Books:
        """The database at `url`."""
        self.database = Database(self.url)
        with self.database.write() as connection:
            for table in reversed(metadata.sorted_tables):
                if table is not books_lock:
                    connection.execute(delete(table))
        return SqlBooks(self.database)

    def teardown(self) -> None:
        """As above."""
        super().teardown()
        self.database.dispose()


def decimal(minor: int) -> str:
    """An amount as a payer types it."""
    return f"{minor // 100}.{minor % 100:02}"


def total(payments: list[Payment], state: PaymentState) -> int:
    """The sum of the payments in one state."""
    return sum(payment.amount_minor for payment in payments if payment.state is state)


TestPaymentsInMemory = PaymentMachine.TestCase
TestPaymentsInMemory.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
ON_DATABASES = settings(
    max_examples=8, stateful_step_count=30, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


@pytest.mark.parametrize("kind", DATABASES)
def test_payments_on_real_tables(kind: str, migrated_url: MigratedUrl) -> None:
    class Machine(SqlPaymentMachine):
        url = migrated_url(kind, MIGRATIONS)

    run_state_machine_as_test(Machine, settings=ON_DATABASES)  # type: ignore[no-untyped-call] # Hypothesis's
