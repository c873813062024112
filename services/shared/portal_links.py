"""Links that open the portal: the mailer makes one when it writes an invitation, the gateway checks it.

A link names the notice that it was mailed for, and when; whom that notice is for, the scheduler knows. That a
link opens once only is the gateway's to keep: to remember which notices were used.
"""

import struct
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from services.shared.errors import WrongState, invalid_field
from services.shared.seal import Seal

LIFETIME = timedelta(hours=24)
"""How long a link opens."""

CLOCKS_APART = timedelta(minutes=5)
"""How far the mailer's clock may be ahead of the gateway's."""

_PURPOSE = b"dunlin portal link 1"
_HEAD = struct.Struct(">BQ")
_VERSION = 1


class PortalLinkExpired(WrongState):
    """The link is ours, and not of these 24 hours."""

    reason = "LINK_EXPIRED"


def make(notice_id: str, issued_at: datetime, key: str | bytes) -> str:
    """The token of a link for this notice, good for `LIFETIME` from `issued_at` (kept to the second).

    It is URL-safe text that says nothing to who reads it. The same notice and second give the same token.
    """
    return Seal(key, _PURPOSE).close(_HEAD.pack(_VERSION, int(issued_at.timestamp())) + notice_id.encode())


class PortalLink(NamedTuple):
    """What a link says: the notice that it was mailed for, and when it was made, to the second."""

    notice_id: str
    issued_at: datetime


def read(token: str, key: str | bytes, now: datetime) -> PortalLink:
    """The link.

    Refuses with `Invalid` (LINK_INVALID) what was not made with this key, whole and unchanged, and with
    `PortalLinkExpired` what is too old. The latter still names its notice as `metadata["notice_id"]`, so that
    a new link may be sent to where the old one went.
    """
    content = Seal(key, _PURPOSE).open(token)
    if content is None or len(content) <= _HEAD.size or content[0] != _VERSION:
        raise invalid_field("token", "LINK_INVALID", "This link is not whole; open it again from the email.")
    _, issued = _HEAD.unpack_from(content)
    notice_id = content[_HEAD.size :].decode()
    issued_at = datetime.fromtimestamp(issued, UTC)
    if not issued_at - CLOCKS_APART <= now < issued_at + LIFETIME:
        raise PortalLinkExpired(
            "This link is older than 24 hours; ask for a new one.", metadata={"notice_id": notice_id}
        )
    return PortalLink(notice_id, issued_at)
