"""Settings that two people change at once: nobody takes back unknowingly what the other has saved."""

import io
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import pytest
from flask import Flask

from tests.fakes.gateway_clients import FakeServices
from tests.fakes.gateway_emails import INVOICE, SUMMARY, UPCOMING
from tests.fakes.gateway_visitor import Page, Visitor

SUMMARY_PAGE = "/client-emails/account-summary"
PROFILE = "/settings/profiles/billing"


class Case(NamedTuple):
    """A page of settings, what each of two people changes there, and what the second is told."""

    path: str
    theirs: Mapping[str, Any]
    mine: Mapping[str, Any]
    saved: Callable[[FakeServices], Any]
    told: str


CASES = {
    "calendar": Case(
        "/settings/calendar",
        {"automatic": None},
        {"send_at": "07:30"},
        lambda services: services.scheduler.calendar,
        "Run every day: now “off”, on this page “on”",
    ),
    "company": Case(
        "/settings/company",
        {"reply_to": "new@harbor.example"},
        {"phone": "555 0100"},
        lambda services: services.mailer.company,
        "Reply-to address: now “new@harbor.example”, on this page “",
    ),
    "limits": Case(
        "/settings/sending",
        {"daily_cap": "100"},
        {"domain_per_minute": "30"},
        lambda services: services.sending.sending,
        "At most so many emails a day: now “100”, on this page “0”",
    ),
    "profile": Case(
        PROFILE,
        {"sees_invoices": None},
        {"name": "Accounts payable"},
        lambda services: services.accounts.profiles["billing"],
        "Sees the organization’s invoices and balance: now “off”, on this page “on”",
    ),
    "summary": Case(
        SUMMARY_PAGE,
        {"recipients": "profiles", "profile_ids": ["owner"]},
        {"day": "day", "day_of_month": "20"},
        lambda services: services.emails.types[SUMMARY],
        "Client profiles: now “Owner”, on this page “nothing”",
    ),
    "invoice": Case(
        "/client-emails/invoice",
        {"tells_payment_date": None},
        {"newest_days": "30"},
        lambda services: services.emails.types[INVOICE],
        "Tell when AutoPay or a scheduled payment will pay it: now “off”, on this page “on”",
    ),
    "upcoming": Case(
        "/client-emails/upcoming-payments",
        {"days_before": "5"},
        {"days_before": "7"},
        lambda services: services.emails.types[UPCOMING],
        "Days before the payment: now “5”, on this page “7”",
    ),
}


@pytest.fixture
def colleague(site: Flask) -> Visitor:
    return Visitor(site).sign_in()


def form(page: Page) -> Any:
    return page.one("//form[.//input[@name='filled_from']]")


def send(visitor: Visitor, page: Page, values: Mapping[str, Any]) -> Page:
    return visitor.send(form(page), **values)


def written(message: Any) -> bytes:
    return bytes(message.SerializeToString(deterministic=True))


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_what_a_colleague_saved_is_taken_back_only_knowingly(
    staff: Visitor, colleague: Visitor, services: FakeServices, case: Case
) -> None:
    old_tab = staff.get(case.path)
    before = written(case.saved(services))
    assert send(colleague, colleague.get(case.path), case.theirs).status == 200
    theirs = written(case.saved(services))
    assert theirs != before

    told = send(staff, old_tab, case.mine)
    assert told.status == 409
    assert "Nothing has been saved yet." in told.one("//*[@role='alert']").text_content()
    assert case.told in told.text
    assert written(case.saved(services)) == theirs
    for name, value in case.mine.items():
        assert form(told).fields[name] == value

    assert send(staff, told, {}).status == 200
    mine = written(case.saved(services))
    assert mine not in (theirs, before)


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_form_sent_twice_by_one_click_is_saved_without_a_question(
    staff: Visitor, services: FakeServices, case: Case
) -> None:
    page = staff.get(case.path)
    assert send(staff, page, case.mine).status == 200
    mine = written(case.saved(services))
    assert send(staff, page, case.mine).status == 200
    assert written(case.saved(services)) == mine


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
@pytest.mark.parametrize("marks", ["", "automatic name: :x \x00", None], ids=["empty", "broken", "missing"])
def test_a_form_that_does_not_say_what_it_was_filled_from_changes_nothing_at_first(
    staff: Visitor, services: FakeServices, case: Case, marks: str | None
) -> None:
    page = staff.get(case.path)
    before = written(case.saved(services))
    values = {**dict(form(page).form_values()), **case.mine, "filled_from": marks}
    told = staff.post(case.path, {name: value for name, value in values.items() if value is not None})
    assert told.status == 409
    assert written(case.saved(services)) == before
    assert send(staff, told, {}).status == 200
    assert written(case.saved(services)) != before


def test_a_logo_that_was_chosen_has_to_be_chosen_again(
    staff: Visitor, colleague: Visitor, services: FakeServices
) -> None:
    old_tab = staff.get("/settings/company")
    send(colleague, colleague.get("/settings/company"), {"reply_to": "new@harbor.example"})
    logo = (io.BytesIO(b"\x89PNG picture"), "logo.png")
    told = staff.post("/settings/company", {**dict(form(old_tab).form_values()), "logo": logo})
    assert told.status == 409
    assert "Choose the image again" in told.one("//p[@id='logo-error']").text_content()
    assert services.mailer.company.logo == b""


def test_a_mistake_does_not_hide_what_a_colleague_saved(
    staff: Visitor, colleague: Visitor, services: FakeServices
) -> None:
    old_tab = staff.get("/settings/calendar")
    send(colleague, colleague.get("/settings/calendar"), {"automatic": None})
    page = send(staff, old_tab, {"send_at": "25:00"})
    assert page.status == 400
    assert send(staff, page, {"send_at": "07:30"}).status == 409
    assert not services.scheduler.calendar.automatic


def test_the_same_change_by_two_people_needs_no_question(staff: Visitor, colleague: Visitor) -> None:
    mine, theirs = staff.get("/settings/sending"), colleague.get("/settings/sending")
    assert send(colleague, theirs, {"daily_cap": "100"}).status == 200
    assert send(staff, mine, {"daily_cap": "100"}).status == 200


def test_a_second_change_after_the_question_is_asked_about_again(
    staff: Visitor, colleague: Visitor, services: FakeServices
) -> None:
    old_tab = staff.get("/settings/sending")
    send(colleague, colleague.get("/settings/sending"), {"daily_cap": "100"})
    told = send(staff, old_tab, {"domain_per_minute": "30"})
    send(colleague, colleague.get("/settings/sending"), {"daily_cap": "200"})
    told = send(staff, told, {})
    assert told.status == 409
    assert "now “200”" in told.text
    assert services.sending.sending.daily_cap == 200


def test_the_day_of_a_schedule_that_has_none_is_no_change(
    staff: Visitor, colleague: Visitor, services: FakeServices
) -> None:
    send(colleague, colleague.get(SUMMARY_PAGE), {"day": "day", "day_of_month": "20"})
    page = staff.get(SUMMARY_PAGE)
    assert send(staff, page, {"day": "manual"}).status == 200
    assert send(staff, page, {"day": "manual"}).status == 200
    assert services.emails.types[SUMMARY].schedule.manual


def test_asking_what_settings_would_mean_needs_no_decision(staff: Visitor, colleague: Visitor) -> None:
    old_tab = staff.get(SUMMARY_PAGE)
    send(colleague, colleague.get(SUMMARY_PAGE), {"on_new_invoice": "summary"})
    assert staff.send(form(old_tab), button=("do", "show")).status == 200
