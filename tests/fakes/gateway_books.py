"""A ledger and Pay Now in memory for the gateway's tests."""

from datetime import UTC, date, datetime, timedelta
from typing import Any, ClassVar

from dunlin.paynow.v1 import books_pb2, ledger_pb2, paynow_pb2

from services.shared.errors import Conflict, Invalid, Missing, WrongState, invalid_field
from services.shared.money import parse_decimal
from services.shared.wire import timestamp
from tests.fakes.gateway_rpc import FakeStub, rpc

BUCKETS = ((0, 0), (1, 30), (31, 60), (61, 90), (91, 0))


class FakeLedger(FakeStub):
    """Organizations and invoices; a sync reports `report` and keeps what it was sent in `synced`."""

    def __init__(self, today: date) -> None:
        super().__init__()
        self.today = today
        self.organizations: dict[str, books_pb2.Organization] = {}
        self.invoices: dict[int, books_pb2.Invoice] = {}
        self.report = ledger_pb2.SyncReport(added=2, changed=1, unchanged=4)
        self.synced: list[ledger_pb2.SyncRecord] = []
        self.counted_at: datetime | None = None
        self.last_synced_at = datetime.combine(today, datetime.min.time(), UTC)

    def open_invoices(self, organization_id: str = "") -> list[books_pb2.Invoice]:
        """Open invoices with a balance, of one organization or of all."""
        return [
            invoice
            for invoice in self.invoices.values()
            if invoice.status == books_pb2.INVOICE_STATUS_OPEN
            and invoice.balance_minor > 0
            and organization_id in ("", invoice.organization_id)
        ]

    def _days(self, invoice: books_pb2.Invoice) -> int:
        return (self.today - date.fromisoformat(invoice.due_on)).days if invoice.due_on else 0

    def _totals(self, organization_id: str = "") -> list[ledger_pb2.CurrencyTotal]:
        totals: dict[str, ledger_pb2.CurrencyTotal] = {}
        for invoice in self.open_invoices(organization_id):
            total = totals.setdefault(invoice.currency, ledger_pb2.CurrencyTotal(currency=invoice.currency))
            total.open_minor += invoice.balance_minor
            total.open_invoices += 1
            if self._days(invoice) > 0:
                total.past_due_minor += invoice.balance_minor
                total.past_due_invoices += 1
        return sorted(totals.values(), key=lambda total: -total.open_invoices)

    @rpc
    def SyncBooks(self, requests: Any) -> Any:
        for request in requests:
            self.synced.extend(request.records)
        self.last_synced_at = datetime.now(UTC)
        return self.report

    @rpc
    def ListOrganizations(self, request: Any) -> Any:
        found = sorted(
            (
                organization
                for organization in self.organizations.values()
                if request.query.lower() in f"{organization.name}\n{organization.organization_id}".lower()
            ),
            key=lambda organization: organization.name,
        )
        size, start = request.page_size or 50, int(request.page_token or 0)
        return ledger_pb2.ListOrganizationsResponse(
            organizations=[self._summary(organization) for organization in found[start : start + size]],
            next_page_token=str(start + size) if start + size < len(found) else "",
            total=len(found),
        )

    def _summary(self, organization: books_pb2.Organization) -> ledger_pb2.OrganizationSummary:
        bare = books_pb2.Organization()
        bare.CopyFrom(organization)
        del bare.contacts[:]
        key = organization.organization_id
        return ledger_pb2.OrganizationSummary(
            organization=bare, open_invoices=len(self.open_invoices(key)), totals=self._totals(key)
        )

    @rpc
    def GetOrganization(self, request: Any) -> Any:
        if request.organization_id not in self.organizations:
            raise Missing("There is no such organization.", reason="ORGANIZATION_MISSING")
        return self.organizations[request.organization_id]

    @rpc
    def BatchGetOrganizations(self, request: Any) -> Any:
        known = [self.organizations[key] for key in request.organization_ids if key in self.organizations]
        return ledger_pb2.BatchGetOrganizationsResponse(organizations=known)

    @rpc
    def ListInvoices(self, request: Any) -> Any:
        if not (request.page_token or "0").isdigit():
            raise Invalid("This page token is damaged.", reason="PAGE_TOKEN_INVALID")
        found = sorted(
            (
                invoice
                for invoice in self.invoices.values()
                if request.organization_id in ("", invoice.organization_id)
                and request.number in ("", invoice.number)
                and request.status in (0, invoice.status)
            ),
            key=lambda invoice: invoice.due_on or "9999",
        )
        size, start = request.page_size or 50, int(request.page_token or 0)
        return ledger_pb2.ListInvoicesResponse(
            invoices=found[start : start + size],
            next_page_token=str(start + size) if start + size < len(found) else "",
            total=len(found),
        )

    @rpc
    def GetInvoice(self, request: Any) -> Any:
        if request.invoice_id not in self.invoices:
            raise Missing("There is no such invoice.", reason="INVOICE_MISSING")
        return self.invoices[request.invoice_id]

    def told(self, organization_id: str, profile_ids: Any = ()) -> list[ledger_pb2.Addressee]:
        """Whom a mail goes to: contacts with one of these client profiles, or the default contacts."""
        return [
            ledger_pb2.Addressee(name=contact.name, email=email)
            for contact in self.organizations[organization_id].contacts
            if (contact.profile_id in profile_ids if profile_ids else contact.is_default)
            for email in contact.emails
        ]

    @rpc
    def ReadSubjects(self, request: Any) -> Any:
        known = [self.invoices[key] for key in request.invoice_ids if key in self.invoices]
        return ledger_pb2.ReadSubjectsResponse(
            subjects=[
                ledger_pb2.Subject(invoice=invoice, addressees=self.told(invoice.organization_id))
                for invoice in known
            ]
        )

    @rpc
    def GetBooksSummary(self, request: Any) -> Any:
        invoices = self.open_invoices(request.organization_id)
        aging = []
        for currency in dict.fromkeys(total.currency for total in self._totals(request.organization_id)):
            for first, last in BUCKETS:
                inside = [
                    invoice
                    for invoice in invoices
                    if invoice.currency == currency and _is_in(self._days(invoice), first, last)
                ]
                aging.append(
                    ledger_pb2.AgingBucket(
                        currency=currency,
                        from_days=first,
                        to_days=last,
                        balance_minor=sum(invoice.balance_minor for invoice in inside),
                        invoices=len(inside),
                    )
                )
        return ledger_pb2.BooksSummary(
            totals=self._totals(request.organization_id),
            aging=aging,
            organizations=len(self.organizations),
            last_synced_at=timestamp(self.last_synced_at) if self.organizations else None,
            counted_at=timestamp(self.counted_at or datetime.now(UTC)),
        )


def _is_in(days: int, first: int, last: int) -> bool:
    if first == 0:
        return days <= 0
    return days >= first and (last == 0 or days <= last)


class FakePayNow(FakeStub):
    """Links, quotes and payments over the invoices of a fake ledger."""

    METHODS: ClassVar = {
        "tok_approve": ("Test card ending 4242", "is approved", paynow_pb2.PAYMENT_STATE_SUCCEEDED),
        "tok_decline": ("Test card ending 0002", "is declined", paynow_pb2.PAYMENT_STATE_FAILED),
        "tok_ach": ("Test bank account ending 6789", "settles later", paynow_pb2.PAYMENT_STATE_PENDING),
    }

    def __init__(self, ledger: FakeLedger) -> None:
        super().__init__()
        self.ledger = ledger
        self.links: dict[str, tuple[int, str]] = {}
        self.quotes: dict[str, paynow_pb2.Quote] = {}
        self.payments: dict[str, paynow_pb2.Payment] = {}
        self.keys: dict[str, tuple[str, str, str]] = {}

    @rpc
    def OpenLink(self, request: Any) -> Any:
        if request.token == "expired":
            raise WrongState("This link has expired.", reason="LINK_EXPIRED")
        if request.token not in self.links:
            raise Invalid("This link is not valid.", reason="LINK_INVALID")
        invoice_id, email = self.links[request.token]
        invoice = self.ledger.invoices[invoice_id]
        return paynow_pb2.LinkContents(
            email=email,
            invoice_number=invoice.number,
            balance_minor=invoice.balance_minor,
            currency=invoice.currency,
            due_on=invoice.due_on,
            organization_name=invoice.organization_name,
            reserved_minor=invoice.reserved_minor,
            language=self._language(invoice.organization_id),
        )

    def _language(self, organization_id: str) -> str:
        return self.ledger.organizations[organization_id].language

    @rpc
    def Validate(self, request: Any) -> Any:
        if "@" not in request.email:
            raise invalid_field("email", "EMAIL_MALFORMED", "This is not an email address.")
        invoice = self._match(request.email, request.invoice_number)
        try:
            amount = parse_decimal(request.amount, invoice.currency)
        except ValueError:
            amount = 0
        if amount <= 0:
            raise invalid_field("amount", "AMOUNT_MALFORMED", "Enter an amount above zero, such as 120.50.")
        if amount > invoice.balance_minor - invoice.reserved_minor:
            raise invalid_field(
                "amount", "AMOUNT_ABOVE_BALANCE", "This is more than what remains to be paid."
            )
        if invoice.status != books_pb2.INVOICE_STATUS_OPEN:
            raise WrongState("This invoice cannot be paid here.", reason="INVOICE_NOT_PAYABLE")
        quote = paynow_pb2.Quote(
            quote_id=f"quote-{len(self.quotes) + 1}",
            invoice_number=invoice.number,
            amount_minor=amount,
            currency=invoice.currency,
            email=request.email,
            expires_at=timestamp(datetime.now(UTC) + timedelta(minutes=15)),
        )
        self.quotes[quote.quote_id] = quote
        return quote

    def _match(self, email: str, number: str) -> books_pb2.Invoice:
        for invoice in self.ledger.invoices.values():
            contacts = self.ledger.organizations[invoice.organization_id].contacts
            if invoice.number == number and any(email in contact.emails for contact in contacts):
                return invoice
        raise Missing(
            "There is no invoice with this number for this email address.", reason="NO_SUCH_INVOICE"
        )

    @rpc
    def GetQuote(self, request: Any) -> Any:
        if request.quote_id not in self.quotes:
            raise Missing("There is no such quote.", reason="QUOTE_MISSING")
        quote = self.quotes[request.quote_id]
        invoice = next(i for i in self.ledger.invoices.values() if i.number == quote.invoice_number)
        quote.language = self._language(invoice.organization_id)
        return quote

    @rpc
    def ConfirmPayment(self, request: Any) -> Any:
        quote = self.quotes.get(request.quote_id)
        if quote is None:
            raise Missing("There is no such quote.", reason="QUOTE_MISSING")
        if request.method_token not in self.METHODS:
            raise invalid_field("method_token", "METHOD_UNKNOWN", "Choose one of the payment methods.")
        if quote.payment_id:
            if self.keys.get(request.idempotency_key, ("", "", ""))[:2] != (
                request.quote_id,
                request.method_token,
            ):
                raise Conflict("This quote was used with other content.", reason="KEY_REUSED")
            return self.payments[quote.payment_id]
        if quote.expires_at.ToDatetime(tzinfo=UTC) < datetime.now(UTC):
            raise WrongState("This quote has expired.", reason="QUOTE_EXPIRED")
        label, _, state = self.METHODS[request.method_token]
        invoice = next(i for i in self.ledger.invoices.values() if i.number == quote.invoice_number)
        payment = paynow_pb2.Payment(
            payment_id=f"payment-{len(self.payments) + 1}",
            organization_id=invoice.organization_id,
            organization_name=invoice.organization_name,
            invoice_id=invoice.invoice_id,
            invoice_number=invoice.number,
            amount_minor=quote.amount_minor,
            currency=quote.currency,
            payer_email=quote.email,
            method_label=label,
            state=state,
            failure_reason="CARD_DECLINED" if state == paynow_pb2.PAYMENT_STATE_FAILED else "",
            created_at=timestamp(datetime.now(UTC)),
        )
        if state != paynow_pb2.PAYMENT_STATE_PENDING:
            payment.ended_at.FromDatetime(datetime.now(UTC))
        if state == paynow_pb2.PAYMENT_STATE_SUCCEEDED:
            invoice.balance_minor -= quote.amount_minor
        quote.payment_id = payment.payment_id
        self.payments[payment.payment_id] = payment
        self.keys[request.idempotency_key] = (request.quote_id, request.method_token, payment.payment_id)
        return payment

    @rpc
    def GetPayment(self, request: Any) -> Any:
        if request.payment_id not in self.payments:
            raise Missing("There is no such payment.", reason="PAYMENT_MISSING")
        return self.payments[request.payment_id]

    @rpc
    def ListPayments(self, request: Any) -> Any:
        succeeded = paynow_pb2.PAYMENT_STATE_SUCCEEDED
        found = [
            payment
            for payment in reversed(self.payments.values())
            if request.state in (0, payment.state)
            and request.organization_id in ("", payment.organization_id)
            and (
                not request.unacknowledged
                or (payment.state == succeeded and not payment.HasField("acknowledged_at"))
            )
        ]
        size, start = request.page_size or 50, int(request.page_token or 0)
        return paynow_pb2.ListPaymentsResponse(
            payments=found[start : start + size],
            next_page_token=str(start + size) if start + size < len(found) else "",
            total=len(found),
        )

    @rpc
    def AcknowledgePayments(self, request: Any) -> Any:
        if any(key not in self.payments for key in request.payment_ids):
            raise Missing("There is no such payment.", reason="PAYMENT_MISSING")
        chosen = [self.payments[key] for key in request.payment_ids]
        if any(payment.state != paynow_pb2.PAYMENT_STATE_SUCCEEDED for payment in chosen):
            raise WrongState("Only succeeded payments can be booked.", reason="PAYMENT_NOT_SUCCEEDED")
        fresh = [payment for payment in chosen if not payment.HasField("acknowledged_at")]
        for payment in fresh:
            payment.acknowledged_at.FromDatetime(datetime.now(UTC))
        return paynow_pb2.AcknowledgePaymentsResponse(
            acknowledged=len(fresh), repeated_payments=len(chosen) - len(fresh)
        )

    @rpc
    def ListPaymentMethods(self, request: Any) -> Any:
        return paynow_pb2.ListPaymentMethodsResponse(
            sandbox=True,
            methods=[
                paynow_pb2.PaymentMethod(method_token=token, label=label, behaviour=behaviour)
                for token, (label, behaviour, _) in self.METHODS.items()
            ],
        )
