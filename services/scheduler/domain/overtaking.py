"""Whether a newer mail takes the place of one that waits: after a long stop nobody is told the same twice."""

from services.scheduler.domain.email_types import EmailType, OnNewInvoice
from services.scheduler.domain.notice import Lane, Notice, NoticeType, Occurred, State
from services.scheduler.domain.occurrences import is_of_campaign, is_of_new_invoices


def may_be_overtaken(notice: Notice) -> bool:
    """Whether a newer one of its type says all that it would; what a person asked for goes in any case."""
    is_repeated = notice.type in (NoticeType.ACCOUNT_SUMMARY, NoticeType.METHOD_EXPIRATION)
    return is_repeated and notice.lane is Lane.USUAL


def is_no_longer_news(occurrence: str, settings: EmailType | None) -> bool:
    """Whether new invoices had brought a summary, which they do not any more."""
    brings = settings is not None and settings.on_new_invoice is OnNewInvoice.SUMMARY
    return is_of_new_invoices(occurrence) and not brings


def takes_its_place(newer: Occurred, settings: EmailType | None) -> bool:
    """Whether a newer summary, which is queued or was sent, tells all in place of an older one.

    One that is queued does so only if nothing keeps it back that would not keep back the older one, too: a
    campaign may be cancelled.
    """
    if newer.state is State.SENT:
        return True
    return not is_of_campaign(newer.occurrence) and not is_no_longer_news(newer.occurrence, settings)
