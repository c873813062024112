"""Who never gets a kind of mail, and that new invoices follow the list of account summaries."""

from tests.fakes.gateway_clients import FakeServices
from tests.fakes.gateway_emails import SUMMARY
from tests.fakes.gateway_visitor import Page, Visitor

SUMMARIES = "/client-emails/account-summary/exclusions"


def said(page: Page) -> str:
    return " ".join(page.one("//div[contains(@class, 'note')][@role='status']/p").text_content().split())


def test_who_gets_no_account_summaries_gets_no_emails_of_new_invoices_and_is_told_so(
    staff: Visitor,
) -> None:
    page = staff.get(f"{SUMMARIES}?q=bolt")
    assert (
        "These organizations never get account summaries by themselves, nor emails of new invoices, which "
        "follow this list. All other emails still reach them."
    ) in page.text
    page = staff.send(page.form("/add"))
    assert said(page).startswith(
        "Bolt & Sons gets no account summaries and no emails of new invoices from now on, also none that"
    )
    page = staff.send(page.form("/remove"))
    assert said(page).startswith("Bolt & Sons gets account summaries and emails of new invoices again")


def test_all_other_lists_stand_alone(staff: Visitor) -> None:
    for kind in ("due-notices", "upcoming-payments"):
        page = staff.get(f"/client-emails/{kind}/exclusions?q=bolt")
        assert "by themselves. All other emails still reach them." in page.text
        assert "new invoices" not in staff.send(page.form("/add")).text


def test_the_notification_of_new_invoices_says_whose_list_it_follows_and_how_many_are_on_it(
    staff: Visitor, services: FakeServices
) -> None:
    row, settings = "//li[.//h3[@id='kind-invoice']]", "/client-emails/invoice"
    link = f"//a[@href='{SUMMARIES}']"
    assert "Nobody" in staff.get("/client-emails").one(f"{row}{link}").text_content()
    assert staff.get(settings).one(f"//main//p{link}").text_content() == "nobody so far"
    services.emails.types[SUMMARY].excluded = 2
    page = staff.get("/client-emails")
    assert "2 organizations" in page.one(f"{row}{link}").text_content()
    assert "as from account summaries" in page.one(row).text_content()
    page = staff.get(settings)
    assert "gets no emails of new invoices either" in page.text
    assert page.one(f"//main//p{link}").text_content() == "2 organizations"
