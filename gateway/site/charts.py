"""Charts as our own SVG: geometry here, drawing in `macros/charts.html`."""

from collections.abc import Sequence
from dataclasses import dataclass

from dunlin.paynow.v1.ledger_pb2 import AgingBucket
from flask import Flask

from gateway.site.formats import money

ROW_HEIGHT = 44


@dataclass(frozen=True)
class Bar:
    """One bar: what it stands for, what it is worth, and its length in percent of the longest."""

    label: str
    value: str
    invoices: int
    percent: float
    top: int
    is_past_due: bool


@dataclass(frozen=True)
class BarChart:
    """Horizontal bars under each other. `summary` says the same in words."""

    currency: str
    bars: tuple[Bar, ...]
    height: int
    summary: str


def bucket_label(bucket: AgingBucket) -> str:
    """A span of days past due in words."""
    if bucket.from_days == 0:
        return "Not due yet"
    if bucket.to_days == 0:
        return f"Over {bucket.from_days - 1} days"
    return f"{bucket.from_days} to {bucket.to_days} days"


def aging_charts(aging: Sequence[AgingBucket]) -> list[BarChart]:
    """One chart for each currency, in the order in which they come."""
    by_currency: dict[str, list[AgingBucket]] = {}
    for bucket in aging:
        by_currency.setdefault(bucket.currency, []).append(bucket)
    return [_chart(currency, buckets) for currency, buckets in by_currency.items()]


def _chart(currency: str, buckets: Sequence[AgingBucket]) -> BarChart:
    longest = max((bucket.balance_minor for bucket in buckets), default=0) or 1
    bars = tuple(
        Bar(
            label=bucket_label(bucket),
            value=money(bucket.balance_minor, currency),
            invoices=bucket.invoices,
            # A bar that stands for something is never too thin to see.
            percent=max(100 * bucket.balance_minor / longest, 0.6) if bucket.balance_minor > 0 else 0.0,
            top=row * ROW_HEIGHT,
            is_past_due=bucket.from_days > 0,
        )
        for row, bucket in enumerate(buckets)
    )
    summary = "; ".join(f"{bar.label}: {bar.value}" for bar in bars)
    return BarChart(currency, bars, len(bars) * ROW_HEIGHT, summary)


def init_app(app: Flask) -> None:
    """Makes the function known to the templates."""
    app.jinja_env.globals["aging_charts"] = aging_charts
