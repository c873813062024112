"""Values on the wire: instants and local dates."""

from datetime import UTC, date, datetime

from google.protobuf.timestamp_pb2 import Timestamp

from services.shared.errors import invalid_field


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


def iso(day: date | None) -> str:
    """YYYY-MM-DD, or empty for none."""
    return day.isoformat() if day else ""


def date_of(text: str, field: str) -> date | None:
    """The date written as YYYY-MM-DD, None if empty. `Invalid` (DATE_MALFORMED) names the field."""
    if not text:
        return None
    try:
        if len(text) != 10:
            raise ValueError(text)
        return date.fromisoformat(text)
    except ValueError:
        raise invalid_field(
            field, "DATE_MALFORMED", f"{text[:40]!r} is not a date such as 2026-01-31."
        ) from None
