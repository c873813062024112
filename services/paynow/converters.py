"""Wire <-> domain of the ledger; every rule of the wire is here."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from operator import attrgetter
from typing import NamedTuple

from dunlin.paynow.v1 import books_pb2, ledger_pb2, plans_pb2

from services.paynow.domain import accounts, books
from services.paynow.domain.contacts import DefaultBy, as_imported, default_by
from services.paynow.domain.lines import SyncRecord
from services.paynow.domain.plans import PlannedPayment
from services.paynow.domain.sync import SyncReport
from services.paynow.ports import InvoiceFilter, InvoicePlace, OrganizationPlace
from services.paynow.use_cases.books import (
    MOST_DUE,
    USUAL_DUE,
    DueBatch,
    InvoicePage,
    OrganizationPage,
)
from services.shared.errors import invalid_field
from services.shared.paging import decode_token, encode_token, page_size
from services.shared.wire import date_of, iso, timestamp

USUAL_PAGE = 50
MOST_ON_PAGE = 200

_STATUS_TO_WIRE = {
    books.OPEN: books_pb2.INVOICE_STATUS_OPEN,
    books.PAID: books_pb2.INVOICE_STATUS_PAID,
    books.CANCELLED: books_pb2.INVOICE_STATUS_CANCELLED,
    books.THIRD_PARTY: books_pb2.INVOICE_STATUS_THIRD_PARTY,
}
_STATUS_FROM_WIRE: dict[int, str] = {
    books_pb2.INVOICE_STATUS_UNSPECIFIED: "",
    **{number: status for status, number in _STATUS_TO_WIRE.items()},
}


_DEFAULT_BY = {
    None: books_pb2.DEFAULT_BY_UNSPECIFIED,
    DefaultBy.HAND: books_pb2.DEFAULT_BY_HAND,
    DefaultBy.CRM: books_pb2.DEFAULT_BY_CRM,
    DefaultBy.PRIMARY: books_pb2.DEFAULT_BY_PRIMARY,
}


class OrganizationQuery(NamedTuple):
    """A page of organizations that is asked for."""

    search: str
    after: OrganizationPlace | None
    size: int
    today: date


class InvoiceQuery(NamedTuple):
    """A page of invoices that is asked for."""

    wanted: InvoiceFilter
    after: InvoicePlace | None
    size: int


class DueQuery(NamedTuple):
    """A batch of due invoices that is asked for."""

    due_on_or_before: date
    after_invoice_id: int
    size: int


class Span(NamedTuple):
    """Due dates to count, both included."""

    first: date
    last: date


def sync_batches(requests: Iterable[ledger_pb2.SyncBooksRequest]) -> Iterator[list[SyncRecord]]:
    """The records of each request."""
    for request in requests:
        yield [_sync_record(record) for record in request.records]


# Taken together, since a list has millions of them.
_organization_of = attrgetter("line", "organization_id", "organization_name")
_details_of = attrgetter("type", "status", "address", "time_zone", "currency", "language")
_invoice_of = attrgetter("invoice_number", "issued_on", "due_on", "currency", "amount", "balance", "status")
_NO_DETAILS = ("",) * 6


def _sync_record(record: ledger_pb2.SyncRecord) -> SyncRecord:
    texts = (
        *_organization_of(record),
        *(_details_of(record.organization) if record.HasField("organization") else _NO_DETAILS),
        record.contact_name,
        tuple(record.contact_emails),
        record.contact_default if record.HasField("contact_default") else None,
        record.contact_profile,
        *_invoice_of(record),
    )
    return SyncRecord._make(texts)


def sync_report(report: SyncReport) -> ledger_pb2.SyncReport:
    """What a sync did."""
    return ledger_pb2.SyncReport(
        added=report.added,
        changed=report.changed,
        unchanged=report.unchanged,
        refused=report.refused,
        refusals=[ledger_pb2.LineRefusal(**refusal._asdict()) for refusal in report.refusals],
    )


def organization_query(request: ledger_pb2.ListOrganizationsRequest) -> OrganizationQuery:
    """Which organizations are asked for."""
    key = decode_token(_organizations_named(request.query), request.page_token)
    after = OrganizationPlace(str(key[0]), str(key[1])) if key else None
    size = page_size(request.page_size, USUAL_PAGE, MOST_ON_PAGE)
    return OrganizationQuery(request.query, after, size, needed_date(request.today, "today"))


def organization_page(
    request: ledger_pb2.ListOrganizationsRequest, page: OrganizationPage
) -> ledger_pb2.ListOrganizationsResponse:
    """A page of organizations."""
    place = page.next_place
    return ledger_pb2.ListOrganizationsResponse(
        organizations=[
            ledger_pb2.OrganizationSummary(
                organization=organization(summary.organization),
                open_invoices=summary.open_invoices,
                totals=[total(one) for one in summary.totals],
            )
            for summary in page.organizations
        ],
        next_page_token=encode_token(
            _organizations_named(request.query), place.name_key, place.organization_id
        )
        if place
        else "",
        total=page.total,
    )


def organization(found: books.Organization) -> books_pb2.Organization:
    """An organization with the contacts that were loaded."""
    return books_pb2.Organization(
        organization_id=found.organization_id,
        name=found.name,
        type=found.type,
        status=found.status,
        address=found.address,
        time_zone=found.time_zone,
        currency=found.currency,
        language=found.language,
        contacts=_contacts(found.contacts),
    )


def _contacts(found: Sequence[books.Contact]) -> list[books_pb2.Contact]:
    """All contacts of an organization, each also with what it would be without stars by hand."""
    result = [contact(one) for one in found]
    for one, imported in zip(result, as_imported(found), strict=True):
        one.default_by_imports = _DEFAULT_BY[default_by(imported)]
    return result


def contact(
    found: books.Contact, organization_name: str = "", language: str = "", type: str = "", status: str = ""
) -> books_pb2.Contact:
    """A contact with its addresses; what is said of its organization comes in lists of contacts only."""
    return books_pb2.Contact(
        contact_id=found.contact_id,
        name=found.name,
        emails=[address.email for address in found.addresses],
        is_default=found.is_default,
        organization_id=found.organization_id,
        profile_id=found.profile_id,
        signed_in_at=timestamp(found.signed_in_at),
        organization_name=organization_name,
        language=language,
        organization_type=type,
        organization_status=status,
        default_by=_DEFAULT_BY[default_by(found)],
    )


def organizations(found: Iterable[books.Organization]) -> ledger_pb2.BatchGetOrganizationsResponse:
    """Several organizations."""
    return ledger_pb2.BatchGetOrganizationsResponse(organizations=[organization(one) for one in found])


def invoice_query(request: ledger_pb2.ListInvoicesRequest) -> InvoiceQuery:
    """Which invoices are asked for."""
    key = decode_token(_invoices_wanted(request), request.page_token)
    after = InvoicePlace(date_of(str(key[0]), "page_token"), int(key[1])) if key else None
    if request.status not in _STATUS_FROM_WIRE:
        raise invalid_field("status", "STATUS_UNKNOWN", "Ask for a status that InvoiceStatus names.")
    wanted = InvoiceFilter(request.organization_id, request.number, _STATUS_FROM_WIRE[request.status])
    return InvoiceQuery(wanted, after, page_size(request.page_size, USUAL_PAGE, MOST_ON_PAGE))


def invoice_page(
    request: ledger_pb2.ListInvoicesRequest, page: InvoicePage
) -> ledger_pb2.ListInvoicesResponse:
    """A page of invoices."""
    place = page.next_place
    return ledger_pb2.ListInvoicesResponse(
        invoices=[invoice(one) for one in page.invoices],
        next_page_token=encode_token(_invoices_wanted(request), iso(place.due_on), place.invoice_id)
        if place
        else "",
        total=page.total,
    )


def invoice(found: books.Invoice) -> books_pb2.Invoice:
    """An invoice."""
    return books_pb2.Invoice(
        invoice_id=found.invoice_id,
        organization_id=found.organization_id,
        organization_name=found.organization_name,
        number=found.number,
        issued_on=iso(found.issued_on),
        due_on=iso(found.due_on),
        currency=found.currency,
        amount_minor=found.amount_minor,
        balance_minor=found.balance_minor,
        reserved_minor=found.reserved_minor,
        status=_STATUS_TO_WIRE[found.status],
    )


def due_query(request: ledger_pb2.ListDueInvoicesRequest) -> DueQuery:
    """Which due invoices are asked for."""
    due_by = needed_date(request.due_on_or_before, "due_on_or_before")
    return DueQuery(due_by, request.after_invoice_id, page_size(request.batch_size, USUAL_DUE, MOST_DUE))


def due_batch(batch: DueBatch) -> ledger_pb2.ListDueInvoicesResponse:
    """A batch of due invoices."""
    return ledger_pb2.ListDueInvoicesResponse(
        invoices=[
            ledger_pb2.DueInvoice(
                invoice_id=one.invoice_id,
                organization_id=one.organization_id,
                number=one.number,
                due_on=one.due_on.isoformat(),
                balance_minor=one.balance_minor,
                reserved_minor=one.reserved_minor,
                reachable=one.reachable,
                time_zone=one.time_zone,
            )
            for one in batch.invoices
        ],
        total=batch.total,
    )


def subjects(found: Iterable[accounts.Subject]) -> ledger_pb2.ReadSubjectsResponse:
    """Invoices and whom to tell about them."""
    return ledger_pb2.ReadSubjectsResponse(
        subjects=[
            ledger_pb2.Subject(
                invoice=invoice(one.invoice),
                addressees=[ledger_pb2.Addressee(name=to.name, email=to.email) for to in one.addressees],
                pay_token=one.pay_token,
                time_zone=one.time_zone,
                language=one.language,
                plan=planned(one.plan) if one.plan else None,
            )
            for one in found
        ]
    )


def today(text: str) -> date | None:
    """Which day it is for whoever asks; None if they do not say."""
    return date_of(text, "today")


def planned(found: PlannedPayment) -> plans_pb2.PlannedPayment:
    """A payment that will be made by itself."""
    return plans_pb2.PlannedPayment(
        scheduled_id=found.scheduled_id,
        organization_id=found.invoice.organization_id,
        invoice_id=found.invoice.invoice_id,
        pays_on=found.pays_on.isoformat(),
        amount_minor=found.amount_minor,
        method_label=found.method_label,
        by_autopay=found.by_autopay,
    )


def span(request: ledger_pb2.CountByDueDateRequest) -> Span:
    """Which due dates to count; `from` is a word of Python's."""
    return Span(needed_date(getattr(request, "from"), "from"), needed_date(request.to, "to"))


def due_date_counts(counts: Iterable[tuple[date, int]]) -> ledger_pb2.CountByDueDateResponse:
    """How many invoices are due on which date."""
    return ledger_pb2.CountByDueDateResponse(
        counts=[ledger_pb2.DueDateCount(due_on=day.isoformat(), invoices=count) for day, count in counts]
    )


def summary_date(request: ledger_pb2.GetBooksSummaryRequest) -> date:
    """For which date to sum up."""
    return needed_date(request.today, "today")


def summary(found: books.BooksSummary) -> ledger_pb2.BooksSummary:
    """Totals over the books."""
    return ledger_pb2.BooksSummary(
        totals=[total(one) for one in found.totals],
        aging=[ledger_pb2.AgingBucket(**bucket._asdict()) for bucket in found.aging],
        organizations=found.organizations,
        last_synced_at=timestamp(found.last_synced_at),
        counted_at=timestamp(found.counted_at),
    )


def total(found: books.CurrencyTotal) -> ledger_pb2.CurrencyTotal:
    """What is owed in one currency."""
    return ledger_pb2.CurrencyTotal(**found._asdict())


def needed_date(text: str, field: str) -> date:
    """The date; `Invalid` (DATE_MISSING, DATE_MALFORMED) names the field."""
    found = date_of(text, field)
    if found is None:
        raise invalid_field(field, "DATE_MISSING", f"{field} is empty; write a date such as 2026-01-31.")
    return found


def _organizations_named(search: str) -> str:
    return f"organizations {search!r}"


def _invoices_wanted(request: ledger_pb2.ListInvoicesRequest) -> str:
    return f"invoices {request.organization_id!r} {request.number!r} {request.status}"
