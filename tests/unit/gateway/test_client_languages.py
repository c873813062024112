"""Pages for clients speak the client's language, whole."""

import re
import tomllib
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po
from flask import Flask
from jinja2 import Environment

from gateway.pay.forms import plain_amount, typed_amount
from gateway.site import languages
from services.shared.database import Database
from tests.fakes.gateway_clients import FakeServices
from tests.fakes.gateway_portal import DANA_EMAIL, PASSWORD, accept, invitation
from tests.fakes.gateway_visitor import Page, Visitor, a_site
from tests.unit.gateway.test_unsubscribe_pages import link as unsubscribe_link

ROOT = Path(__file__).parents[3]
GATEWAY = ROOT / "gateway"
OTHERS = sorted(set(languages.LANGUAGES) - {languages.ENGLISH.tag})
SAME = {"Test: %(behaviour)s"}
"""What is the same in German."""


def catalogue(tag: str) -> Catalog:
    with (languages.TEXTS / f"{tag}.po").open("rb") as file:
        return read_po(file, locale=tag, abort_invalid=True)


def sentences() -> set[str | tuple[str, ...]]:
    """Every sentence that is marked, as `make texts` finds it."""
    mappings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["babel"]["mappings"]
    methods = [(one["pattern"], one["method"]) for one in mappings]
    options = {one.pop("pattern"): one for one in map(dict, mappings)}
    return {found[2] for found in extract_from_dir(GATEWAY, methods, options)}


@pytest.mark.parametrize("tag", OTHERS)
def test_no_sentence_lacks_a_translation_and_none_is_left_over(tag: str) -> None:
    said = {message.id: message for message in catalogue(tag) if message.id}
    assert sentences() == set(said), "run make texts, and translate what is new"
    for message in said.values():
        texts = message.string if isinstance(message.string, tuple) else (message.string,)
        assert all(texts), f"{message.id} has no words"
        assert not message.fuzzy, message.id
        assert message.check() == [], message.id
        assert message.id in SAME or message.id not in texts, f"{message.id} is still English"


def bare_texts(path: Path) -> list[str]:
    """What a template says without marking it."""
    data, is_marked = [], False
    lexed = Environment(extensions=["jinja2.ext.i18n"], autoescape=True).lex(path.read_text())
    tokens = iter([token for token in lexed if token[1] != "whitespace"])
    for _, kind, value in tokens:
        if kind == "block_begin":
            word = next(tokens)[2]
            if word == "block" and next(tokens)[2] == "body_class":
                word = "trans"  # a name in a style sheet
            is_marked = word == "trans" or (is_marked and word == "pluralize")
        elif kind == "data" and not is_marked:
            data.append(value)
        elif kind == "variable_begin":
            data.append("\0")
    html = re.sub(r"<!--.*?-->", "", "".join(data), flags=re.S)
    shown = re.findall(r'(?:aria-label|title|alt|placeholder)="([^"]*)"', html)
    shown += re.sub(r"<[^>]*>", "\n", html).split("\n")
    return [text.strip() for text in shown if re.search(r"[A-Za-z]{2}", text)]


@pytest.mark.parametrize(
    "path",
    sorted([*GATEWAY.glob("templates/portal/*.html"), *GATEWAY.glob("templates/pay/*.html")]),
    ids=lambda path: f"{path.parent.name}/{path.name}",
)
def test_no_template_for_clients_says_what_is_not_marked(path: Path) -> None:
    assert bare_texts(path) == []


def test_what_is_not_marked_would_be_found(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text(
        '<p class="x">{% trans %}Marked{% endtrans %} bare {{ _("marked") }}</p>'
        '<a aria-label="Two words">·</a>'
    )
    assert bare_texts(page) == ["Two words", "bare \0"]


@pytest.fixture
def site(services: FakeServices, own_database: Database) -> Flask:
    for organization in services.ledger.organizations.values():
        organization.language = "de-AT"
    services.mailer.messages[0].language = "de"
    return a_site(services, own_database)


ENGLISH_SENTENCES = [
    message.id
    for message in catalogue("de")
    if isinstance(message.id, str) and message.id.count(" ") >= 2 and "%(" not in message.id
]


def in_german(page: Page) -> Page:
    """The page, which says nothing in English."""
    assert page.one("/html").get("lang") == "de", page.path
    assert [sentence for sentence in ENGLISH_SENTENCES if sentence in page.text] == [], page.path
    return page


def test_from_a_german_invitation_to_a_receipt_everything_is_german(
    site: Flask, services: FakeServices
) -> None:
    services.add_invoice("ACME", "M-1", days_past_due=1, balance_minor=123_456, currency="EUR")
    visitor, path = Visitor(site, speaks="en-US,en;q=0.9"), invitation(services)
    page = in_german(visitor.get(path))
    assert "Willkommen, Dana Reyes" in page.text
    page = in_german(visitor.send(page.form(path), password="kurz", again="kurz"))
    assert "Ein Passwort hat 10 bis 200 Zeichen" in page.text
    home = in_german(accept(visitor, path))
    assert "Ihr Passwort ist festgelegt." in home.text
    assert "1.234,56\xa0€" in home.html
    assert "Seit 1 Tag überfällig" in home.text
    assert "Seit 17 Tagen überfällig" in home.text
    page = in_german(visitor.get(home.one("//a[@aria-label='Rechnung M-1 bezahlen']").get("href")))
    assert page.form("/pay").fields["amount"] == "1234,56"
    page = in_german(visitor.send(page.form("/pay"), amount="5000"))
    assert "Dieser Betrag kann auf diese Rechnung nicht gezahlt werden." in page.text
    page = in_german(visitor.send(page.form("/pay"), amount="1.000,50"))
    assert "Rechnung M-1 1.000,50 €" in page.text
    page = in_german(visitor.send(page.form("/pay/review"), method="tok_approve"))
    done = in_german(visitor.send(page.form("/pay/confirm")))
    assert "Vielen Dank" in done.text
    assert "Test card mit den Endziffern 4242" in done.text
    in_german(visitor.send(visitor.get("/portal").form("/portal/logout")))


def test_every_page_on_the_way_in_is_german_for_a_german_browser(site: Flask, services: FakeServices) -> None:
    visitor = Visitor(site, speaks="de-DE,de;q=0.9,en;q=0.5")
    for path in (
        "/pay",
        "/portal/login",
        "/portal/forgot",
        "/portal/nothing",
        "/pay/a/b",
        "/portal/welcome/x",
    ):
        in_german(visitor.get(path))
    in_german(visitor.get("/pay/expired"))
    in_german(visitor.get("/pay/method/no-such-quote"))
    page = in_german(visitor.send(visitor.get("/pay").form("/pay"), email="dana", invoice_number="1"))
    assert "Geben Sie eine vollständige E-Mail-Adresse ein" in page.text
    page = in_german(visitor.send(page.form("/pay"), email=DANA_EMAIL, amount="1.234"))
    assert "Wir haben keine Rechnung" in page.text
    page = in_german(visitor.send(visitor.get("/portal/login").form("/portal/login"), email="", password=""))
    assert "Geben Sie Ihr Passwort ein." in page.text
    in_german(visitor.send(visitor.get("/portal/forgot").form("/portal/forgot"), email=DANA_EMAIL))
    in_german(visitor.send(visitor.get("/portal/forgot").form("/portal/forgot"), email=""))
    in_german(visitor.post("/portal/login", {"email": DANA_EMAIL}))
    form = visitor.get("/pay").form("/pay")
    limited = [visitor.send(form, email=DANA_EMAIL) for _ in range(10)]
    assert in_german(limited[-1]).status == 429


def test_an_amount_means_what_it_meant_on_the_page_it_was_typed_on(
    site: Flask, services: FakeServices
) -> None:
    services.add_invoice("ACME", "M-1", days_past_due=1, balance_minor=2_000_000, currency="KWD")
    visitor = Visitor(site, speaks="de")
    form = in_german(visitor.get("/pay")).form("/pay")
    visitor.take_cookie("en", languages.COOKIE)  # another tab went on in English
    typed = {"email": DANA_EMAIL, "invoice_number": "M-1"}
    page = in_german(visitor.send(form, **typed, amount="5.000,5"))
    assert page.form("/pay").fields["amount"] == "5.000,5"
    visitor.send(form, **typed, amount="1,234")
    assert services.paynow.requests("Validate")[-1].amount == "1.234"
    assert visitor.post("/pay", {**dict(form.form_values()), "language": "xx", "amount": ""}).status == 422


@pytest.mark.parametrize("language", ["de", ""])
def test_unsubscribing_is_in_the_language_of_the_mail(
    site: Flask, services: FakeServices, language: str
) -> None:
    services.mailer.messages[0].language = language
    visitor = Visitor(site, speaks="en")
    page = visitor.get(unsubscribe_link())
    assert page.one("/html").get("lang") == (language or "en")
    if language:
        assert "Keine Kontoübersichten mehr?" in in_german(page).text
        done = in_german(visitor.send(page.form("/unsubscribe")))
        assert "Sie haben diese E‑Mails abbestellt" in done.text
        in_german(visitor.send(done.form("/undo")))


def test_links_that_do_not_open_and_forms_for_accounts_are_german(
    site: Flask, services: FakeServices
) -> None:
    visitor, path = Visitor(site), invitation(services)
    accept(visitor, path)
    in_german(visitor.get(path))
    stranger = Visitor(site)
    again = invitation(services)
    page = in_german(stranger.get(again))
    assert "Sie haben schon ein Konto" in page.text
    in_german(stranger.send(page.form("/join"), password="falsch"))
    in_german(stranger.get(f"{again}?anew=1"))
    in_german(Visitor(site).get(invitation(services, reset=True)))
    assert in_german(stranger.get("/portal/login")).status == 200, "the browser keeps it"
    services.accounts.contact(1).profile_id = ""
    in_german(visitor.get("/portal"))


def test_a_pay_link_and_all_after_it_are_in_the_language_of_the_organization(site: Flask) -> None:
    page = in_german(Visitor(site, speaks="en").get("/pay/good-link"))
    assert "Rechnung INV-0042 bezahlen" in page.text
    assert page.form("/pay").fields["amount"] == "1250,00"


def test_that_an_invoice_was_not_found_is_said_in_the_language_asked_in(site: Flask) -> None:
    """A German answer to an English browser would tell that the address is a client's."""
    visitor = Visitor(site, speaks="en")
    for email in (DANA_EMAIL, "nobody@acme.example"):
        page = visitor.send(visitor.get("/pay").form("/pay"), email=email, invoice_number="none", amount="1")
        assert page.one("/html").get("lang") == "en"


def test_pages_for_staff_are_english_whatever_the_browser_wants(site: Flask) -> None:
    staff = Visitor(site, speaks="de").sign_in()
    staff.get("/pay/good-link")
    page = staff.get("/organizations/ACME")
    assert page.one("/html").get("lang") == "en"
    assert "$1,250.00" in page.text


@pytest.mark.parametrize(
    ("of_company", "of_organization", "spoken"),
    [
        ("en", "de", "de"),
        ("en", "de-CH", "de"),
        ("de", "", "de"),
        ("de", "fr", "de"),
        ("en", "fr", "en"),
        ("", "", "en"),
    ],
)
def test_a_link_is_in_the_organizations_language_else_the_companys(
    site: Flask, services: FakeServices, of_company: str, of_organization: str, spoken: str
) -> None:
    other = {"de": "en", "en": "de"}[spoken]
    services.mailer.company.language = of_company
    services.ledger.organizations["ACME"].language = of_organization
    assert Visitor(site, speaks=other).get("/pay/good-link").one("/html").get("lang") == spoken


@pytest.mark.parametrize(
    ("of_company", "browser", "spoken"),
    [("en", "de", "de"), ("de", "en-GB", "en"), ("de", "fr", "de"), ("de", "", "de"), ("en", "fr,de", "de")],
)
def test_where_nothing_is_known_the_browser_is_asked_else_the_company(
    site: Flask, services: FakeServices, of_company: str, browser: str, spoken: str
) -> None:
    services.mailer.company.language = of_company
    assert Visitor(site, speaks=browser).get("/pay").one("/html").get("lang") == spoken


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("50", "50"),
        ("50,5", "50.5"),
        ("1234,50", "1234.50"),
        ("1.234,50 €", "1234.50"),
        ("EUR 1.234.567,50", "1234567.50"),
        ("12.5", "12.5"),
        ("1250.00", "1250.00"),
        # What can mean two amounts becomes none.
        ("1.234", "1,234"),
        ("1,234.50", "1.234,50"),
    ],
)
def test_an_amount_is_typed_as_the_language_of_the_page_has_it(site: Flask, typed: str, meant: str) -> None:
    with site.test_request_context("/pay"):
        languages.speak("de")
        assert plain_amount(typed) == meant


def test_a_shown_amount_can_be_sent_back(site: Flask) -> None:
    for tag in languages.LANGUAGES:
        with site.test_request_context("/pay"):
            languages.speak(tag)
            for minor, currency in ((123_456, "EUR"), (1_234, "KWD"), (5, "USD"), (1_234, "JPY")):
                plain = plain_amount(typed_amount(minor, currency))
                assert plain == typed_amount(minor, currency).replace(",", "."), (tag, currency)


def test_the_cookie_names_a_language_and_nothing_else(site: Flask) -> None:
    visitor = Visitor(site)
    page = visitor.get("/pay/good-link")
    (cookie,) = [one for one in page.headers.getlist("Set-Cookie") if one.startswith(languages.COOKIE)]
    assert cookie.startswith(f"{languages.COOKIE}=de; ")
    assert "HttpOnly" in cookie
    visitor.take_cookie("<script>", languages.COOKIE)
    assert visitor.get("/pay").one("/html").get("lang") == "en"
    assert urlsplit(page.path).path == "/pay/good-link"
    assert PASSWORD not in cookie
