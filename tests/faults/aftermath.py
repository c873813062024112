"""What must be true once the dust has settled, as pure checks over what was found.

Each check returns its complaints as a list, so that one run shows all that is wrong.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class LedgerPayment:
    """A payment as paynow tells it."""

    payment_id: str
    invoice: str
    amount: int
    state: str


@dataclass(frozen=True)
class Charge:
    """A charge as the provider's own books tell it. `taken` is false if declined or returned."""

    key: str
    amount: int
    taken: bool


@dataclass(frozen=True)
class OwedInvoice:
    """An invoice as the ledger tells it, in minor units."""

    number: str
    amount: int
    balance: int
    reserved: int


def extra_copies(message_ids: Iterable[str]) -> int:
    """How many mails are in the sink beyond the first of each message."""
    return sum(copies - 1 for copies in Counter(message_ids).values())


def mail_complaints(
    expected: Mapping[str, str], delivered: Iterable[str], *, copies_allowed: int
) -> list[str]:
    """Compares the sink with the notices. `expected` maps Message-IDs to a name for the complaint."""
    delivered = list(delivered)
    complaints = [
        f"never sent: {name}" for message, name in expected.items() if message not in set(delivered)
    ]
    complaints += [f"nobody decided {message}" for message in set(delivered) - set(expected)]
    extra = extra_copies(delivered)
    if extra > copies_allowed:
        worst = [f"{expected.get(m, m)} x{n}" for m, n in Counter(delivered).most_common(5) if n > 1]
        complaints.append(f"{extra} extra copies, {copies_allowed} allowed; the worst: {', '.join(worst)}")
    return complaints


def charge_complaints(payments: Iterable[LedgerPayment], charges: Iterable[Charge]) -> list[str]:
    """Compares the ledger's payments with the provider's charges, key by key."""
    charges = list(charges)
    complaints = [f"charged {n} times: {key}" for key, n in Counter(c.key for c in charges).items() if n > 1]
    by_key = {charge.key: charge for charge in charges}
    for payment in payments:
        charge = by_key.pop(payment.payment_id, None)
        taken = charge is not None and charge.taken
        if payment.state not in ("SUCCEEDED", "FAILED"):
            complaints.append(f"{payment.payment_id} is still {payment.state}")
        elif taken != (payment.state == "SUCCEEDED"):
            complaints.append(f"{payment.payment_id} is {payment.state}, the provider says taken={taken}")
        elif charge is not None and taken and charge.amount != payment.amount:
            complaints.append(f"{payment.payment_id} is {payment.amount}, the provider took {charge.amount}")
    complaints += [f"the ledger knows nothing of the charge {key}" for key in by_key]
    return complaints


def balance_complaints(invoices: Iterable[OwedInvoice], payments: Iterable[LedgerPayment]) -> list[str]:
    """Nothing stays reserved, and each balance is the amount less what was paid."""
    paid: Counter[str] = Counter()
    for payment in payments:
        if payment.state == "SUCCEEDED":
            paid[payment.invoice] += payment.amount
    complaints = []
    for invoice in invoices:
        if invoice.reserved:
            complaints.append(f"{invoice.number}: {invoice.reserved} is still reserved")
        if invoice.balance != invoice.amount - paid[invoice.number]:
            complaints.append(
                f"{invoice.number}: {invoice.balance} of {invoice.amount}, paid {paid[invoice.number]}"
            )
    return complaints


def receipt_complaints(payments: Iterable[LedgerPayment], receipts: Iterable[tuple[str, str]]) -> list[str]:
    """Each payment has exactly one notice about how it ended. `receipts` are (payment id, notice type)."""
    found = Counter(receipts)
    complaints = []
    for payment in payments:
        wanted = (payment.payment_id, f"PAYMENT_{payment.state}")
        if found.pop(wanted, 0) != 1:
            complaints.append(f"{payment.payment_id} ({payment.state}) has not exactly one notice of it")
    complaints += [f"a notice {kind} without such a payment: {payment}" for payment, kind in found]
    return complaints


@dataclass(frozen=True)
class Delivery:
    """A mail that the SMTP server took: over which connection, and when its sender began to speak of it."""

    message_id: str
    connection: int
    begun_at: float


@dataclass(frozen=True)
class Ban:
    """From an instant on (seconds since 1970) these messages must not go out."""

    what: str
    since: float
    messages: frozenset[str]


@dataclass(frozen=True)
class History:
    """A message's events by kind, oldest first, and whether the mailer says that it was sent."""

    message_id: str
    sent: bool
    events: tuple[str, ...]


def unexplained_copies(deliveries: Iterable[Delivery], orderly: Collection[int]) -> list[str]:
    """Second copies that no cut connection explains.

    A mail may go out again only if the connection that took it was cut before it served another one: then
    nobody can have known that it was taken. `orderly` are the connections that ended with a QUIT.
    """
    deliveries = list(deliveries)
    last = {delivery.connection: delivery.message_id for delivery in deliveries}
    takes: dict[str, list[Delivery]] = {}
    for delivery in deliveries:
        takes.setdefault(delivery.message_id, []).append(delivery)
    return [
        f"{message} went out again though connection {earlier.connection} had gone on after it"
        for message, copies in takes.items()
        for earlier in copies[:-1]
        if last[earlier.connection] != message or earlier.connection in orderly
    ]


def unknowable(deliveries: Iterable[Delivery], orderly: Collection[int]) -> set[str]:
    """Messages that were taken, and whose every answer was cut off: nobody could know that they went out.

    If they are forbidden before they are sent again, they stay unsent in the books; the history says that
    an attempt ended in silence.
    """
    deliveries = list(deliveries)
    last = {delivery.connection: delivery.message_id for delivery in deliveries}
    heard = {
        d.message_id for d in deliveries if last[d.connection] != d.message_id or d.connection in orderly
    }
    return {delivery.message_id for delivery in deliveries} - heard


def ban_complaints(deliveries: Iterable[Delivery], bans: Iterable[Ban], *, holds: float) -> list[str]:
    """Mails that were begun although they had been forbidden. `holds` is how old a second look may be."""
    deliveries = list(deliveries)
    return [
        f"{ban.what}: {delivery.message_id} was begun {delivery.begun_at - ban.since:.2f} s later"
        for ban in bans
        for delivery in deliveries
        if delivery.message_id in ban.messages and delivery.begun_at > ban.since + holds
    ]


def history_complaints(
    histories: Iterable[History], delivered: Iterable[str], unknown: Collection[str] = ()
) -> list[str]:
    """The history says what the SMTP server knows: sent if it took the mail, tried as often as it did.

    `unknown` are messages that may have gone out without anybody's knowledge; see `unknowable`.
    """
    taken = Counter(delivered)
    complaints = []
    for history in histories:
        copies = taken.pop(history.message_id, 0)
        tries, told = history.events.count("PROCESSED"), history.events.count("SENT")
        if history.sent != (copies > 0) and not (history.message_id in unknown and tries >= copies):
            complaints.append(f"{history.message_id}: sent={history.sent}, the server took {copies}")
        elif copies > tries or told > copies or (history.sent and not told):
            complaints.append(f"{history.message_id}: {tries} tries, {told} told as sent, {copies} taken")
    return complaints + [f"no history of {message}" for message in taken]


def rewritten_histories(before: Iterable[History], after: Iterable[History]) -> list[str]:
    """Histories that have not only grown."""
    now = {history.message_id: history.events for history in after}
    return [
        f"{was.message_id}: {was.events} became {now.get(was.message_id)}"
        for was in before
        if now.get(was.message_id, ())[: len(was.events)] != was.events
    ]
