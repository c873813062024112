"""Aging: how long what is open has been past due."""

from collections.abc import Iterable
from datetime import date, timedelta
from typing import Final, NamedTuple

from services.paynow.domain.books import AgingBucket

BUCKETS: Final = ((0, 0), (1, 30), (31, 60), (61, 90), (91, 0))
"""First and last day past due of each bucket; the first holds what is not past due or has no due date,
the last one is open-ended."""


class AgedSum(NamedTuple):
    """What one currency has open in one bucket, by the bucket's number in `BUCKETS`."""

    currency: str
    bucket: int
    balance_minor: int
    invoices: int


def days_past_due(due_on: date, today: date) -> int:
    """Negative before the due date."""
    return (today - due_on).days


def bucket_of(due_on: date | None, today: date) -> int:
    """The number in `BUCKETS` of an invoice that is due then."""
    if due_on is None:
        return 0
    days = days_past_due(due_on, today)
    return next(n for n in range(len(BUCKETS) - 1, -1, -1) if n == 0 or days >= BUCKETS[n][0])


def latest_due_date(bucket: int, today: date) -> date:
    """The last due date that falls in the bucket or an older one; buckets from 1 on."""
    return today - timedelta(days=BUCKETS[bucket][0])


def aging(sums: Iterable[AgedSum], currencies: Iterable[str]) -> tuple[AgingBucket, ...]:
    """Every bucket of each of the currencies, in order, those with nothing in them too."""
    found = {(item.currency, item.bucket): item for item in sums}
    result = []
    for currency in currencies:
        for number, (first, last) in enumerate(BUCKETS):
            item = found.get((currency, number), AgedSum(currency, number, 0, 0))
            result.append(AgingBucket(currency, first, last, item.balance_minor, item.invoices))
    return tuple(result)
