"""Mails that a person asks for: each request makes one notice, which leaves at once."""

from services.scheduler.domain.about import Access
from services.scheduler.domain.asked_for import invoice_by_hand, summary_by_hand
from services.scheduler.domain.notice import Lane, Notice, NoticeType, State
from services.scheduler.domain.occurrences import Candidate, of_request
from services.scheduler.domain.portal_access import address_for
from services.scheduler.domain.reasons import ASKED_FOR
from services.scheduler.domain.standing import Standing
from services.scheduler.ports import Store
from services.scheduler.use_cases.exclusions import OrganizationMissing
from services.scheduler.use_cases.explain import InvoiceMissing
from services.scheduler.use_cases.ticking import Ticking
from services.shared.addresses import compared
from services.shared.errors import Missing
from services.shared.request_ids import check_request_id


class ContactMissing(Missing):
    """The ledger does not know the contact."""

    reason = "CONTACT_MISSING"


class NoticeMissing(Missing):
    """There is no such notice."""

    reason = "NOTICE_MISSING"


def send_summary(request_id: str, organization_id: str, *, ticking: Ticking) -> Notice:
    """Tells one organization all its open invoices, even if it is excluded. `OrganizationMissing`.

    Nothing open, or nobody to tell, is recorded as skipped.
    """
    occurrence = _occurrence(organization_id, request_id)
    if known := _known(NoticeType.ACCOUNT_SUMMARY, occurrence, ticking.store):
        return known
    with ticking.store.read() as work:
        profile_ids = work.email_types.get(NoticeType.ACCOUNT_SUMMARY).profile_ids
    account = ticking.accounts.accounts([organization_id], profile_ids=profile_ids).get(organization_id)
    if account is None:
        raise OrganizationMissing(f"The books have no organization with the ID {organization_id[:100]!r}.")
    candidate = Candidate(organization_id, occurrence, ASKED_FOR, reachable=True)
    return _tell(NoticeType.ACCOUNT_SUMMARY, candidate, summary_by_hand(account), ticking)


def send_invoice(request_id: str, invoice_id: int, *, ticking: Ticking) -> Notice:
    """Tells of one invoice. `InvoiceMissing`; closed, paid, or nobody to tell is recorded as skipped."""
    occurrence = _occurrence(invoice_id, request_id)
    if known := _known(NoticeType.INVOICE, occurrence, ticking.store):
        return known
    subject = ticking.ledger.subjects([invoice_id]).get(invoice_id)
    if subject is None:
        raise InvoiceMissing(f"The books have no invoice with the ID {invoice_id}.")
    candidate = Candidate(
        subject.invoice.organization_id,
        occurrence,
        ASKED_FOR,
        reachable=True,
        invoice_id=invoice_id,
        invoice_number=subject.invoice.number,
    )
    return _tell(NoticeType.INVOICE, candidate, invoice_by_hand(subject), ticking)


def send_access(
    type: NoticeType, request_id: str, contact_id: int, email: str, *, ticking: Ticking
) -> Notice:
    """Sends a contact a link into the portal: an invitation, or one for a new password.

    `ContactMissing`, `AddressNotOfContact`, `ProfileMissing`.
    """
    occurrence = _occurrence(f"{contact_id}|{compared(email)}", request_id)
    if known := _known(type, occurrence, ticking.store):
        return known
    contact = ticking.accounts.contacts_by_id([contact_id]).get(contact_id)
    if contact is None:
        raise ContactMissing(f"The books have no contact with the ID {contact_id}.")
    about = Access(contact_id, address_for(contact, email))
    candidate = Candidate(contact.organization_id, occurrence, ASKED_FOR, reachable=True, about=about)
    return _tell(type, candidate, Standing(State.QUEUED, ASKED_FOR), ticking)


def get_notice(notice_id: str, *, store: Store) -> Notice:
    """The notice. `NoticeMissing`."""
    with store.read() as work:
        found = work.notices.get([notice_id]).get(notice_id)
    if found is None:
        raise NoticeMissing(f"There is no notice with the ID {notice_id[:40]!r}.")
    return found


def _occurrence(subject: str | int, request_id: str) -> str:
    check_request_id(request_id)
    return of_request(subject, request_id)


def _known(type: NoticeType, occurrence: str, store: Store) -> Notice | None:
    with store.read() as work:
        return work.notices.of_occurrence(type, occurrence)


def _tell(type: NoticeType, candidate: Candidate, outcome: Standing, ticking: Ticking) -> Notice:
    """Records the decision, unless the same request has been decided meanwhile; returns what holds."""
    notice = Notice(
        notice_id=ticking.new_id(),
        type=type,
        organization_id=candidate.organization_id,
        invoice_id=candidate.invoice_id,
        invoice_number=candidate.invoice_number,
        threshold=0,
        due_on=None,
        state=outcome.state,
        reason=outcome.reason,
        decided_at=ticking.clock.now(),
        occurrence=candidate.occurrence,
        about=candidate.about,
        lane=Lane.AT_ONCE,
    )
    with ticking.store.write() as work:
        work.notices.add_new([notice])
        recorded = work.notices.of_occurrence(type, candidate.occurrence) or notice
    ticking.wake()
    return recorded
