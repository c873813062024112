"""Small gRPC servers that stand for the ledger and the mailer before a real scheduler."""

import grpc
from dunlin.mailer.v1 import mailer_pb2, mailer_pb2_grpc
from dunlin.paynow.v1 import accounts_pb2, accounts_pb2_grpc, books_pb2, ledger_pb2, ledger_pb2_grpc

DUE = "2026-03-02"


class Books(ledger_pb2_grpc.LedgerServiceServicer):
    """A ledger with some invoices of one organization."""

    def __init__(self) -> None:
        self.invoices = [self.invoice(1)]
        self.asked_until: list[str] = []
        self.due_counts: dict[str, int] = {}

    def invoice(self, invoice_id: int, **but: object) -> books_pb2.Invoice:
        invoice = books_pb2.Invoice(
            invoice_id=invoice_id,
            organization_id="acme",
            organization_name="Acme Ltd",
            number=f"00{invoice_id}",
            issued_on="2026-02-01",
            due_on=DUE,
            currency="USD",
            amount_minor=10_000,
            balance_minor=9_000,
            status=books_pb2.INVOICE_STATUS_OPEN,
        )
        for name, value in but.items():
            setattr(invoice, name, value)
        return invoice

    def ListDueInvoices(
        self, request: ledger_pb2.ListDueInvoicesRequest, context: grpc.ServicerContext
    ) -> ledger_pb2.ListDueInvoicesResponse:
        self.asked_until.append(request.due_on_or_before)
        batch = [i for i in self.invoices if i.invoice_id > request.after_invoice_id][: request.batch_size]
        found = [
            ledger_pb2.DueInvoice(
                invoice_id=i.invoice_id,
                organization_id=i.organization_id,
                number=i.number,
                due_on=i.due_on,
                balance_minor=i.balance_minor,
                reserved_minor=i.reserved_minor,
                reachable=True,
            )
            for i in batch
        ]
        total = 0 if request.after_invoice_id else len(self.invoices)
        return ledger_pb2.ListDueInvoicesResponse(invoices=found, total=total)

    def ReadSubjects(
        self, request: ledger_pb2.ReadSubjectsRequest, context: grpc.ServicerContext
    ) -> ledger_pb2.ReadSubjectsResponse:
        subjects = [
            ledger_pb2.Subject(
                invoice=i,
                addressees=[ledger_pb2.Addressee(name="Ann", email="ann@acme.test")],
                pay_token="a-token" if request.with_pay_tokens else "",
            )
            for i in self.invoices
            if i.invoice_id in request.invoice_ids
        ]
        return ledger_pb2.ReadSubjectsResponse(subjects=subjects)

    def CountByDueDate(
        self, request: ledger_pb2.CountByDueDateRequest, context: grpc.ServicerContext
    ) -> ledger_pb2.CountByDueDateResponse:
        first, last = getattr(request, "from"), request.to
        assert first <= last
        return ledger_pb2.CountByDueDateResponse(
            counts=[
                ledger_pb2.DueDateCount(due_on=due_on, invoices=count)
                for due_on, count in self.due_counts.items()
                if first <= due_on <= last
            ]
        )

    def BatchGetOrganizations(
        self, request: ledger_pb2.BatchGetOrganizationsRequest, context: grpc.ServicerContext
    ) -> ledger_pb2.BatchGetOrganizationsResponse:
        acme = books_pb2.Organization(organization_id="acme", name="Acme Ltd")
        known = [acme] if "acme" in request.organization_ids else []
        return ledger_pb2.BatchGetOrganizationsResponse(organizations=known)


class AccountBooks(accounts_pb2_grpc.AccountsServiceServicer):
    """Accounts of nobody: no organization has a time zone of its own."""

    def ListTimeZones(
        self, request: accounts_pb2.ListTimeZonesRequest, context: grpc.ServicerContext
    ) -> accounts_pb2.ListTimeZonesResponse:
        return accounts_pb2.ListTimeZonesResponse()


class Mailroom(mailer_pb2_grpc.MailerServiceServicer):
    """A mailer that keeps what it is handed."""

    def __init__(self) -> None:
        self.accepted: list[mailer_pb2.MessageRequest] = []

    def AcceptMessages(
        self, request: mailer_pb2.AcceptMessagesRequest, context: grpc.ServicerContext
    ) -> mailer_pb2.AcceptMessagesResponse:
        self.accepted += request.messages
        return mailer_pb2.AcceptMessagesResponse(accepted=len(request.messages))
