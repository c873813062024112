"""Page tokens of lists that are ordered by an instant, the newest first, and a key beside it."""

from datetime import datetime, timedelta

from services.shared.errors import invalid_field
from services.shared.paging import decode_token, encode_token

Place = tuple[datetime, str]

_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
_MICROSECOND = timedelta(microseconds=1)


def token_after(query: str, place: Place) -> str:
    """The token of the page behind that place."""
    at, key = place
    return encode_token(query, (at - _EPOCH) // _MICROSECOND, key)


def place_of(query: str, token: str) -> Place | None:
    """The place that a token names, None for the first page. `Invalid` (PAGE_TOKEN_INVALID).

    Tokens come from outside and may say anything.
    """
    parts = decode_token(query, token)
    if not parts:
        return None
    try:
        microseconds, key = parts
        return _EPOCH + int(microseconds) * _MICROSECOND, str(key)
    except (ValueError, OverflowError):
        raise invalid_field("page_token", "PAGE_TOKEN_INVALID", "This page token is damaged.") from None
