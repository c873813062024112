"""Links that take an address off one type of mail: the mailer makes them, the gateway acts on them.

They never expire, since a mail may be read years later, and what they do can be undone.
"""

import struct
from dataclasses import dataclass

from services.shared.errors import invalid_field
from services.shared.seal import Seal

_PURPOSE = b"dunlin unsubscribe link 1"
_HEAD = struct.Struct(">BHB")
_VERSION = 1


@dataclass(frozen=True)
class UnsubscribeLink:
    """What a link says."""

    notice_type: int
    """A number of the scheduler's NoticeType."""
    notice_id: str
    """The notice whose mail bears the link."""
    email: str
    """The address that the mail went to; empty if it went to several, which the message names."""


def make(link: UnsubscribeLink, key: str | bytes) -> str:
    """The token of a link: URL-safe text that shows neither address nor type; always the same one.

    A notice id has at most 255 bytes.
    """
    notice = link.notice_id.encode()
    head = _HEAD.pack(_VERSION, link.notice_type, len(notice))
    return Seal(key, _PURPOSE).close(head + notice + link.email.encode())


def read(token: str, key: str | bytes) -> UnsubscribeLink:
    """What the link says. Refuses with `Invalid` (LINK_INVALID) what this key has not made."""
    content = Seal(key, _PURPOSE).open(token)
    if content is None or len(content) < _HEAD.size or content[0] != _VERSION:
        raise invalid_field("token", "LINK_INVALID", "This link is not whole; open it again from the email.")
    _, notice_type, length = _HEAD.unpack_from(content)
    notice, email = content[_HEAD.size : _HEAD.size + length], content[_HEAD.size + length :]
    return UnsubscribeLink(notice_type, notice.decode(), email.decode())
