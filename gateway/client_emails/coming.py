"""What the next run sends, type by type: what pages say before it goes."""

from collections.abc import Sequence

from dunlin.scheduler.v1.emails_pb2 import EmailCount, EmailType, ListEmailTypesRequest, OnNewInvoice

from gateway.client_emails.kinds import KINDS, EmailKind
from gateway.client_emails.wording import INVOICE, SUMMARY
from gateway.clients import clients
from gateway.site import company_time
from gateway.site.formats import day
from gateway.site.words import count as counted
from services.shared.wire import instant

WITH_IMPORTS = "When one comes in"


def kinds_on() -> Sequence[tuple[EmailKind, EmailType]]:
    """The kinds beside due notices that go by themselves as they are set, in the order of pages."""
    found = {one.type: one for one in clients().emails.ListEmailTypes(ListEmailTypesRequest()).email_types}
    return [
        (kind, found[kind.type])
        for kind in KINDS.values()
        if (kind.has_switch or kind.type == INVOICE) and kind.type in found and found[kind.type].enabled
    ]


def coming_words(settings: EmailType, found: EmailCount) -> str:
    """What the next run sends of a kind that is on: "12 emails"; of a summary also when it goes else."""
    mails = counted(found.at_next_run, "email", at_least=found.at_least)
    if not found.at_next_run:
        mails = "None among those looked at, but there are more" if found.at_least else "No email"
    more = []
    if settings.type == SUMMARY and found.HasField("next_at") and not found.at_next_run:
        on = day(instant(found.next_at).astimezone(company_time.zone()).date())
        more.append(f"{'at least ' if found.at_least else ''}{found.organizations:,} on {on}")
    if settings.type == SUMMARY and settings.on_new_invoice == OnNewInvoice.ON_NEW_INVOICE_SUMMARY:
        more.append("also when new invoices come in")
    return "; ".join([mails, *more])
