"""What was sent, and what has happened to it."""

from datetime import datetime

from services.mailer.domain.message import Message, MessageMissing, MessageNotRendered, State
from services.mailer.ports import Begin, Filter
from services.shared.errors import invalid_field
from services.shared.paging import decode_token, encode_token, page_size

LONGEST_QUERY = 200


def list_messages(wanted: Filter, size: int, token: str, *, begin: Begin) -> tuple[list[Message], str]:
    """A page of messages, the newest first, and the token of the next page (empty on the last one).

    A search may give a page that is not full, or empty, and still a token: there is more to look through.
    """
    if len(wanted.query) > LONGEST_QUERY:
        words = f"Search for at most {LONGEST_QUERY} characters."
        raise invalid_field("query", "QUERY_TOO_LONG", words)
    if "\0" in wanted.query + wanted.organization_id:
        # No text holds one, and PostgreSQL refuses to be asked.
        return [], ""
    listing = f"messages/{wanted!r}"
    key = decode_token(listing, token)
    limit = page_size(size, 50, 200)
    with begin() as work:
        found, rest = work.messages.page(wanted, int(key[0]) if key else None, limit)
    return found, encode_token(listing, rest) if rest is not None else ""


def get_message(notice_id: str, *, begin: Begin) -> Message:
    """One message with its history; `MessageMissing`."""
    with begin() as work:
        message = work.messages.get(notice_id.replace("\0", ""))
    if message is None:
        raise MessageMissing(f"There is no message for the notice {notice_id[:80]!r}.")
    return message


def get_mime(notice_id: str, *, begin: Begin) -> bytes:
    """The mail as it was handed to the SMTP server; `MessageMissing`, `MessageNotRendered`."""
    with begin() as work:
        message = work.messages.get(notice_id)
        mime = work.messages.mime(notice_id)
    if message is None:
        raise MessageMissing(f"There is no message for the notice {notice_id[:80]!r}.")
    if mime is None:
        raise MessageNotRendered("This mail has not been written yet; that happens right before it is sent.")
    return mime


def count_messages(since: datetime, until: datetime, *, begin: Begin) -> dict[State, int]:
    """Messages by state, created from `since` on and before `until`; only states that occur."""
    with begin() as work:
        return work.messages.counts(since, until)
