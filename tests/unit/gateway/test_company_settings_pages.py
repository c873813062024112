"""Settings: the profile and the calendar, with what is wrong beside its field."""

import io

import pytest

from services.mailer.domain.company import LONGEST_PHONE
from services.shared.errors import invalid_field
from tests.fakes.gateway_clients import FakeServices
from tests.fakes.gateway_mailer import SHIPPED_SENDER
from tests.fakes.gateway_visitor import Page, Visitor

COMPANY, CALENDAR = "/settings/company", "/settings/calendar"


def company_form(staff: Visitor) -> object:
    return staff.get(COMPANY).one("//main//form")


def save_logo(staff: Visitor, image: bytes) -> Page:
    values = dict(company_form(staff).form_values())  # type: ignore[attr-defined]
    return staff.post(COMPANY, {**values, "logo": (io.BytesIO(image), "logo.png")})


def test_the_profile_is_saved_and_shows_at_once(staff: Visitor, services: FakeServices) -> None:
    page = staff.send(
        company_form(staff), name="Harbor <Two>", address="1 Quay\r\nPortland", accent_color="#7A0019"
    )
    assert "The company has been saved." in page.text
    assert page.one("//a[@class='brand']").text_content().strip() == "Harbor <Two>"
    saved = services.mailer.company
    assert (saved.address, saved.accent_color) == ("1 Quay\nPortland", "#7a0019")
    assert staff.get("/brand/theme.css").html == ":root{--accent:#7a0019}\n"


def test_what_the_mailer_refuses_stands_beside_its_field(staff: Visitor) -> None:
    page = staff.send(company_form(staff), from_address="nobody")
    assert page.status == 400
    assert page.one("//p[@id='from_address-error']").text_content() == "This is not an email address."


def test_a_phone_number_may_be_as_long_as_the_mailer_takes(staff: Visitor, services: FakeServices) -> None:
    assert staff.get(COMPANY).one("//input[@name='phone']").get("maxlength") == str(LONGEST_PHONE)
    page = staff.send(company_form(staff), phone="1" * (LONGEST_PHONE + 1))
    assert page.status == 400
    page.one("//p[@id='phone-error']")
    staff.send(company_form(staff), phone="1" * LONGEST_PHONE)
    assert services.mailer.company.phone == "1" * LONGEST_PHONE


def test_until_the_sender_is_set_the_dashboard_and_the_settings_say_so(
    staff: Visitor, services: FakeServices
) -> None:
    services.mailer.company.from_address = SHIPPED_SENDER
    hint = f"Emails come from {SHIPPED_SENDER}: set your own address"
    page = staff.get("/")
    assert f"{hint} in Settings." in page.text
    page.one(f"//main//p/a[@href='{COMPANY}']")
    assert f"{hint} below." in staff.get(COMPANY).text
    saved = staff.send(company_form(staff), from_address="billing@harbor.example")
    assert "set your own address" not in saved.text
    assert "set your own address" not in staff.get("/").text


def test_a_logo_is_kept_shown_and_removed(staff: Visitor, services: FakeServices) -> None:
    image = b"\x89PNG\r\n\x1a\n picture"
    page = save_logo(staff, image)
    assert services.mailer.company.logo == image
    assert page.one("//a[@class='brand']/img").get("src").startswith("/brand/logo?v=")
    assert staff.get("/brand/logo").data == image
    staff.send(company_form(staff), name="Still there")
    assert services.mailer.company.logo == image
    staff.send(company_form(staff), without_logo=True)
    assert services.mailer.company.logo == b""
    assert staff.get("/brand/logo").status == 404


@pytest.mark.parametrize("image", [b"<svg onload='alert(1)'/>", b"\x89PNG" + b"x" * 200_000])
def test_a_logo_that_is_no_small_image_is_refused(
    staff: Visitor, services: FakeServices, image: bytes
) -> None:
    page = save_logo(staff, image)
    assert page.status == 400
    assert "at most 200 kB" in page.one("//p[@id='logo-error']").text_content()
    assert services.mailer.company.logo == b""


def test_the_calendar_is_saved(staff: Visitor, services: FakeServices) -> None:
    form = staff.get(CALENDAR).one("//main//form")
    page = staff.send(form, time_zone="Europe/Zurich", send_at="07:30", automatic=False, sandbox=False)
    assert "The calendar has been saved." in page.text
    calendar = services.scheduler.calendar
    assert (calendar.time_zone, calendar.send_at) == ("Europe/Zurich", "07:30")
    assert (calendar.automatic, calendar.sandbox) == (False, False)
    assert "Sandbox mode." not in page.text


def test_the_present_calendar_stands_in_the_form(staff: Visitor, services: FakeServices) -> None:
    services.scheduler.calendar.time_zone = "Etc/GMT+5"
    page = staff.get(CALENDAR)
    assert page.one("//select[@id='time_zone']/option[@selected]").get("value") == "Etc/GMT+5"
    assert page.one("//input[@name='send_at']").get("value") == "09:00"
    assert page.one("//input[@name='sandbox']").get("checked") is not None


def test_an_hour_that_is_none_stands_beside_its_field(staff: Visitor) -> None:
    page = staff.send(staff.get(CALENDAR).one("//main//form"), send_at="25:00")
    assert page.status == 400
    page.one("//p[@id='send_at-error']")


def test_a_zone_that_is_not_on_the_list_is_refused(staff: Visitor, services: FakeServices) -> None:
    values = dict(staff.get(CALENDAR).one("//main//form").form_values())
    page = staff.post(CALENDAR, {**values, "time_zone": "Mars/Olympus"})
    assert page.status == 400
    assert services.scheduler.calendar.time_zone == "America/Chicago"


def test_holidays_and_quiet_hours_are_saved(staff: Visitor, services: FakeServices) -> None:
    form = staff.get(CALENDAR).one("//main//form")
    staff.send(form, country="US-TX", business_days_only=True, quiet_from="20:00", quiet_until="07:00")
    calendar = services.scheduler.calendar
    assert (calendar.country, calendar.business_days_only) == ("US-TX", True)
    assert (calendar.quiet_from, calendar.quiet_until) == ("20:00", "07:00")
    form = staff.get(CALENDAR).one("//main//form")
    assert form.xpath(".//select[@id='country']/option[@selected]")[0].text == "United States – Texas"
    staff.send(form, country="", quiet_from="", quiet_until="")
    assert (calendar.country, calendar.quiet_from, calendar.quiet_until) == ("", "", "")


def test_quiet_hours_that_cannot_be_say_why_beside_their_field(
    staff: Visitor, services: FakeServices
) -> None:
    services.scheduler.refuse["UpdateCalendar"] = invalid_field(
        "calendar.quiet_until", "QUIET_HOURS_HALF", "Say also when they end."
    )
    page = staff.send(staff.get(CALENDAR).one("//main//form"), quiet_from="20:00")
    assert page.status == 400
    assert "Say also when they end." in page.one("//p[@id='quiet_until-error']").text_content()


def test_a_place_that_is_in_use_stays_a_choice_although_nobody_knows_its_holidays(
    staff: Visitor, services: FakeServices
) -> None:
    services.scheduler.calendar.country = "ZZ"
    staff.send(staff.get(CALENDAR).one("//main//form"))
    assert services.scheduler.calendar.country == "ZZ"


def test_the_language_of_mails_and_links_to_pay_now_are_saved(staff: Visitor, services: FakeServices) -> None:
    staff.send(company_form(staff), language="de", pay_links=None)
    assert (services.mailer.company.language, services.mailer.company.pay_links) == ("de", False)
    staff.send(company_form(staff), name="Still there")
    assert (services.mailer.company.language, services.mailer.company.pay_links) == ("de", False)
