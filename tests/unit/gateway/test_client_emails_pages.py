"""Client emails: every kind of mail, its switch, its settings, and what it brings."""

from datetime import UTC, datetime

import pytest
from dunlin.scheduler.v1 import emails_pb2
from dunlin.scheduler.v1.notices_pb2 import NoticeType

from gateway.client_emails.kinds import EXCLUDABLE, KINDS
from services.shared.errors import Busy
from services.shared.wire import timestamp
from tests.fakes.gateway_clients import FakeServices
from tests.fakes.gateway_emails import EXPIRATION, INVOICE, SUMMARY, UPCOMING
from tests.fakes.gateway_visitor import Page, Visitor

LIST = "/client-emails"
NEXT = timestamp(datetime(2032, 11, 30, 15, tzinfo=UTC))


def said(page: Page) -> str:
    return " ".join(page.one("//div[contains(@class, 'note')][@role='status']/p").text_content().split())


def kind(page: Page, name: str) -> str:
    """What the list says about a kind."""
    found = page.one(f"//*[self::li or self::tr][*[self::th or self::div][contains(., '{name}')]][1]")
    return " ".join(" ".join(found.itertext()).split())


def a_summary(services: FakeServices, **settings: object) -> emails_pb2.EmailType:
    """The account summary, on, on day 15 of each month."""
    summary = services.emails.types[SUMMARY]
    summary.enabled = True
    summary.schedule.day_of_month = 15
    summary.MergeFrom(emails_pb2.EmailType(**settings))  # type: ignore[arg-type]
    return summary


# The list


def test_every_type_of_mail_stands_in_one_of_four_groups_with_the_way_to_its_text(staff: Visitor) -> None:
    page = staff.get(LIST)
    assert [one.text for one in page.tree.xpath("//section//h2")] == [
        "Transaction receipts",
        "Portal access",
        "Account notifications",
        "Invoice due notices",
    ]
    assert {one.type for one in KINDS.values()} == set(NoticeType.values()) - {0}
    links = {link.get("href").split("?")[0] for link in page.tree.xpath("//a[contains(., 'Edit text')]")}
    texts = {text for one in KINDS.values() for text in one.texts}
    assert links == {f"/client-emails/templates/{text}" for text in texts}


def test_each_rule_of_the_due_notices_leads_to_a_text_of_its_own(staff: Visitor) -> None:
    links = staff.get(LIST).tree.xpath("//section[@aria-labelledby='due']//a[.='Edit text']/@href")
    assert "/client-emails/templates/due-notice-before?rule=-5" in links
    assert "/client-emails/templates/due-notice-after?rule=90" in links


def test_receipts_and_portal_mails_have_no_switch(staff: Visitor) -> None:
    page = staff.get(LIST)
    for group in ("receipts", "portal"):
        section = page.one(f"//section[@aria-labelledby='{group}']")
        assert "Always on" in section.text_content()
        assert not section.xpath(".//button[@role='switch']")


def test_a_kind_says_when_it_goes_to_whom_and_who_is_excluded(staff: Visitor, services: FakeServices) -> None:
    a_summary(services, excluded=2, profile_ids=["billing", "owner"])
    services.emails.types[SUMMARY].schedule.closed_days = emails_pb2.CLOSED_DAYS_BEFORE
    told = kind(staff.get(LIST), "Account summary")
    assert "Day 15 of each month at 9:00 AM, or the last business day before" in told
    assert "Contacts with the client profile Billing or Owner" in told
    assert "2 organizations" in told
    assert "Never" in told


def test_a_weekend_follows_the_calendar_where_the_summary_says_nothing(
    staff: Visitor, services: FakeServices
) -> None:
    a_summary(services)
    assert "also on weekends and holidays" in kind(staff.get(LIST), "Account summary")
    services.scheduler.calendar.business_days_only = True
    assert "or the next business day" in kind(staff.get(LIST), "Account summary")


def test_where_nothing_goes_on_a_weekend_no_summary_claims_to(staff: Visitor, services: FakeServices) -> None:
    a_summary(services)
    services.emails.types[SUMMARY].schedule.closed_days = emails_pb2.CLOSED_DAYS_SEND
    assert "also on weekends and holidays" in kind(staff.get(LIST), "Account summary")
    services.scheduler.calendar.business_days_only = True
    assert "or the next business day" in kind(staff.get(LIST), "Account summary")


def test_organizations_that_cannot_be_reached_are_named_first(staff: Visitor, services: FakeServices) -> None:
    services.emails.unreachable = [emails_pb2.Unreachable(organization_id="ACME", reason="NO_ADDRESS")]
    page = staff.get(LIST)
    link = page.one("//a[.='1 organization cannot be reached']")
    assert "Acme Corporation" in staff.get(link.get("href")).text


# Switches


def test_turning_a_kind_on_says_what_is_due_now_and_asks(staff: Visitor, services: FakeServices) -> None:
    services.emails.count = emails_pb2.EmailCount(due_now=3, organizations=3, next_at=NEXT)
    page = staff.get(f"{LIST}/method-expiration/turn-on")
    assert (
        "3 cards on file have expired or expire within a month: 3 emails would go out at the next run, "
        "Tuesday, November 30, 2032 at 9:00 AM." in page.text
    )
    assert not services.emails.types[EXPIRATION].enabled
    assert [button.text_content() for button in page.tree.xpath("//main//form[@method='post']//button")] == [
        "Turn on for what comes from now on",
        "Turn on, and include what is due now",
    ]


def test_what_goes_at_the_next_run_anyway_is_not_called_due_beside_it(
    staff: Visitor, services: FakeServices
) -> None:
    path = f"{LIST}/upcoming-payments/turn-on"
    services.emails.count = emails_pb2.EmailCount(due_now=1, at_next_run=1, organizations=1, next_at=NEXT)
    page = staff.get(path)
    assert "1 organization will get this on" in page.text
    assert "Due already" not in page.text
    assert [one.text_content() for one in page.tree.xpath("//main//form//button")] == ["Turn on"]
    services.emails.count.due_now = 3
    assert "Payments of the next 3 days call for 2 more emails, which would go out" in staff.get(path).text


def test_what_is_due_already_waits_for_the_daily_run_since_running_due_notices_leaves_it_alone(
    staff: Visitor, services: FakeServices
) -> None:
    form = staff.get(f"{LIST}/upcoming-payments/turn-on").form("/turn-on")
    services.scheduler.calendar.automatic = False
    page = staff.send(form, button=("include_due", "yes"))
    assert "What is due already goes out once the daily run is on." in page.text


@pytest.mark.parametrize(("choice", "words"), [("no", "Nothing goes out at once."), ("yes", "goes out at")])
def test_only_who_chooses_so_sends_what_is_due_already(
    staff: Visitor, services: FakeServices, choice: str, words: str
) -> None:
    form = staff.get(f"{LIST}/upcoming-payments/turn-on").form("/turn-on")
    page = staff.send(form, button=("include_due", choice))
    [order] = services.emails.requests("UpdateEmailType")
    assert order.email_type.enabled
    assert order.include_due is (choice == "yes")
    assert words in said(page)


def test_what_cannot_be_counted_is_not_included_by_chance(staff: Visitor, services: FakeServices) -> None:
    services.emails.refuse["CountEmails"] = Busy("The ledger is away.", reason="LEDGER_AWAY")
    page = staff.get(f"{LIST}/upcoming-payments/turn-on")
    [button] = page.tree.xpath("//main//form[@method='post']//button")
    assert (button.get("name"), button.get("value")) == ("include_due", "no")


def test_a_summary_without_a_schedule_says_that_nothing_goes_by_itself(
    staff: Visitor, services: FakeServices
) -> None:
    page = staff.get(f"{LIST}/account-summary/turn-on")
    assert "It has no schedule yet" in page.text
    assert page.one("//main//a[.='Choose a schedule']").get("href") == f"{LIST}/account-summary"
    page = staff.send(page.form("/turn-on"), button=("include_due", "no"))
    assert "goes only when you send it" in said(page)


@pytest.mark.parametrize(
    ("brings", "words"),
    [
        (emails_pb2.ON_NEW_INVOICE_SUMMARY, "sends their organizations a summary"),
        (emails_pb2.ON_NEW_INVOICE_INVOICES, "sends one email for each"),
    ],
)
def test_a_summary_without_a_schedule_says_what_new_invoices_bring(
    staff: Visitor, services: FakeServices, brings: emails_pb2.OnNewInvoice.ValueType, words: str
) -> None:
    services.emails.types[SUMMARY].on_new_invoice = brings
    page = staff.get(f"{LIST}/account-summary/turn-on")
    assert f"Each import with new invoices {words}." in page.text
    assert "Nothing goes by itself" not in page.text
    staff.send(page.form("/turn-on"), button=("include_due", "no"))
    page = staff.send(staff.get(LIST).form("/account-summary/turn-off"))
    assert "New invoices bring no email any more." in said(page)


def test_turning_off_says_what_becomes_of_waiting_mails_and_can_be_taken_back(
    staff: Visitor, services: FakeServices
) -> None:
    a_summary(services)
    page = staff.send(staff.get(LIST).form("/account-summary/turn-off"))
    assert not services.emails.types[SUMMARY].enabled
    assert services.emails.types[SUMMARY].schedule.day_of_month == 15, "the rest stays as it was"
    assert "Emails of it that wait to be sent are held back too" in said(page)
    staff.send(page.one("//form[normalize-space(.)='Turn it on again']"))
    [_, again] = services.emails.requests("UpdateEmailType")
    assert again.email_type.enabled
    assert not again.include_due


def test_a_receipt_cannot_be_switched(staff: Visitor) -> None:
    assert staff.get(f"{LIST}/payment-succeeded/turn-on").status == 404


# Settings


def summary_form(page: Page) -> object:
    return page.one("//form[@data-meaning]")


def test_the_summary_is_scheduled_with_its_weekends_new_invoices_and_recipients(
    staff: Visitor, services: FakeServices
) -> None:
    a_summary(services)
    page = staff.send(
        summary_form(staff.get(f"{LIST}/account-summary")),
        button=("do", "save"),
        day="last",
        closed_days="skip",
        on_new_invoice="invoices",
        recipients="profiles",
        profile_ids=["owner"],
    )
    assert "have been saved" in said(page)
    saved = services.emails.types[SUMMARY]
    assert saved.enabled
    assert saved.schedule == emails_pb2.SummarySchedule(
        last_day=True, closed_days=emails_pb2.CLOSED_DAYS_SKIP
    )
    assert saved.on_new_invoice == emails_pb2.ON_NEW_INVOICE_INVOICES
    assert list(saved.profile_ids) == ["owner"]
    assert "new invoices are told one by one" in kind(staff.get(LIST), "Account summary")
    assert "On for new invoices" in kind(staff.get(LIST), "Invoice notification")


def test_settings_say_what_they_mean_before_they_are_saved(staff: Visitor, services: FakeServices) -> None:
    a_summary(services)
    services.emails.count = emails_pb2.EmailCount(
        organizations=14, next_at=NEXT, next_dates=["2032-11-30", "2032-12-31", "2033-01-31"]
    )
    form = summary_form(staff.get(f"{LIST}/account-summary"))
    page = staff.send(form, button=("do", "show"), day="last")
    assert "Tuesday, November 30, 2032; Friday, December 31, 2032; Monday, January 31, 2033" in page.text
    assert "14 organizations will get this on Tuesday, November 30, 2032 at 9:00 AM." in page.text
    assert services.emails.requests("UpdateEmailType") == []
    [asked] = services.emails.requests("CountEmails")
    assert asked.email_type.schedule.last_day
    fragment = staff.post(f"{LIST}/account-summary/meaning", dict(form.form_values()))  # type: ignore[attr-defined]
    assert "14 organizations" in fragment.html
    assert "<html" not in fragment.html


def test_profiles_that_count_must_be_chosen(staff: Visitor, services: FakeServices) -> None:
    form = summary_form(staff.get(f"{LIST}/account-summary"))
    page = staff.send(form, button=("do", "save"), recipients="profiles", profile_ids=[])
    assert page.status == 400
    assert "Choose at least one client profile" in page.one("//p[@id='profile_ids-error']").text_content()
    assert services.emails.requests("UpdateEmailType") == []


def test_profiles_that_are_ticked_do_not_count_beside_the_default_contacts(
    staff: Visitor, services: FakeServices
) -> None:
    a_summary(services, profile_ids=["owner"])
    form = summary_form(staff.get(f"{LIST}/account-summary"))
    staff.send(form, button=("do", "save"), recipients="default", profile_ids=["owner"])
    assert list(services.emails.types[SUMMARY].profile_ids) == []


@pytest.mark.parametrize(
    ("slug", "field", "value", "words"),
    [
        ("upcoming-payments", "days_before", "31", "Enter 1 to 30 days."),
        ("upcoming-payments", "days_before", "", "Enter a number of days."),
        ("invoice", "newest_days", "366", "Enter 1 to 365 days."),
    ],
)
def test_days_that_cannot_be_say_why_beside_their_field(
    staff: Visitor, slug: str, field: str, value: str, words: str
) -> None:
    page = staff.send(summary_form(staff.get(f"{LIST}/{slug}")), button=("do", "save"), **{field: value})
    assert page.status == 400
    assert words in page.one(f"//p[@id='{field}-error']").text_content()


def test_upcoming_payments_are_told_so_many_days_before(staff: Visitor, services: FakeServices) -> None:
    form = summary_form(staff.get(f"{LIST}/upcoming-payments"))
    page = staff.send(form, button=("do", "save"), days_before="7")
    assert services.emails.types[UPCOMING].days_before == 7
    assert "It is still off." in said(page)


def test_an_invoice_may_leave_out_when_it_will_be_paid(staff: Visitor, services: FakeServices) -> None:
    form = summary_form(staff.get(f"{LIST}/invoice"))
    staff.send(form, button=("do", "save"), tells_payment_date=None, newest_days="30")
    saved = services.emails.types[INVOICE]
    assert (saved.tells_payment_date, saved.newest_days) == (False, 30)


def test_a_kind_without_settings_says_how_it_works(staff: Visitor) -> None:
    assert "There is nothing to set" in staff.get(f"{LIST}/method-expiration").text


# Exclusions


@pytest.mark.parametrize("slug", EXCLUDABLE)
def test_each_list_of_exclusions_stands_alone(staff: Visitor, services: FakeServices, slug: str) -> None:
    page = staff.send(staff.get(f"{LIST}/{slug}/exclusions?q=bolt").form("/add"))
    assert list(services.scheduler.exclusions) == [(KINDS[slug].type, "BOLT")]
    assert said(page).startswith("Bolt & Sons gets no ")
    for other in set(EXCLUDABLE) - {slug}:
        assert "Nobody is excluded." in staff.get(f"{LIST}/{other}/exclusions").text
    staff.send(page.form("/remove"))
    assert services.scheduler.exclusions == {}


def test_a_receipt_has_no_exclusions(staff: Visitor) -> None:
    assert staff.get(f"{LIST}/payment-succeeded/exclusions").status == 404
