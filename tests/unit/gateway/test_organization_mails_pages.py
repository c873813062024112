"""Mails that staff send by hand from the pages of an organization and an invoice."""

import pytest
from dunlin.paynow.v1 import plans_pb2
from dunlin.paynow.v1.books_pb2 import InvoiceStatus
from dunlin.scheduler.v1.emails_pb2 import Unsubscription
from dunlin.scheduler.v1.notices_pb2 import (
    NOTICE_STATE_FAILED,
    NOTICE_STATE_HELD,
    NOTICE_STATE_SENT,
    NOTICE_STATE_SUPERSEDED,
    NOTICE_TYPE_ACCOUNT_SUMMARY,
    NoticeState,
)

from services.shared.errors import WrongState
from tests.fakes.gateway_clients import FakeServices
from tests.fakes.gateway_visitor import Page, Visitor

ACME = "/organizations/ACME"


def said(page: Page, role: str = "status") -> str:
    return " ".join(page.one(f"//div[contains(@class, 'note-')][@role='{role}']/p").text_content().split())


def test_the_summary_says_to_whom_and_what_before_it_goes(staff: Visitor, services: FakeServices) -> None:
    page = staff.get(staff.get(ACME).one("//a[contains(., 'Send account summary')]").get("href"))
    assert "Dana Reyes, dana@acme.example" in page.text
    assert "2 invoices, $1,650.00, of which $1,250.00 past due" in page.text
    assert services.emails.requests("SendSummary") == []
    page = staff.send(page.form("/send/summary"))
    assert page.path == ACME
    assert said(page).startswith("The account summary is on its way to Acme Corporation.")


def test_a_form_that_is_sent_twice_sends_one_mail(staff: Visitor, services: FakeServices) -> None:
    form = staff.get("/send/summary?organization=ACME").form("/send/summary")
    before = len(services.scheduler.notices)
    staff.send(form)
    staff.send(form)
    assert len(services.scheduler.notices) == before + 1


@pytest.mark.parametrize(
    "path",
    ["/send/summary?organization=ACME", "/send/invoice/1", "/send/welcome/1", "/send/password-reset/1"],
)
@pytest.mark.parametrize(
    "now",
    [
        (NOTICE_STATE_SENT, "status", "has left already to"),
        (NOTICE_STATE_HELD, "status", "waits to be sent. So it stands."),
        (NOTICE_STATE_FAILED, "alert", "was not sent. So it stands."),
        (NOTICE_STATE_SUPERSEDED, "alert", "was not sent. So it stands."),
    ],
)
def test_a_form_that_is_sent_again_later_says_what_has_become_of_its_mail(
    staff: Visitor,
    services: FakeServices,
    path: str,
    now: tuple[NoticeState.ValueType, str, str],
) -> None:
    state, role, words = now
    form = staff.get(path).form(path.partition("?")[0])
    staff.send(form)
    services.scheduler.notices[0].state = state
    services.scheduler.notices[0].explanation = "So it stands."
    told = said(staff.send(form), role)
    assert words in told
    assert ("was not sent." in told) == (role == "alert")


def test_what_was_skipped_says_why(staff: Visitor, services: FakeServices) -> None:
    form = staff.get("/send/summary?organization=ACME").form("/send/summary")
    for invoice in services.ledger.open_invoices("ACME"):
        invoice.balance_minor = 0
    page = staff.send(form)
    assert said(page, "alert") == "The account summary was not sent. Nothing is open."


def test_a_summary_that_would_say_nothing_has_no_button(staff: Visitor, services: FakeServices) -> None:
    for invoice in services.ledger.open_invoices("ACME"):
        invoice.balance_minor = 0
    page = staff.get("/send/summary?organization=ACME")
    assert "Nothing is open, so nothing would be sent." in page.text
    assert not page.tree.xpath("//main//form//button")


def test_an_organization_that_does_not_exist_is_not_found(staff: Visitor) -> None:
    assert staff.get("/send/summary?organization=NOBODY").status == 404
    assert staff.get("/send/welcome/999").status == 404
    assert staff.get("/send/invoice/999").status == 404


def test_an_invoice_is_sent_from_its_page(staff: Visitor, services: FakeServices) -> None:
    page = staff.get(staff.get("/invoices/1").one("//a[contains(., 'Email invoice')]").get("href"))
    assert "dana@acme.example" in page.text
    page = staff.send(page.form("/send/invoice/1"))
    assert page.path == "/invoices/1"
    assert said(page).startswith("Invoice INV-0042 is on its way")


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"status": InvoiceStatus.INVOICE_STATUS_PAID, "balance_minor": 0}, "This invoice is paid."),
        ({"balance_minor": 0}, "This invoice is paid."),
        ({"status": InvoiceStatus.INVOICE_STATUS_CANCELLED}, "This invoice was cancelled."),
        ({"status": InvoiceStatus.INVOICE_STATUS_THIRD_PARTY}, "is with a third party, who collects it."),
        ({"reserved_minor": 125_000}, "A payment that covers the balance is under way."),
    ],
)
def test_an_invoice_on_which_nothing_is_owed_says_why_it_is_not_sent_and_where_else_to_look(
    staff: Visitor, services: FakeServices, facts: dict[str, int], words: str
) -> None:
    for name, value in facts.items():
        setattr(services.ledger.invoices[1], name, value)
    page = staff.get(staff.get("/invoices/1").one("//a[contains(., 'Email invoice')]").get("href"))
    assert words in page.text
    assert "So it is not sent." in page.text
    assert page.one("//main//a[.='history']").get("href") == "/history?q=INV-0042"
    assert not page.tree.xpath("//main//form")


@pytest.mark.parametrize("path", ["/send/summary?organization=ACME", "/send/invoice/1"])
def test_addressees_who_will_not_get_it_are_named_before_it_is_sent(
    staff: Visitor, services: FakeServices, path: str
) -> None:
    services.emails.suppressed = {"dana@acme.example"}
    page = staff.get(path)
    [told] = page.tree.xpath("//div[@class='address'][contains(., 'dana@acme.example')]")
    assert "Will not get it: this address is suppressed" in told.text_content()
    assert page.tree.xpath("//main//form//button"), "another address gets it"
    services.emails.suppressed.add("ap@acme.example")
    assert not staff.get(path).tree.xpath("//main//form//button")


def test_who_has_unsubscribed_from_summaries_gets_none_by_hand_either_but_gets_invoices(
    staff: Visitor, services: FakeServices
) -> None:
    services.emails.unsubscribed[NOTICE_TYPE_ACCOUNT_SUMMARY, "dana@acme.example"] = Unsubscription()
    words = "Will not get it: has unsubscribed from “account summary”."
    assert words in staff.get("/send/summary?organization=ACME").text
    assert "Will not get it" not in staff.get("/send/invoice/1").text


def test_an_invitation_cannot_go_to_an_address_that_gets_none(staff: Visitor, services: FakeServices) -> None:
    services.emails.suppressed = {"dana@acme.example"}
    page = staff.get("/send/welcome/1?email=dana@acme.example")
    first, second = page.tree.xpath("//input[@name='email']")
    assert (first.get("disabled"), second.get("checked")) == ("disabled", "checked")
    services.emails.suppressed.add("ap@acme.example")
    assert not staff.get("/send/welcome/1").tree.xpath("//main//form//button")


def test_the_name_in_the_message_is_that_of_the_books_whatever_the_form_says(staff: Visitor) -> None:
    form = staff.get("/send/summary?organization=ACME").form("/send/summary")
    values = {**dict(form.form_values()), "name": "Somebody Else"}
    assert "is on its way to Acme Corporation." in said(staff.post("/send/summary", values))


@pytest.mark.parametrize(
    ("link", "method", "words"),
    [
        ("Send welcome", "SendWelcome", "The invitation is on its way to Dana Reyes at ap@"),
        (
            "Send password reset",
            "SendPasswordReset",
            "The link for a new password is on its way to Dana Reyes at ap@",
        ),
    ],
)
def test_a_contact_gets_its_mail_at_the_address_chosen(
    staff: Visitor, services: FakeServices, link: str, method: str, words: str
) -> None:
    path = staff.get(ACME).tree.xpath(f"//a[.='{link}']/@href")[0]
    page = staff.send(staff.get(path).form(path), email="ap@acme.example")
    [order] = services.emails.requests(method)
    assert (order.contact_id, order.email) == (1, "ap@acme.example")
    assert said(page).startswith(words)


@pytest.mark.parametrize("path", ["/send/welcome/2", "/send/password-reset/2"])
def test_who_has_no_profile_is_given_one_on_the_way(
    staff: Visitor, services: FakeServices, path: str
) -> None:
    page = staff.get(path)
    assert "has no client profile yet, and so could see nothing in the portal" in page.text
    assert not [form for form in page.tree.forms if form.action == path]
    page = staff.send(page.form("/send/profile/2"), profile="owner")
    assert services.accounts.contact(2).profile_id == "owner"
    assert said(page) == "Sam Other has the client profile “Owner” now."
    assert page.path == path
    assert page.form(path) is not None


def test_giving_a_profile_leads_nowhere_else(staff: Visitor) -> None:
    form = staff.get("/send/welcome/2").form("/send/profile/2")
    values = {**dict(form.form_values()), "back": "https://elsewhere.example/send/"}
    assert staff.post("/send/profile/2", values).path == "/send/welcome/2"


def test_a_profile_that_somebody_else_gave_meanwhile_is_not_overwritten(
    staff: Visitor, services: FakeServices
) -> None:
    form = staff.get("/send/welcome/2").form("/send/profile/2")
    services.accounts.contact(2).profile_id = "billing"
    page = staff.send(form, profile="owner")
    assert said(page) == "Sam Other has the client profile “Billing” already. Nothing was changed."
    assert services.accounts.contact(2).profile_id == "billing"


@pytest.mark.parametrize("profile", ["gone", ""])
def test_only_a_profile_that_there_is_can_be_given(
    staff: Visitor, services: FakeServices, profile: str
) -> None:
    form = staff.get("/send/welcome/2").form("/send/profile/2")
    assert staff.post("/send/profile/2", {**dict(form.form_values()), "profile": profile}).status == 404
    assert services.accounts.requests("SetProfiles") == []


def test_where_there_is_no_profile_to_give_the_page_leads_to_adding_one(
    staff: Visitor, services: FakeServices
) -> None:
    services.accounts.profiles.clear()
    page = staff.get("/send/welcome/2")
    assert page.one("//main//a[.='add a client profile']").get("href") == "/settings/profiles"
    assert not page.tree.xpath("//main//form//button")


def test_an_address_that_is_gone_meanwhile_is_said(staff: Visitor, services: FakeServices) -> None:
    form = staff.get("/send/welcome/1").form("/send/welcome/1")
    services.emails.refuse["SendWelcome"] = WrongState(
        "The contact does not have this address.", reason="ADDRESS_NOT_OF_CONTACT"
    )
    page = staff.send(form)
    assert said(page, "alert") == "The invitation was not sent. The contact does not have this address."


def test_contacts_show_their_profile(staff: Visitor) -> None:
    listed = staff.get(ACME).tree.xpath("//li[@class='contact']")
    told = [" ".join(one.text_content().split()) for one in listed]
    assert told[0].startswith("Dana Reyes Default Primary contact of the accounting system Billing")
    assert told[1].startswith("Sam Other No client profile")


def test_methods_on_file_say_how_they_stand_and_plans_what_they_pay(
    staff: Visitor, services: FakeServices
) -> None:
    year = services.today.year
    card = {
        "organization_id": "ACME",
        "kind": plans_pb2.METHOD_KIND_CARD,
        "brand": "Visa",
        "last_four": "4242",
    }
    services.accounts.methods = [
        plans_pb2.StoredMethod(method_id="1", expires_month=1, expires_year=year - 1, status=1, **card),  # type: ignore[arg-type]
        plans_pb2.StoredMethod(method_id="2", expires_month=1, expires_year=year + 2, status=3, **card),  # type: ignore[arg-type]
        plans_pb2.StoredMethod(method_id="3", expires_month=1, expires_year=year + 2, status=1, **card),  # type: ignore[arg-type]
    ]
    services.accounts.plans = [
        plans_pb2.PlannedPayment(
            organization_id="ACME", invoice_id=1, pays_on="2199-01-02", amount_minor=5000, by_autopay=True
        )
    ]
    text = staff.get(ACME).text
    for words in (
        f"Expires 01/{year - 1}",
        "Expired",
        "Failed",
        "Active",
        "$50.00 for INV-0042",
        "By AutoPay",
    ):
        assert words in text
    assert "Visa ending 4242" in text


def test_the_organization_shows_without_what_is_on_file(staff: Visitor, services: FakeServices) -> None:
    services.accounts.is_away = True
    assert "Dana Reyes" in staff.get(ACME).text
