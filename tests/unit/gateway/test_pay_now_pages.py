"""What holds for every page of Pay Now: no login, no script or style in it, no trace, the company's face."""

from collections.abc import Iterator

import pytest

from services.shared.database import Database
from tests.fakes.gateway_clients import FakeServices, a_story
from tests.fakes.gateway_visitor import Page, Visitor, a_site, an_identity

HOSTILE = "<script>alert(1)</script>\"'&"


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    database = an_identity(tmp_path_factory.mktemp("identity"))
    yield database
    database.dispose()


@pytest.fixture
def services() -> FakeServices:
    return a_story()


def every_page(
    services: FakeServices, database: Database, public_url: str = "http://localhost"
) -> list[Page]:
    """Each page that a payer may come to, in the order of one visit and its mishaps."""
    payer = Visitor(a_site(services, database, public_url=public_url))
    start = payer.get("/pay")
    linked = payer.get("/pay/good-link")
    wrong = payer.send(linked.form("/pay"), amount="99999")
    methods = payer.send(linked.form("/pay"), amount="20")
    none_chosen = payer.send(methods.form("/pay/review"))
    confirmation = payer.send(methods.form("/pay/review"), method="tok_decline")
    failed = payer.send(confirmation.form("/pay/confirm"))
    again = payer.send(failed.form("/pay"))
    paid = payer.send(payer.send(again.form("/pay/review"), method="tok_approve").form("/pay/confirm"))
    expired = payer.get("/pay/expired")
    services.ledger.invoices[1].reserved_minor = services.ledger.invoices[1].balance_minor
    under_way = payer.get("/pay/good-link")
    services.paynow.is_away = True
    away = payer.get("/pay/good-link")
    services.paynow.is_away = False
    steps = [start, linked, wrong, methods, none_chosen, confirmation, failed, again, paid]
    return [*steps, expired, under_way, away]


def test_no_page_carries_script_or_style_that_the_policy_forbids(
    services: FakeServices, database: Database
) -> None:
    for page in every_page(services, database):
        assert page.tree.xpath("//script | //style | //@style | //@onclick | //@onsubmit") == [], page.path
        policy = page.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe-inline" not in policy
        assert "frame-ancestors 'none'" in policy


def test_no_page_is_kept_indexed_or_named_to_other_sites(services: FakeServices, database: Database) -> None:
    for page in every_page(services, database):
        assert page.headers["Referrer-Policy"] == "no-referrer"
        assert page.headers["X-Robots-Tag"] == "noindex, nofollow"
        assert page.headers["Cache-Control"] == "no-store"
        assert page.headers["X-Content-Type-Options"] == "nosniff"


def test_every_page_carries_the_company_and_never_ours(services: FakeServices, database: Database) -> None:
    for page in every_page(services, database):
        assert "Harbor Supply Co." in page.text
        assert "unlin" not in page.html


def test_names_of_strangers_stay_text(services: FakeServices, database: Database) -> None:
    services.mailer.company.name = HOSTILE
    services.mailer.company.address = HOSTILE
    services.ledger.invoices[1].organization_name = HOSTILE
    services.ledger.invoices[1].number = HOSTILE
    for page in every_page(services, database):
        assert "<script" not in page.html
        assert HOSTILE in page.text


def test_what_was_typed_comes_back_as_text(services: FakeServices, database: Database) -> None:
    payer = Visitor(a_site(services, database))
    page = payer.send(payer.get("/pay").form("/pay"), email=HOSTILE, invoice_number=HOSTILE, amount=HOSTILE)
    assert "<script" not in page.html
    assert page.form("/pay").fields["email"] == HOSTILE


def test_forms_work_over_https_although_no_referrer_is_sent(
    services: FakeServices, database: Database
) -> None:
    payer = Visitor(a_site(services, database, public_url="https://localhost"), scheme="https")
    page = payer.send(payer.get("/pay/good-link").form("/pay"), amount="20")
    assert page.path.startswith("/pay/method/")


def test_the_pages_do_without_the_mailer_and_still_take_payments(
    services: FakeServices, database: Database
) -> None:
    services.mailer.is_away = True
    payer = Visitor(a_site(services, database))
    methods = payer.send(payer.get("/pay/good-link").form("/pay"), amount="20")
    done = payer.send(payer.send(methods.form("/pay/review"), method="tok_approve").form("/pay/confirm"))
    assert "Thank you" in done.text
    assert "unlin" not in done.html


def test_the_logo_is_shown_with_the_name(services: FakeServices, database: Database) -> None:
    services.mailer.company.logo = b"\x89PNG\r\n\x1a\nrest"
    page = Visitor(a_site(services, database)).get("/pay")
    logo = page.one("//header//img").get("src")
    assert Visitor(a_site(services, database)).get(logo).headers["Content-Type"] == "image/png"


def test_a_way_to_pay_is_missing_is_said(services: FakeServices, database: Database) -> None:
    services.paynow.METHODS = {}
    payer = Visitor(a_site(services, database))
    page = payer.send(payer.get("/pay/good-link").form("/pay"), amount="20")
    assert "No way to pay is set up at the moment." in page.text
