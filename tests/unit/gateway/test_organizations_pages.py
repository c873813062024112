"""Organizations and invoices: what is owed, whom it goes to, what was sent, and why."""

from collections.abc import Iterator
from urllib.parse import unquote

import pytest
from flask import Flask, url_for

from services.shared.database import Database
from tests.fakes.gateway_clients import FakeServices, a_story
from tests.fakes.gateway_visitor import Visitor, a_site, an_identity

HOSTILE = "<script>alert(1)</script>\"'&"


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    database = an_identity(tmp_path_factory.mktemp("identity"))
    yield database
    database.dispose()


@pytest.fixture
def services() -> FakeServices:
    return a_story()


@pytest.fixture
def staff(services: FakeServices, database: Database) -> Visitor:
    return Visitor(a_site(services, database)).sign_in()


def test_nobody_sees_organizations_without_signing_in(services: FakeServices, database: Database) -> None:
    stranger = Visitor(a_site(services, database))
    for path in ("/organizations", "/organizations/ACME", "/invoices/1"):
        assert stranger.get(path).path == "/login"
    assert services.ledger.calls == []


def test_the_list_shows_what_each_owes_in_each_currency(staff: Visitor, services: FakeServices) -> None:
    services.add_invoice("BOLT", "B-3", days_past_due=9, balance_minor=70_000, currency="EUR")
    row = staff.get("/organizations").one("//tbody/tr[contains(., 'Bolt')]")
    is_open, past_due = row.xpath("./td[@class='num'][div]")
    assert is_open.xpath("./div/text()") == ["$9,950.50", "€700.00"]
    assert past_due.xpath("./div/text()") == ["$9,950.50", "€700.00"]


def test_a_search_finds_by_name_and_stays_in_the_field(staff: Visitor) -> None:
    page = staff.get("/organizations?q=bolt")
    assert len(page.tree.xpath("//tbody/tr")) == 1
    assert page.one("//input[@name='q']").get("value") == "bolt"


def test_a_search_without_result_says_so(staff: Visitor) -> None:
    assert "Nothing found" in staff.get("/organizations?q=nobody").text


def test_a_long_list_has_a_next_page_that_keeps_the_search(staff: Visitor, services: FakeServices) -> None:
    for number in range(60):
        services.add_organization(f"Z{number}", f"Zebra {number:02}")
    link = staff.get("/organizations?q=zebra").one("//a[@rel='next']").get("href")
    assert "q=zebra" in link
    following = staff.get(link)
    assert len(following.tree.xpath("//tbody/tr")) == 10
    assert following.one("//a[text()='First page']").get("href") == "/organizations?q=zebra"


def test_an_empty_ledger_says_what_to_do_first(database: Database) -> None:
    page = Visitor(a_site(FakeServices(), database)).sign_in().get("/organizations")
    assert "No organizations yet" in page.text
    assert page.one("//main//a[contains(., 'Import')]").get("href")


def test_an_organization_shows_address_contacts_and_which_one_is_the_default(staff: Visitor) -> None:
    page = staff.get("/organizations/ACME")
    for shown in ("4 Mill Road", "Springfield", "dana@acme.example", "ap@acme.example", "sam@acme.example"):
        assert shown in page.text
    starred = page.tree.xpath("//ul[@class='contacts']/li[contains(., 'Default')]//strong/text()")
    assert starred == ["Dana Reyes"]


def test_open_invoices_say_in_words_how_late_they_are(staff: Visitor) -> None:
    text = staff.get("/organizations/ACME").text
    assert "17 days past due" in text
    assert "due in 4 days" in text
    assert "$1,650.00" in text


def test_all_invoices_can_be_shown_with_their_status(staff: Visitor, services: FakeServices) -> None:
    paid = services.add_invoice("ACME", "PAID-1", days_past_due=40, balance_minor=100)
    paid.balance_minor = 0
    paid.status = 2
    assert "PAID-1" not in staff.get("/organizations/ACME").text
    page = staff.get("/organizations/ACME?invoices=all")
    assert "Paid" in page.one("//tr[contains(., 'PAID-1')]").text_content()


def test_the_timeline_shows_each_mail_with_its_events_and_a_way_to_see_it(staff: Visitor) -> None:
    page = staff.get("/organizations/ACME")
    mail = page.one("//details[@class='mail']")
    text = " ".join(mail.text_content().split())
    assert "Invoice INV-0042 is past due" in text
    for event in ("Queue triggered", "Queued", "Processed", "Sent"):
        assert event in text
    assert mail.xpath(".//a[contains(., 'View')]/@href") == ["/history/notice-1"]


def test_other_programs_that_are_away_do_not_hide_the_facts(staff: Visitor, services: FakeServices) -> None:
    services.mailer.is_away = services.scheduler.is_away = True
    page = staff.get("/organizations/ACME")
    assert page.status == 200
    assert "Springfield" in page.text
    assert "The history cannot be shown at this moment." in page.text
    assert staff.get("/invoices/1").status == 200


@pytest.mark.parametrize(
    "organization_id", ["a/b", "a//b", "/a", "ä ö", "100%", "a?b#c", "a;b", "🏢", "it's"]
)
def test_an_organization_is_found_by_any_id(
    staff: Visitor, services: FakeServices, organization_id: str
) -> None:
    services.add_organization(organization_id, "Strange Ids Ltd.", "who@else.example")
    link = staff.get("/organizations?q=Strange").one("//tbody//th/a").get("href")
    assert "Strange Ids Ltd." in staff.get(link).one("//h1").text_content()


def test_an_unknown_organization_or_invoice_is_not_found(staff: Visitor) -> None:
    assert staff.get("/organizations/NOBODY").status == 404
    assert staff.get("/invoices/999").status == 404


def test_names_of_strangers_stay_text(staff: Visitor, services: FakeServices) -> None:
    organization = services.ledger.organizations["ACME"]
    organization.name = organization.address = organization.type = HOSTILE
    organization.contacts[0].name = HOSTILE
    services.ledger.invoices[1].number = services.ledger.invoices[1].organization_name = HOSTILE
    services.mailer.messages[0].subject = HOSTILE
    services.mailer.messages[0].events[0].detail = HOSTILE
    services.scheduler.explanations[1].decisions[0].explanation = HOSTILE
    for path in ("/organizations", "/organizations/ACME", "/invoices/1"):
        page = staff.get(path)
        assert "<script>alert" not in page.html
        assert HOSTILE in page.text


def test_an_invoice_tells_every_decision_with_its_reason_and_what_comes_next(staff: Visitor) -> None:
    page = staff.get("/invoices/1")
    for shown in (
        "Nothing: the notice for 15 days past due has been sent.",
        "30 days past due, on ",
        "Due notice, 15 days past due",
        "The invoice is 15 days past due.",
        "RULE_REACHED",
        "17 days past due",
    ):
        assert shown in page.text
    assert page.one("//a[text()='View the email']").get("href") == "/history/notice-1"


def test_an_invoice_without_a_next_notice_says_so(staff: Visitor, services: FakeServices) -> None:
    services.scheduler.explanations[1].ClearField("next")
    assert "No further notice is to come." in staff.get("/invoices/1").text


def test_an_organization_with_several_currencies_names_them_beside_its_totals(
    staff: Visitor, services: FakeServices
) -> None:
    def names() -> list[str]:
        return [str(name.text) for name in staff.get("/organizations/BOLT").tree.xpath("//dl/div/dt")]

    assert names() == ["Open", "Past due"]
    services.add_invoice("BOLT", "B-3", days_past_due=9, balance_minor=70_000, currency="EUR")
    assert sorted(names()) == ["Open in EUR", "Open in USD", "Past due in EUR", "Past due in USD"]


@pytest.mark.parametrize(
    "organization_id",
    [
        ".",
        "..",
        "a/../b",
        "./a",
        "a/.",
        "~.",
        "~~..",
        "a/~./..",
        "...",
        "~a",
        "~",
        "a.b",
        "/",
        "%2e",
        "50 %/é?#",
    ],
)
def test_the_link_of_any_id_leads_to_it_though_browsers_fold_dots(site: Flask, organization_id: str) -> None:
    with site.test_request_context():
        link = url_for("organizations.detail", organization_id=organization_id)
        path = unquote(link)
        assert not {".", ".."} & set(path.split("/"))
        assert site.url_map.bind("localhost").match(path) == (
            "organizations.detail",
            {"organization_id": organization_id},
        )


def test_breadcrumbs_end_with_a_place_and_not_with_a_slash(staff: Visitor) -> None:
    crumbs = staff.get("/invoices/1").one("//nav[@class='crumbs']")
    assert "".join(crumbs.itertext()).split() == ["Organizations/Acme", "Corporation"]
    assert "/" not in staff.get("/organizations/ACME").one("//nav[@class='crumbs']").text_content()
