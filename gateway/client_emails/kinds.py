"""The kinds of mail that clients get, in the order and groups in which pages show them."""

from dataclasses import dataclass

from dunlin.scheduler.v1.notices_pb2 import NoticeType

from gateway.site import words
from gateway.template_editor.types import KINDS as TEXTS

_T = NoticeType


@dataclass(frozen=True)
class EmailKind:
    """One kind of mail."""

    slug: str
    """What addresses of pages call it."""
    type: NoticeType.ValueType
    texts: tuple[str, ...]
    """The slugs of its texts, as in `template_editor.types`."""
    means: str = ""
    """What it is for, where it has several texts."""
    has_switch: bool = False
    """Whether staff turn it on and off by itself."""
    has_settings: bool = False
    is_excludable: bool = False
    """Whether it has a list of organizations that never get it."""
    follows_list_of: str = ""
    """The slug of the kind whose list it follows, having none of its own."""

    @property
    def name(self) -> str:
        """What pages call it."""
        return words.notice_type(self.type)

    @property
    def exclusions(self) -> str:
        """The slug of the kind whose list says who never gets it; empty if everybody may."""
        return self.slug if self.is_excludable else self.follows_list_of

    @property
    def group(self) -> str:
        """Under which heading it stands."""
        return TEXTS[self.texts[0]].group

    @property
    def meaning(self) -> str:
        """What it is for, in a sentence."""
        return self.means or TEXTS[self.texts[0]].meaning


KINDS: dict[str, EmailKind] = {
    kind.slug: kind
    for kind in (
        EmailKind("payment-succeeded", _T.NOTICE_TYPE_PAYMENT_SUCCEEDED, ("payment-succeeded",)),
        EmailKind("payment-failed", _T.NOTICE_TYPE_PAYMENT_FAILED, ("payment-failed",)),
        EmailKind("payment-scheduled", _T.NOTICE_TYPE_PAYMENT_SCHEDULED, ("payment-scheduled",)),
        EmailKind("payment-rescheduled", _T.NOTICE_TYPE_PAYMENT_RESCHEDULED,
                  ("payment-rescheduled",)),
        EmailKind("payment-cancelled", _T.NOTICE_TYPE_PAYMENT_CANCELLED, ("payment-cancelled",)),
        EmailKind("method-failed", _T.NOTICE_TYPE_METHOD_FAILED, ("method-failed",)),
        EmailKind("welcome", _T.NOTICE_TYPE_WELCOME, ("welcome",)),
        EmailKind("password-reset", _T.NOTICE_TYPE_PASSWORD_RESET, ("password-reset",)),
        EmailKind("account-summary", _T.NOTICE_TYPE_ACCOUNT_SUMMARY, ("account-summary",),
                  has_switch=True, has_settings=True, is_excludable=True),
        EmailKind("invoice", _T.NOTICE_TYPE_INVOICE, ("invoice",), has_settings=True,
                  follows_list_of="account-summary"),
        EmailKind("upcoming-payments", _T.NOTICE_TYPE_UPCOMING_PAYMENTS, ("upcoming-payments",),
                  has_switch=True, has_settings=True, is_excludable=True),
        EmailKind("method-expiration", _T.NOTICE_TYPE_METHOD_EXPIRATION,
                  ("method-expiring", "method-expired"), "A card on file expires soon, or has expired.",
                  has_switch=True, has_settings=True),
        EmailKind("due-notices", _T.NOTICE_TYPE_DUE_NOTICE, ("due-notice-before", "due-notice-after"),
                  "One email for each invoice, some days before or after its due date.", is_excludable=True),
    )
}  # fmt: skip
"""By slug."""


def of_group(group: str) -> list[EmailKind]:
    """The kinds of a group, in order."""
    return [kind for kind in KINDS.values() if kind.group == group]


SWITCHED = tuple(slug for slug, kind in KINDS.items() if kind.has_switch)
SET = tuple(slug for slug, kind in KINDS.items() if kind.has_settings)
EXCLUDABLE = tuple(slug for slug, kind in KINDS.items() if kind.is_excludable)


def one_of(slugs: tuple[str, ...]) -> str:
    """The part of a route that is one of these slugs, as `slug`."""
    return f"<any({','.join(repr(slug) for slug in slugs)}):slug>"
