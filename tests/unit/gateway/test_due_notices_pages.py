"""Due notices: their rules, running them, and who is excluded from them."""

import pytest
from dunlin.scheduler.v1.notices_pb2 import NOTICE_TYPE_DUE_NOTICE

from services.shared.errors import Busy
from services.shared.wire import instant
from tests.fakes.gateway_clients import FakeServices
from tests.fakes.gateway_visitor import Page, Visitor

RULES = "/client-emails/due-notices"
RUN = "/client-emails/due-notices/run"
EXCLUSIONS = "/client-emails/due-notices/exclusions"


def said(page: Page) -> str:
    return " ".join(page.one("//div[contains(@class, 'note')][@role='status']/p").text_content().split())


def row(page: Page, name: str) -> str:
    found = page.one(f"//tr[th[starts-with(normalize-space(.), '{name}')]]")
    return " ".join(" ".join(found.itertext()).split())


def test_the_rules_stand_in_order_with_what_they_do(staff: Visitor) -> None:
    page = staff.get(RULES)
    names = [name.text for name in page.tree.xpath("//tbody//th/span[@id]")]
    assert names == ["5 days before due", *(f"{days} days past due" for days in (15, 30, 45, 60, 90))]
    assert "Goes out once an invoice is 45 days past due" in row(page, "45 days")
    assert "Never" in row(page, "45 days")


def test_turning_a_rule_on_says_first_how_many_invoices_have_reached_it(
    staff: Visitor, services: FakeServices
) -> None:
    services.emails.count.due_now = 31
    page = staff.get(f"{RULES}/rules/45/turn-on")
    assert "31 invoices have reached it now: 31 emails would go out at the next run" in page.text
    [asked] = services.emails.requests("CountEmails")
    assert (asked.email_type.type, asked.threshold_days) == (NOTICE_TYPE_DUE_NOTICE, 45)
    assert not services.scheduler.rules[45].enabled
    page = staff.send(page.form("/rules/45/turn-on"))
    assert services.scheduler.rules[45].enabled
    assert said(page).startswith(
        "The notice for 45 days past due is on. "
        "It goes out once an invoice is 45 days past due, first at the next run,"
    )
    assert switches(page)["45 days past due On"] == "switch true"


def test_a_rule_is_turned_on_also_while_nothing_can_be_counted(
    staff: Visitor, services: FakeServices
) -> None:
    services.emails.refuse["CountEmails"] = Busy("The ledger is away.", reason="LEDGER_AWAY")
    page = staff.get(f"{RULES}/rules/45/turn-on")
    assert "cannot be counted at this moment" in page.text
    staff.send(page.form("/rules/45/turn-on"))
    assert services.scheduler.rules[45].enabled


def switches(page: Page) -> dict[str, str]:
    """What each switch is to a screen reader, by its accessible name."""
    return {
        " ".join(
            page.one(f"//*[@id='{part}']").text_content() for part in switch.get("aria-labelledby").split()
        ): (f"{switch.get('role')} {switch.get('aria-checked')}" if switch.get("role") else switch.tag)
        for switch in page.tree.xpath("//*[contains(@class, 'switch')]")
    }


def test_the_name_of_a_switch_holds_its_state_and_one_that_opens_a_page_is_a_link(staff: Visitor) -> None:
    assert switches(staff.get(RULES)) == {
        "5 days before due Off. Turn on …": "a",
        "15 days past due On": "switch true",
        "30 days past due On": "switch true",
        "45 days past due Off. Turn on …": "a",
        "60 days past due Off. Turn on …": "a",
        "90 days past due Off. Turn on …": "a",
    }


def test_while_the_daily_run_rests_every_page_about_it_says_why(
    staff: Visitor, services: FakeServices
) -> None:
    services.scheduler.forecast.ClearField("next_tick_at")
    services.scheduler.calendar.clock_set = True
    for path in (RULES, RUN):
        page = staff.get(path)
        assert "The daily run rests, because the newest run was for another day." in page.text
        assert page.one("//a[.='Run for today']").get("href") == RUN
        assert "daily run is off" not in page.text
    page = staff.send(staff.get(f"{RULES}/rules/45/turn-on").form("/rules/45/turn-on"))
    assert "first when you run the due notices for today, since the daily run rests." in said(page)
    services.scheduler.calendar.automatic = False
    assert "The daily run is off." in staff.get(RULES).text


def test_a_rule_that_was_turned_off_can_be_turned_on_again_at_once(
    staff: Visitor, services: FakeServices
) -> None:
    page = staff.send(staff.get(RULES).form("/rules/15/turn-off"))
    assert not services.scheduler.rules[15].enabled
    assert "15 days past due is off. Those that wait to be sent are held back too." in said(page)
    staff.send(page.one("//form[normalize-space(.)='Turn it on again']"))
    assert services.scheduler.rules[15].enabled


@pytest.mark.parametrize(("direction", "threshold"), [("after", 7), ("before", -7)])
def test_a_rule_is_added_before_or_after_the_due_date(
    staff: Visitor, services: FakeServices, direction: str, threshold: int
) -> None:
    page = staff.send(_add_form(staff), threshold_days="7", direction=direction)
    assert not services.scheduler.rules[threshold].enabled
    assert "has been added. It is off until you turn it on." in said(page)
    staff.send(page.form("/turn-on"))
    assert services.scheduler.rules[threshold].enabled


def _add_form(staff: Visitor) -> object:
    return staff.get(RULES).one("//form[.//input[@name='threshold_days']]")


@pytest.mark.parametrize(
    ("days", "direction", "status", "words"),
    [
        ("", "after", 400, "Enter a number of days."),
        ("zero", "after", 400, "Not a valid integer value"),
        ("0", "after", 400, "Enter 1 to 3650 days."),
        ("400", "before", 400, "Days are 1 to 365 before or 1 to 3650 after."),
        ("15", "after", 409, "There is a rule for 15 days past due already."),
    ],
)
def test_a_rule_that_cannot_be_added_says_why_beside_the_field(
    staff: Visitor, days: str, direction: str, status: int, words: str
) -> None:
    page = staff.send(_add_form(staff), threshold_days=days, direction=direction)
    assert page.status == status
    assert words in page.one("//p[@id='threshold_days-error']").text_content()
    assert page.one("//input[@id='threshold_days']").get("value") in (days, None, "")


def test_a_removed_rule_can_be_added_again_as_it_was(staff: Visitor, services: FakeServices) -> None:
    page = staff.send(staff.get(RULES).form("/rules/-5/remove"))
    assert -5 not in services.scheduler.rules
    staff.send(page.one("//form[normalize-space(.)='Add it again']"))
    assert not services.scheduler.rules[-5].enabled


def test_removing_a_rule_twice_is_no_error(staff: Visitor) -> None:
    form = staff.get(RULES).form("/rules/90/remove")
    staff.send(form)
    assert "had been removed before" in said(staff.send(form))


def test_a_run_is_counted_before_anything_is_sent(staff: Visitor, services: FakeServices) -> None:
    page = staff.get(RUN)
    assert "4 emails would go out. Nothing has been sent yet." in page.text
    assert [request.dry_run for request in services.scheduler.requests("RunTick")] == [True]
    page.one("//button[.='Send 4 emails now']")


def test_a_run_shows_its_counts(staff: Visitor, services: FakeServices) -> None:
    page = staff.send(staff.get(RUN).one("//main//form[@method='post']"))
    assert "4 emails are on the way." in page.text
    assert row(page, "Held").endswith(" 1")
    assert row(page, "Superseded").endswith(" 3")
    assert [request.dry_run for request in services.scheduler.requests("RunTick")] == [True, False]


def test_in_sandbox_mode_a_run_can_be_for_another_day_at_the_hour_of_the_daily_run(
    staff: Visitor, services: FakeServices
) -> None:
    page = staff.get(f"{RUN}?as_of=2026-07-04")
    assert "Saturday, July 4, 2026, which is not the real date" in page.text
    staff.send(page.one("//main//form[@method='post']"))
    asked = services.scheduler.requests("RunTick")
    # 09:00 in Chicago in July.
    assert [instant(request.as_of).isoformat() for request in asked] == ["2026-07-04T14:00:00+00:00"] * 2


def test_outside_sandbox_mode_the_day_cannot_be_set(staff: Visitor, services: FakeServices) -> None:
    services.scheduler.calendar.sandbox = False
    page = staff.get(f"{RUN}?as_of=2026-07-04")
    assert not services.scheduler.requests("RunTick")[0].HasField("as_of")
    assert not page.tree.xpath("//input[@name='as_of']")


def test_a_day_that_is_none_stands_beside_its_field(staff: Visitor, services: FakeServices) -> None:
    page = staff.get(f"{RUN}?as_of=someday")
    assert page.status == 400
    assert page.one("//p[@id='as_of-error']").text_content()
    assert services.scheduler.requests("RunTick") == []


def test_an_organization_is_found_by_name_excluded_and_put_back(
    staff: Visitor, services: FakeServices
) -> None:
    found = staff.get(f"{EXCLUSIONS}?q=bolt")
    page = staff.send(found.form("/add"))
    assert list(services.scheduler.exclusions) == [(NOTICE_TYPE_DUE_NOTICE, "BOLT")]
    assert said(page).startswith("Bolt & Sons gets no due notices from now on")
    page = staff.send(page.form("/remove"))
    assert services.scheduler.exclusions == {}
    staff.send(page.one("//form[normalize-space(.)='Exclude it again']"))
    assert list(services.scheduler.exclusions) == [(NOTICE_TYPE_DUE_NOTICE, "BOLT")]


def test_a_name_with_markup_is_shown_as_text(staff: Visitor) -> None:
    page = staff.get(f"{EXCLUSIONS}?q=z%C3%BCrich")
    assert "Café <Zürich>" in page.text


def test_a_search_without_a_match_says_so(staff: Visitor) -> None:
    assert "No organization has “nobody” in its name or id." in staff.get(f"{EXCLUSIONS}?q=nobody").text


def test_an_organization_that_the_ledger_does_not_know_is_not_found(staff: Visitor) -> None:
    form = staff.get(f"{EXCLUSIONS}?q=bolt").form("/add")
    page = staff.send(form, organization_id="NOBODY")
    assert page.status == 404


def test_a_long_list_of_exclusions_has_pages(staff: Visitor, services: FakeServices) -> None:
    for number in range(101):
        services.add_organization(f"O{number:03}", f"Organization {number:03}", "a@b.example")
    first = staff.get(f"{EXCLUSIONS}?q=O000")
    for number in range(101):
        staff.send(first.form("/add"), organization_id=f"O{number:03}")
    page = staff.get(EXCLUSIONS)
    assert len(page.tree.xpath("//section[@aria-labelledby='listed']//tbody/tr")) == 100
    following = staff.get(page.one("//a[@rel='next']").get("href"))
    assert "Organization 100" in following.text
