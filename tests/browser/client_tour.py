"""Every page that clients see, one after the other: what a browser looks at in each language."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta

from dunlin.paynow.v1 import plans_pb2
from playwright.sync_api import Page, expect

from tests.browser.visitors import Visitor
from tests.fakes.gateway_clients import FakeServices
from tests.fakes.gateway_portal import DANA_EMAIL, PASSWORD, invitation
from tests.unit.gateway.test_unsubscribe_pages import link as unsubscribe_link

BOLTS = 3
BUTTON = "main form button.button"


@dataclass
class ClientTour:
    """Walks the pages and yields the name of each as it stands before the visitor."""

    client: Visitor
    services: FakeServices

    @property
    def page(self) -> Page:
        return self.client.page

    def furnish(self, language: str) -> None:
        """Gives the story all that the pages can show, in words as long as clients have them."""
        services = self.services
        for organization in services.ledger.organizations.values():
            organization.language = language
        services.mailer.messages[0].language = language
        services.mailer.company.language = language
        services.accounts.contact(BOLTS).emails.append(DANA_EMAIL)
        services.add_invoice(
            "ACME", "RE-2026-11-000000417/B", days_past_due=1, balance_minor=123_456_789, currency="EUR"
        )
        services.ledger.invoices[2].reserved_minor = 10_000
        services.accounts.plans.append(
            plans_pb2.PlannedPayment(
                organization_id="ACME",
                invoice_id=1,
                pays_on=(services.today + timedelta(days=3)).isoformat(),
                amount_minor=125_000,
                method_label="Bank account ending 6789",
                by_autopay=True,
            )
        )

    def pages(self) -> Iterator[str]:
        """Each page once; what comes of one is where the next begins."""
        yield from self._ways_in()
        yield from self._portal()
        yield from self._pay_now()
        yield from self._unsubscribing()
        yield from self._dead_ends()

    def _send(self, fill: Callable[[], object] = lambda: None) -> None:
        fill()
        with self.page.expect_navigation():
            self.page.locator(BUTTON).first.click()

    def _ways_in(self) -> Iterator[str]:
        client, page, services = self.client, self.page, self.services
        welcome = invitation(services)
        client.visit(welcome)
        yield "choose"
        self._send()
        yield "choose-refused"
        self._send(lambda: self._passwords(PASSWORD))
        yield "home-after-password"
        client.visit(invitation(services, BOLTS))
        yield "join-signed-in"
        self._send()
        yield "home-joined"
        with page.expect_navigation():
            page.locator(".portal-head button").click()
        yield "login"
        self._send()
        yield "login-refused"
        client.visit(welcome)
        yield "link-used"
        again = invitation(services)
        client.visit(again)
        yield "join"
        self._send()
        yield "join-refused"
        client.visit(f"{again}?anew=1")
        yield "choose-anew"
        client.visit(invitation(services, age=timedelta(hours=24)))
        yield "link-expired"
        self._send()
        yield "link-sent"
        client.visit("/portal/forgot")
        yield "forgot"
        self._send()
        yield "forgot-refused"
        self._send(lambda: page.locator("#email").fill(DANA_EMAIL))
        yield "forgot-done"

    def _passwords(self, password: str) -> None:
        self.page.locator("#password").fill(password)
        self.page.locator("#again").fill(password)

    def _portal(self) -> Iterator[str]:
        client, page, services = self.client, self.page, self.services
        client.visit("/portal/login?next=/portal?contact=1")
        page.locator("#email").fill(DANA_EMAIL)
        self._send(lambda: page.locator("#password").fill(PASSWORD))
        expect(page.locator(".open-invoices").first).to_be_visible()
        yield "home"
        client.visit("/portal/invoices?contact=1")
        yield "invoices"
        client.visit("/portal/pay/999")
        yield "invoice-not-open"
        client.visit("/portal/pay/1")
        yield "pay-from-portal"
        profile = services.accounts.profiles["billing"]
        profile.sees_invoices = False
        client.visit("/portal")
        yield "home-without-invoices"
        profile.sees_invoices = True
        contacts = [services.accounts.contact(key) for key in (1, BOLTS)]
        for contact in contacts:
            contact.profile_id = ""
        client.visit("/portal")
        yield "withdrawn"
        for contact in contacts:
            contact.profile_id = "billing"

    def _pay_now(self) -> Iterator[str]:
        client, page = self.client, self.page
        client.visit("/pay")
        yield "pay"
        self._send()
        yield "pay-refused"
        client.visit("/pay/expired")
        yield "pay-link-expired"
        client.visit("/pay/good-link")
        yield "pay-link"
        for method, name in (("tok_decline", "declined"), ("tok_ach", "pending"), ("tok_approve", "paid")):
            client.visit("/pay/good-link")
            self._send(lambda: page.locator("#amount").fill("10"))
            yield f"method-{name}"
            if name == "declined":
                self._send()
                yield "method-refused"
            self._send(lambda chosen=method: page.locator(f"input[value={chosen}]").check())  # type: ignore[misc]
            yield f"confirm-{name}"
            self._send()
            yield f"done-{name}"
        self.services.ledger.invoices[1].balance_minor = 0
        client.visit("/pay/good-link")
        yield "settled"

    def _unsubscribing(self) -> Iterator[str]:
        client, page = self.client, self.page
        client.visit(unsubscribe_link())
        yield "unsubscribe"
        self._send()
        yield "unsubscribed"
        self._send()
        yield "subscribed-again"
        self.services.mailer.messages[0].recipients[:] = [DANA_EMAIL, "ap@acme.example"]
        client.visit(unsubscribe_link(""))
        yield "unsubscribe-several"
        self._send()
        yield "unsubscribe-several-refused"
        assert page.locator(".error").count() == 1

    def _dead_ends(self) -> Iterator[str]:
        for path, name in (
            ("/portal/nothing", "portal-nothing"),
            ("/pay/no/such/page", "pay-nothing"),
            ("/unsubscribe/forged", "unsubscribe-broken"),
            ("/portal/welcome/forged", "link-broken"),
        ):
            self.client.visit(path)
            yield name
