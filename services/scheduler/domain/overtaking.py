"""Whether another mail tells the same as one that is about to go out: nobody is told twice, and all are told.

A letter is written when its mail is about to go out, so of mails that say the same the one that has waited
longest is as fresh as the newest. It goes; what was decided before it went is told by it.
"""

from collections.abc import Collection

from services.scheduler.domain.email_types import EmailType, OnNewInvoice
from services.scheduler.domain.notice import Lane, Leaving, Notice, NoticeType, State
from services.scheduler.domain.occurrences import (
    is_of_campaign,
    is_of_new_invoices,
    is_of_same_card,
    says_that_it_expires,
)


def may_be_told_by_another(notice: Notice | Leaving) -> bool:
    """Whether another one of its type may say all that it would; what a person asked for goes in any case."""
    is_repeated = notice.type in (NoticeType.ACCOUNT_SUMMARY, NoticeType.METHOD_EXPIRATION)
    return is_repeated and notice.lane is Lane.USUAL


def is_no_longer_news(occurrence: str, settings: EmailType | None) -> bool:
    """Whether new invoices had brought a summary, which they do not any more."""
    brings = settings is not None and settings.on_new_invoice is OnNewInvoice.SUMMARY
    return is_of_new_invoices(occurrence) and not brings


def is_told_by_another(notice: Notice, others: Collection[Leaving], settings: EmailType | None) -> bool:
    """Whether another one has told what a queued notice would, or is about to.

    `others` are those of its type and organization that are queued, and those that were sent since the first
    of these was decided. The notice, of which `may_be_told_by_another` holds, is told by one that was sent
    after it had been decided, and by an older one that is queued and will go.

    Whoever looks at two of them at once finds the same: of those that are queued the oldest that will go is
    told by none, since an id is older than another one whoever asks, and all others give way to it, whether
    it is still queued or was sent meanwhile. An older one gives no way to a newer one that is queued, so not
    both do; nor does one count that is itself told by a mail that went before the notice was decided.
    """
    same = [other for other in others if _tells_the_same(other, notice)]
    if _has_been_told(notice, same):
        return True
    return any(
        other.state is State.QUEUED
        and other.notice_id < notice.notice_id
        and _will_go(other, settings)
        and not (may_be_told_by_another(other) and _has_been_told(other, same))
        for other in same
    )


def _tells_the_same(other: Leaving, notice: Notice) -> bool:
    """Of cards only that they have expired is told again and again; that one expires is told once."""
    if other.notice_id == notice.notice_id:
        return False
    if notice.type is not NoticeType.METHOD_EXPIRATION:
        return True
    return is_of_same_card(other.occurrence, notice.occurrence) and not says_that_it_expires(other.occurrence)


def _has_been_told(notice: Notice | Leaving, others: Collection[Leaving]) -> bool:
    """Whether one was sent after the notice had been decided, as any newer one was."""
    return any(
        other.state is State.SENT
        and (other.decided_at > notice.decided_at or other.notice_id > notice.notice_id)
        for other in others
    )


def _will_go(other: Leaving, settings: EmailType | None) -> bool:
    """Whether nothing keeps back one that is queued that would not keep back the others of its type.

    A campaign may be cancelled.
    """
    return not is_of_campaign(other.occurrence) and not is_no_longer_news(other.occurrence, settings)
