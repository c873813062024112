"""What staff do in the browser in every row's test, and the clients whom it is about."""

from __future__ import annotations

import csv
import io
import re
import uuid
from dataclasses import dataclass
from datetime import date, timedelta
from email.message import EmailMessage
from functools import cached_property

from dunlin.mailer.v1 import sending_pb2
from playwright.sync_api import Locator, Page, expect

from tests.browser.visitors import Visitor
from tests.e2e.acts import drain, mails_to, tick, today_of, wait_until
from tests.e2e.acts import text_of as whole_text_of
from tests.e2e.company import Company

Line = dict[str, str]


@dataclass(frozen=True)
class Client:
    """An organization of one test alone, with one contact at one address."""

    id: str
    name: str
    email: str
    contact: str = "Ana Costa"

    @classmethod
    def new(cls, name: str) -> Client:
        """One that no other test knows; the name is as it shows on pages."""
        key = uuid.uuid4().hex[:8]
        return cls(f"C-{key}", f"{name} {key}", f"accounts-{key}@client.test")

    def invoice(self, number: str, due_on: date | None = None, **cells: str) -> Line:
        """A line of the invoice list: 250.00 USD, open, issued yesterday, due in 20 days."""
        today = date.today()
        return {
            "organization_id": self.id,
            "organization_name": self.name,
            "contact_name": self.contact,
            "contact_email": self.email,
            "invoice_number": number,
            "issued_on": (today - timedelta(days=1)).isoformat(),
            "due_on": (due_on or today + timedelta(days=20)).isoformat(),
            "currency": "USD",
            "amount": "250.00",
            "balance": "250.00",
            "status": "open",
        } | cells

    def card(self, method_id: str, expires: str, **cells: str) -> Line:
        """A line of the list of methods: a Visa with its last month as YYYY-MM."""
        return {
            "organization_id": self.id,
            "method_id": method_id,
            "kind": "card",
            "expires": expires,
            "brand": "Visa",
            "last_four": "4242",
            "status": "active",
        } | cells

    def payment(self, scheduled_id: str, number: str, pays_on: date, **cells: str) -> Line:
        """A line of the list of plans: a payment of what remains of an invoice, scheduled for a day."""
        return {
            "organization_id": self.id,
            "plan": "scheduled",
            "status": "scheduled",
            "scheduled_id": scheduled_id,
            "invoice_number": number,
            "pays_on": pays_on.isoformat(),
            "amount": "",
        } | cells


class Desk:
    """Somebody of staff at work, and the mails that come of it."""

    def __init__(self, staff: Visitor, company: Company) -> None:
        self.staff = staff
        self.company = company
        self.page: Page = staff.page

    def visit(self, path: str) -> None:
        """Goes to a page."""
        self.staff.visit(path)

    def press(self, name: str | re.Pattern[str]) -> None:
        """Presses the button with exactly this name."""
        self.page.get_by_role("button", name=name, exact=True).click()

    def read(self, text: str | re.Pattern[str]) -> None:
        """Waits until the page says so."""
        expect(self.page.get_by_text(text).first).to_be_visible()

    @cached_property
    def today(self) -> date:
        """The company's date when it is first asked for; a run for this day is the same after midnight."""
        return today_of(self.company.clients)

    # The books

    def take_in(self, *lines: Line) -> None:
        """Imports a list of invoices, methods or plans; all lines have the same columns. None is refused."""
        out = io.StringIO()
        writer = csv.DictWriter(out, list(lines[0]))
        writer.writeheader()
        writer.writerows(lines)
        self.visit("/import")
        file = {"name": "list.csv", "mimeType": "text/csv", "buffer": out.getvalue().encode()}
        self.page.get_by_label("CSV file").set_input_files(file)  # type: ignore[arg-type]
        self.press("Import")
        heading(self.page, "Import report")
        refused = self.page.locator(".figure").filter(has_text="Refused").locator(".amount")
        expect(refused).to_have_text("0")

    def open(self, client: Client) -> None:
        """Opens the client's page."""
        self.visit(f"/organizations/{client.id}")
        heading(self.page, client.name)

    # What goes by itself

    def turn_on(self, name: str, button: str | re.Pattern[str] = "Turn on") -> None:
        """Turns a kind of mail on; the button says whether with what is due now."""
        self.ask_to_turn_on(name)
        self.press(button)
        expect(self.switch(name)).to_be_visible()

    def ask_to_turn_on(self, name: str) -> None:
        """Goes to the page that says what turning a kind of mail on would mean."""
        self.visit("/client-emails")
        self._is_off(name).click()
        heading(self.page, f"Turn on: {name}")

    def switch_off(self, name: str) -> None:
        """Turns a kind of mail off."""
        self.visit("/client-emails")
        self.switch(name).click()
        expect(self._is_off(name)).to_be_visible()

    def turn_on_rule(self, name: str) -> None:
        """Turns a due notice rule on."""
        self.visit("/client-emails/due-notices")
        self._is_off(name).click()
        heading(self.page, f"Turn on: {name}")
        self.press(re.compile("^Turn on"))
        expect(self.switch(name)).to_be_visible()

    def switch(self, name: str) -> Locator:
        """The switch of a kind of mail or a rule that is on."""
        return self.page.get_by_role("switch", name=f"{name} On", exact=True, checked=True)

    def _is_off(self, name: str) -> Locator:
        """What stands in its place while it is off."""
        return self.page.get_by_role("link", name=re.compile(f"^{name} Off"))

    def run_for(self, day: date | None) -> int:
        """Runs the due notices as if it were that day, None for today; how many it says are on the way."""
        self.visit("/client-emails/due-notices/run")
        if day:
            self.page.get_by_label("Pretend that today is").fill(day.isoformat())
            self.press("Count for this day")
        self.press(re.compile(r"^Send [\d,]+ emails? now$|^Run anyway$"))
        heading(self.page, "The due notices have run")
        told = self.page.get_by_role("region", name="What happened").locator(".note").inner_text()
        found = re.search(r"([\d,]+) emails? (?:is|are) on the way", told)
        return int(found[1].replace(",", "")) if found else 0

    def day_comes(self, day: date) -> None:
        """All that the day brings is decided, as the daily run and `dunlin tick` do."""
        tick(self.company.clients, day)

    def send_summary(self, client: Client) -> None:
        """Sends the client its account summary, from its page."""
        self.open(client)
        self.page.get_by_role("link", name="Send account summary").click()
        heading(self.page, f"Send the account summary to {client.name}")
        self.press("Send account summary")
        self.read(f"on its way to {client.name}")

    # Mails

    def mails(self, client: Client) -> list[EmailMessage]:
        """What has arrived at the client's address once nothing is left to do."""
        drain(self.company.clients)
        return mails_to(self.company, client.email)

    def mail(self, client: Client) -> EmailMessage:
        """The only mail that has arrived there."""
        [mail] = self.mails(client)
        return mail

    def subjects(self, client: Client) -> list[str]:
        """Their subjects, in the order of arrival."""
        return [str(mail["Subject"]) for mail in self.mails(client)]

    def arrived(self, client: Client) -> list[EmailMessage]:
        """What has arrived by now, though work may be left."""
        return mails_to(self.company, client.email)

    def stop(self) -> None:
        """Stops all sending."""
        self.visit("/settings/sending")
        self.press("Stop all sending now")
        expect(self.page.locator(".stopped")).to_be_visible()

    def go_on(self) -> None:
        """Lets mails leave again."""
        self.visit("/settings/sending")
        self.press("Go on with sending")
        expect(self.page.locator(".stopped")).to_have_count(0)

    def wait_for_waiting(self, number: int) -> None:
        """Waits until so many mails wait behind the stop switch."""
        sending = self.company.clients.sending

        def is_so() -> bool:
            return sending.GetSending(sending_pb2.GetSendingRequest()).waiting == number

        wait_until(is_so, what=f"{number} mails wait")


def heading(page: Page, text: str | re.Pattern[str]) -> None:
    """Waits for the page with this heading."""
    expect(page.get_by_role("heading", level=1)).to_have_text(text)


def link_in(mail: EmailMessage, path: str) -> str:
    """The address in the mail's text that leads below the path; the first one."""
    found = re.search(rf"https?://\S+{re.escape(path)}\S*", text_of(mail))
    assert found, f"no link to {path} in:\n{text_of(mail)}"
    return found[0]


def text_of(mail: EmailMessage) -> str:
    """The plain text part, its lines ended as everywhere else."""
    return "\n".join(whole_text_of(mail).splitlines())


def words_of(mail: EmailMessage) -> str:
    """The same in one line, wherever the mail breaks it."""
    return " ".join(text_of(mail).split())


def html_of(mail: EmailMessage) -> str:
    """The HTML part."""
    body = mail.get_body(("html",))
    assert body is not None, "every mail has an HTML part"
    return str(body.get_content())
