"""Values on the wire: instants and local dates."""

from datetime import UTC, date, datetime

from google.protobuf.timestamp_pb2 import Timestamp

from services.shared.errors import invalid_field
from services.shared.iso_dates import day_of


def timestamp(at: datetime | None) -> Timestamp | None:
    """An instant for a message; None leaves the field unset."""
    if at is None:
        return None
    result = Timestamp()
    result.FromDatetime(at)
    return result


def instant(value: Timestamp) -> datetime:
    """The instant in UTC."""
    return value.ToDatetime(tzinfo=UTC)


def asked_instant(value: Timestamp, field: str) -> datetime:
    """The instant of a request, in UTC. `Invalid` (INSTANT_OUT_OF_RANGE) outside the years 1900 to 2200.

    A message carries more than a `datetime` holds, and one near its ends has no local time everywhere.
    """
    try:
        at = instant(value)
    except (ValueError, OverflowError):
        at = datetime.min.replace(tzinfo=UTC)
    if not 1900 <= at.year <= 2200:
        raise invalid_field(
            field, "INSTANT_OUT_OF_RANGE", "Only instants of the years 1900 to 2200 are taken."
        )
    return at


def iso(day: date | None) -> str:
    """YYYY-MM-DD, or empty for none."""
    return day.isoformat() if day else ""


def date_of(text: str, field: str) -> date | None:
    """The date written as YYYY-MM-DD, None if empty. `Invalid` (DATE_MALFORMED) names the field."""
    if not text:
        return None
    try:
        return day_of(text)
    except ValueError:
        raise invalid_field(
            field, "DATE_MALFORMED", f"{text[:40]!r} is not a date such as 2026-01-31."
        ) from None
