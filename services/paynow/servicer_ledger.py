"""The ledger over gRPC: parse, ask, answer. Refusals are translated by the server's interceptor."""

from collections.abc import Iterator

import grpc
from dunlin.paynow.v1 import books_pb2, ledger_pb2, ledger_pb2_grpc

from services.paynow import converters
from services.paynow.ports import Ledger, PayTokens
from services.paynow.use_cases import books
from services.paynow.use_cases.summary import Summaries
from services.paynow.use_cases.sync import sync_books
from services.shared.clock import Clock

NAME = ledger_pb2.DESCRIPTOR.services_by_name["LedgerService"].full_name
"""The full name of the service, for health and reflection."""


class LedgerServicer(ledger_pb2_grpc.LedgerServiceServicer):
    """Takes in the books, and answers what is owed by whom; the promises stand in the proto."""

    def __init__(self, *, ledger: Ledger, tokens: PayTokens, clock: Clock) -> None:
        self._ledger = ledger
        self._tokens = tokens
        self._clock = clock
        self._summaries = Summaries(ledger, clock)

    def SyncBooks(
        self, request_iterator: Iterator[ledger_pb2.SyncBooksRequest], context: grpc.ServicerContext
    ) -> ledger_pb2.SyncReport:
        """Takes in records and reports line by line."""
        batches = converters.sync_batches(request_iterator)
        return converters.sync_report(sync_books(batches, ledger=self._ledger, clock=self._clock))

    def ListOrganizations(
        self, request: ledger_pb2.ListOrganizationsRequest, context: grpc.ServicerContext
    ) -> ledger_pb2.ListOrganizationsResponse:
        """A page of organizations."""
        asked = converters.organization_query(request)
        page = books.list_organizations(
            asked.search, asked.after, asked.size, asked.today, ledger=self._ledger
        )
        return converters.organization_page(request, page)

    def GetOrganization(
        self, request: ledger_pb2.GetOrganizationRequest, context: grpc.ServicerContext
    ) -> books_pb2.Organization:
        """One organization with its contacts."""
        return converters.organization(books.get_organization(request.organization_id, ledger=self._ledger))

    def BatchGetOrganizations(
        self, request: ledger_pb2.BatchGetOrganizationsRequest, context: grpc.ServicerContext
    ) -> ledger_pb2.BatchGetOrganizationsResponse:
        """The organizations that are known among those asked for."""
        found = books.batch_get_organizations(request.organization_ids, ledger=self._ledger)
        return converters.organizations(found)

    def ListInvoices(
        self, request: ledger_pb2.ListInvoicesRequest, context: grpc.ServicerContext
    ) -> ledger_pb2.ListInvoicesResponse:
        """A page of invoices."""
        asked = converters.invoice_query(request)
        page = books.list_invoices(asked.wanted, asked.after, asked.size, ledger=self._ledger)
        return converters.invoice_page(request, page)

    def GetInvoice(
        self, request: ledger_pb2.GetInvoiceRequest, context: grpc.ServicerContext
    ) -> books_pb2.Invoice:
        """One invoice."""
        return converters.invoice(books.get_invoice(request.invoice_id, ledger=self._ledger))

    def ListDueInvoices(
        self, request: ledger_pb2.ListDueInvoicesRequest, context: grpc.ServicerContext
    ) -> ledger_pb2.ListDueInvoicesResponse:
        """A batch of due invoices."""
        asked = converters.due_query(request)
        batch = books.list_due_invoices(
            asked.due_on_or_before,
            asked.after_invoice_id,
            asked.size,
            request.time_zones,
            ledger=self._ledger,
        )
        return converters.due_batch(batch)

    def ReadSubjects(
        self, request: ledger_pb2.ReadSubjectsRequest, context: grpc.ServicerContext
    ) -> ledger_pb2.ReadSubjectsResponse:
        """What a mail about each invoice needs, as it stands now."""
        found = books.read_subjects(
            request.invoice_ids,
            request.with_pay_tokens,
            converters.today(request.today),
            ledger=self._ledger,
            tokens=self._tokens,
            clock=self._clock,
        )
        return converters.subjects(found)

    def CountByDueDate(
        self, request: ledger_pb2.CountByDueDateRequest, context: grpc.ServicerContext
    ) -> ledger_pb2.CountByDueDateResponse:
        """How many open invoices are due on each date."""
        asked = converters.span(request)
        counts = books.count_by_due_date(
            asked.first, asked.last, request.without_organization_ids, ledger=self._ledger
        )
        return converters.due_date_counts(counts)

    def GetBooksSummary(
        self, request: ledger_pb2.GetBooksSummaryRequest, context: grpc.ServicerContext
    ) -> ledger_pb2.BooksSummary:
        """Totals and aging of everything open."""
        today = converters.summary_date(request)
        return converters.summary(self._summaries.of(request.organization_id, today))
