"""The use cases of payments over given books and a given provider, with few words."""

from datetime import timedelta

from services.paynow.domain.links import PayLinks
from services.paynow.domain.payment import Pace, Payment
from services.paynow.domain.quotes import Quote, Quotes
from services.paynow.ports_payments import PaymentFilter, Provider
from services.paynow.use_cases import payments, quotes
from services.paynow.use_cases.acknowledge import Acknowledged, acknowledge
from services.paynow.use_cases.resolve import resolve_due
from services.shared.clock import Clock
from tests.fakes.clock import SetClock
from tests.fakes.paynow_payments import Books

EMAIL = "a@example.test"
KEY = "a key of sixteen bytes or more"
PACE = Pace(charge=6, lease=10, grace=5, first_check=1, longest_check=60, pending_check=3600)


class Till:
    """One payer, one worker and one accountant at work."""

    def __init__(self, books: Books, provider: Provider, clock: Clock) -> None:
        self.books = books
        self.provider = provider
        self.clock = clock
        self.links = PayLinks(KEY)
        self.quotes = Quotes(KEY)

    def quote(
        self, amount: str = "40.00", number: str = "INV-1", email: str = EMAIL, link: str = ""
    ) -> Quote:
        """A quote."""
        asked = quotes.Asked(email, number, amount, link)
        return quotes.validate(
            asked, store=self.books.store, links=self.links, quotes=self.quotes, clock=self.clock
        )

    def read_quote(self, quote: Quote) -> Quote:
        """The quote as it is now."""
        return quotes.get_quote(quote.sealed, store=self.books.store, quotes=self.quotes)

    def confirm(self, quote: Quote | str, method: str = "fake_approve", key: str = "key-00001") -> Payment:
        """A confirmed quote."""
        sealed = quote if isinstance(quote, str) else quote.sealed
        return payments.confirm(
            payments.Confirmation(sealed, method, key),
            store=self.books.store,
            provider=self.provider,
            quotes=self.quotes,
            clock=self.clock,
            pace=PACE,
        )

    def payment(self, payment: Payment | str) -> Payment:
        """The payment as it is now."""
        payment_id = payment if isinstance(payment, str) else payment.payment_id
        return payments.get_payment(payment_id, store=self.books.store)

    def all_payments(self) -> list[Payment]:
        """All payments, the newest first."""
        with self.books.store.read() as view:
            return view.page(PaymentFilter(), None, 10_000)

    def resolve(self) -> bool:
        """One round of the worker."""
        return resolve_due(store=self.books.store, provider=self.provider, clock=self.clock, pace=PACE)

    def acknowledge(self, *found: Payment | str) -> Acknowledged:
        """The accountant has booked these."""
        ids = [payment if isinstance(payment, str) else payment.payment_id for payment in found]
        return acknowledge(ids, store=self.books.store, clock=self.clock)

    def wait(self, seconds: float) -> None:
        """Time passes, if the clock is one that can be set."""
        assert isinstance(self.clock, SetClock)
        self.clock.advance(timedelta(seconds=seconds))

    def wait_and_resolve(self, seconds: int) -> None:
        """Time passes second by second, with the worker at work."""
        for _ in range(seconds):
            self.wait(1)
            self.resolve()
