"""The four services in memory, with a story: what the gateway's tests look at instead of running programs.

services = a_story()             # or FakeServices(today) for an empty company
app = create_app(settings, services.clients(), database)
"""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from dunlin.mailer.v1 import messages_pb2, templates_pb2
from dunlin.paynow.v1 import books_pb2, paynow_pb2
from dunlin.scheduler.v1 import notices_pb2, scheduler_pb2
from grpc_health.v1.health_pb2 import HealthCheckResponse

from gateway.clients import Clients
from services.shared.wire import timestamp
from tests.fakes.gateway_accounts import FakeAccounts
from tests.fakes.gateway_books import FakeLedger, FakePayNow
from tests.fakes.gateway_campaigns import FakeCampaigns
from tests.fakes.gateway_emails import FakeEmails
from tests.fakes.gateway_mailer import FakeMailer
from tests.fakes.gateway_operations import FakeOperations
from tests.fakes.gateway_pauses import FakePauses
from tests.fakes.gateway_rpc import FakeStub, rpc
from tests.fakes.gateway_scheduler import FakeScheduler
from tests.fakes.gateway_sending import FakeSending


class FakeHealth(FakeStub):
    """Serves unless it is away."""

    @rpc
    def Check(self, request: Any) -> Any:
        return HealthCheckResponse(status=HealthCheckResponse.SERVING)


@dataclass
class FakeServices:
    """An empty company on a date; `today` is its local date."""

    today: date = field(default_factory=lambda: datetime.now(UTC).date())
    organization_ids: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.ledger = FakeLedger(self.today)
        self.mailer = FakeMailer()
        self.paynow = FakePayNow(self.ledger)
        self.accounts = FakeAccounts(self.ledger)
        self.scheduler = FakeScheduler(self.today, self.organization_ids)
        self.emails = FakeEmails(self.scheduler, self.accounts)
        self.campaigns = FakeCampaigns(self.accounts)
        self.pauses = FakePauses(self.ledger)
        self.sending = FakeSending()
        self.operations = {name: FakeOperations() for name in ("scheduler", "mailer", "paynow")}
        self.health = {name: FakeHealth() for name in ("scheduler", "mailer", "paynow")}

    def clients(self) -> Clients:
        """What `create_app` takes."""
        return Clients(
            scheduler=self.scheduler,  # type: ignore[arg-type]
            emails=self.emails,  # type: ignore[arg-type]
            campaigns=self.campaigns,  # type: ignore[arg-type]
            pauses=self.pauses,  # type: ignore[arg-type]
            mailer=self.mailer,  # type: ignore[arg-type]
            sending=self.sending,  # type: ignore[arg-type]
            ledger=self.ledger,  # type: ignore[arg-type]
            accounts=self.accounts,  # type: ignore[arg-type]
            paynow=self.paynow,  # type: ignore[arg-type]
            operations=self.operations,  # type: ignore[arg-type]
            health=self.health,  # type: ignore[arg-type]
        )

    def add_organization(self, organization_id: str, name: str, *emails: str) -> books_pb2.Organization:
        """An active organization with one starred contact, who may see and pay its invoices in the portal,
        and a second one without a star and without a client profile.
        """
        first = 2 * len(self.ledger.organizations) + 1
        organization = books_pb2.Organization(
            organization_id=organization_id,
            name=name,
            type="Managed",
            status="active",
            address="4 Mill Road\nSpringfield",
            contacts=[
                books_pb2.Contact(
                    contact_id=first,
                    name="Dana Reyes",
                    emails=emails,
                    is_default=True,
                    default_by=books_pb2.DEFAULT_BY_PRIMARY,
                    default_by_imports=books_pb2.DEFAULT_BY_PRIMARY,
                    organization_id=organization_id,
                    profile_id="billing",
                ),
                books_pb2.Contact(
                    contact_id=first + 1,
                    name="Sam Other",
                    emails=[f"sam@{organization_id.lower()}.example"],
                    organization_id=organization_id,
                ),
            ],
        )
        self.ledger.organizations[organization_id] = organization
        self.organization_ids.add(organization_id)
        return organization

    def add_invoice(
        self,
        organization_id: str,
        number: str,
        *,
        days_past_due: int,
        balance_minor: int,
        currency: str = "USD",
    ) -> books_pb2.Invoice:
        """An open invoice, half as large again as what remains of it."""
        invoice_id = len(self.ledger.invoices) + 1
        invoice = books_pb2.Invoice(
            invoice_id=invoice_id,
            organization_id=organization_id,
            organization_name=self.ledger.organizations[organization_id].name,
            number=number,
            issued_on=(self.today - timedelta(days=days_past_due + 30)).isoformat(),
            due_on=(self.today - timedelta(days=days_past_due)).isoformat(),
            currency=currency,
            amount_minor=balance_minor * 3 // 2,
            balance_minor=balance_minor,
            status=books_pb2.INVOICE_STATUS_OPEN,
        )
        self.ledger.invoices[invoice_id] = invoice
        return invoice

    def add_sent_message(
        self, notice_id: str, invoice: books_pb2.Invoice, recipient: str
    ) -> messages_pb2.Message:
        """A due notice of today that the SMTP server has taken, with its body and its notice."""
        at = datetime.now(UTC)
        kinds = ("QUEUE_TRIGGERED", "QUEUED", "PROCESSED", "SENT")
        message = messages_pb2.Message(
            notice_id=notice_id,
            message_id=f"<{notice_id}@harbor.example>",
            type=templates_pb2.TEMPLATE_TYPE_DUE_NOTICE_AFTER,
            template_version=1,
            organization_id=invoice.organization_id,
            invoice_number=invoice.number,
            recipients=[recipient],
            subject=f"Invoice {invoice.number} is past due",
            state=messages_pb2.MESSAGE_STATE_SENT,
            created_at=timestamp(at),
            sent_at=timestamp(at),
            events=[
                messages_pb2.MessageEvent(
                    kind=messages_pb2.MessageEventKind.Value(f"MESSAGE_EVENT_KIND_{kind}"),
                    occurred_at=timestamp(at),
                )
                for kind in kinds
            ],
        )
        self.mailer.messages.insert(0, message)
        self.mailer.bodies[notice_id] = messages_pb2.MessageBody(
            html=f"<html><body><p>Please pay {invoice.number}.</p><script>alert(1)</script></body></html>",
            text=f"Please pay {invoice.number}.",
            mime=b"Subject: Invoice\r\n\r\nPlease pay.\r\n",
        )
        self.scheduler.notices.insert(0, _notice(notice_id, invoice, at, message.message_id))
        return message


def _notice(notice_id: str, invoice: books_pb2.Invoice, at: datetime, message_id: str) -> notices_pb2.Notice:
    return notices_pb2.Notice(
        notice_id=notice_id,
        type=notices_pb2.NOTICE_TYPE_DUE_NOTICE,
        organization_id=invoice.organization_id,
        invoice_id=invoice.invoice_id,
        invoice_number=invoice.number,
        threshold_days=15,
        due_on=invoice.due_on,
        state=notices_pb2.NOTICE_STATE_SENT,
        reason="RULE_REACHED",
        explanation="The invoice is 15 days past due.",
        decided_at=timestamp(at),
        message_id=message_id,
    )


def a_story() -> FakeServices:
    """Three organizations; five open invoices in two currencies; one mail sent, one payment to be booked.

    Pay links: "good-link" (invoice 1, dana@acme.example) and "expired".
    """
    services = FakeServices()
    services.add_organization("ACME", "Acme Corporation", "dana@acme.example", "ap@acme.example")
    services.add_organization("BOLT", "Bolt & Sons", "pay@bolt.example")
    services.add_organization("CAFE", "Café <Zürich>", "kasse@cafe.example")
    first = services.add_invoice("ACME", "INV-0042", days_past_due=17, balance_minor=125_000)
    services.add_invoice("ACME", "0007/B", days_past_due=-4, balance_minor=40_000)
    services.add_invoice("BOLT", "B-1", days_past_due=48, balance_minor=990_050)
    services.add_invoice("BOLT", "B-2", days_past_due=120, balance_minor=5_000)
    services.add_invoice("CAFE", "Z-100", days_past_due=2, balance_minor=88_000, currency="EUR")
    services.add_sent_message("notice-1", first, "dana@acme.example")
    services.paynow.links["good-link"] = (first.invoice_id, "dana@acme.example")
    services.paynow.payments["payment-0"] = paynow_pb2.Payment(
        payment_id="payment-0",
        organization_id="BOLT",
        organization_name="Bolt & Sons",
        invoice_id=3,
        invoice_number="B-1",
        amount_minor=10_000,
        currency="USD",
        payer_email="pay@bolt.example",
        method_label="Test card ending 4242",
        state=paynow_pb2.PAYMENT_STATE_SUCCEEDED,
        created_at=timestamp(datetime.now(UTC)),
        ended_at=timestamp(datetime.now(UTC)),
    )
    services.scheduler.explanations[first.invoice_id] = scheduler_pb2.Explanation(
        invoice_id=first.invoice_id,
        notices=services.scheduler.notices,
        decisions=[
            notices_pb2.Decision(
                notice_id="notice-1",
                state=notices_pb2.NOTICE_STATE_SENT,
                reason="RULE_REACHED",
                explanation="The invoice is 15 days past due.",
                decided_at=timestamp(datetime.now(UTC)),
            )
        ],
        now="Nothing: the notice for 15 days past due has been sent.",
        next=scheduler_pb2.NextNotice(
            threshold_days=30, on=(services.today + timedelta(days=13)).isoformat()
        ),
    )
    return services
