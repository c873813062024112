"""Which mails a reader may have no more of, and by which link."""

from collections.abc import Callable

from dunlin.scheduler.v1 import notices_pb2

from services.mailer.domain.letter import Letter
from services.mailer.domain.message import Claimed, Lane
from services.mailer.domain.templates import TemplateType
from services.mailer.mime import Unsubscribe
from services.shared.unsubscribe_links import UnsubscribeLink

UnsubscribeTokens = Callable[[UnsubscribeLink], str]
"""What seals type, notice and address into the token of a link that unsubscribes."""

_TYPES = {
    TemplateType.ACCOUNT_SUMMARY: notices_pb2.NOTICE_TYPE_ACCOUNT_SUMMARY,
    TemplateType.UPCOMING_PAYMENTS: notices_pb2.NOTICE_TYPE_UPCOMING_PAYMENTS,
}

CAN_BE_LEFT = frozenset(_TYPES)
"""Each mail of these types shows the way out."""


def unsubscribe(
    letter: Letter, message: Claimed, tokens: UnsubscribeTokens | None, public_url: str
) -> Unsubscribe | None:
    """The way out of this type of mail; None for what nobody may miss, and for tests."""
    kind = _TYPES.get(letter.type)
    if letter.type is TemplateType.WELCOME and message.lane is Lane.BULK:
        # One of a campaign. An invitation that somebody has sent by hand is no broadcast.
        kind = notices_pb2.NOTICE_TYPE_WELCOME
    if kind is None or tokens is None or message.is_test:
        return None
    emails = {one.email for one in letter.recipients}
    one_click = len(emails) == 1
    link = UnsubscribeLink(kind, message.notice_id, min(emails) if one_click else "")
    return Unsubscribe(f"{public_url}/unsubscribe/{tokens(link)}", one_click)
