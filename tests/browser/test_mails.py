"""Every mail in a browser: on a desk and on a phone, in light and dark, and for those who listen to it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from playwright.sync_api import Browser, Page

from services.mailer.domain.company import Profile
from services.mailer.domain.letter import Invoice, LineStatus, Summary, SummaryLine
from services.mailer.domain.message import Claimed
from services.mailer.domain.sample import sample_letter
from services.mailer.domain.shipped import SHIPPED
from services.mailer.domain.templates import Key, Template, TemplateType
from services.mailer.mime import body_of
from tests.browser.axe import must_be_accessible
from tests.browser.gallery import COMPANY, DESK, PHONE, PRESS, TODAY
from tests.fakes.clock import SetClock

EDGES = """[...document.querySelectorAll("h1, .text p, .facts, .list, .act table, .portal a")]
    .map(one => one.getBoundingClientRect().left)"""

pytestmark = pytest.mark.browser


def _sideways(page: Page) -> int:
    return int(page.evaluate("document.documentElement.scrollWidth")) - page.viewport_size["width"]


@pytest.mark.parametrize("key", SHIPPED, ids=str)
def test_a_mail_fits_the_screen_and_can_be_listened_to(browser: Browser, key: Key) -> None:
    mail = PRESS.preview(key, SHIPPED[key], Profile(COMPANY, 1), TODAY)
    for width, scheme in ((DESK, "light"), (PHONE, "light"), (DESK, "dark"), (PHONE, "dark")):
        with browser.new_context(
            viewport={"width": width, "height": 700}, color_scheme=scheme, offline=True
        ) as context:
            page = context.new_page()
            page.set_content(mail.html)
            assert _sideways(page) <= 0, f"{width} {scheme}"
            if width == PHONE:
                assert set(page.evaluate(EDGES)) == {20}, "everything begins at one edge"
            if (width, scheme) in ((DESK, "light"), (PHONE, "dark")):
                # A mail is no page of a site: its reader brings the landmarks.
                must_be_accessible(page, without=("landmark-one-main", "region"))


@pytest.mark.parametrize("width", [DESK, PHONE])
def test_long_names_wrap_instead_of_widening_a_summary(browser: Browser, width: int) -> None:
    number = "INV-" + "0123456789" * 19
    invoice = Invoice(1, number, TODAY, TODAY, 10**12, 10**12, "USD", "t")
    letter = sample_letter(TemplateType.ACCOUNT_SUMMARY, TODAY)
    assert isinstance(letter.about, Summary)
    summary = replace(letter.about, lines=(SummaryLine(invoice, LineStatus.PAST_DUE),))
    letter = replace(letter, organization_name="W" * 200, about=summary)
    key, at = Key(letter.type), SetClock().now()
    message = Claimed(1, "n-1", "<n-1@x.test>", "a", at)
    template = Template(key, 1, SHIPPED[key], at, "")
    mail = body_of(PRESS.write(letter, template, Profile(COMPANY, 1), message, at).mime)
    page = browser.new_page(viewport={"width": width, "height": 700})
    page.set_content(mail.html)
    assert _sideways(page) <= 0
    page.close()
