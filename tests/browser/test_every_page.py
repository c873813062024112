"""Every page that staff can reach: no complaint, nothing wider than a phone, no dead link, all accessible."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta
from urllib.parse import urldefrag, urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.axe import COLORS_ALONE, violations
from tests.browser.visitors import DESKTOP, PHONE, visitor
from tests.e2e.acts import drain, email_of, pay, record, set_calendar, set_rules, sync, tick
from tests.e2e.company import Company, running_company

pytestmark = [pytest.mark.browser, pytest.mark.timeout(400)]

MOST_PAGES = 90
# Long words, markup and right-to-left letters, so that a page that breaks by content breaks here.
NAMES = [
    "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft mbH & Co. KG",
    "<b>Bold</b> & \"Partners\" 'n' Sons",
    "شركة المحيط",
    "X" * 200,
]


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    with running_company(tmp_path_factory.mktemp("pages") / "home", "--sample") as company:
        set_calendar(company.clients)
        set_rules(company.clients, -5, 15, 30)
        today = date.today()
        for at, name in enumerate(NAMES):
            line = record(f"Odd{at}", "9" * 100 if at == 3 else f"N/{at}", today - timedelta(days=20),
                          organization_name=name, contact_name=name)  # fmt: skip
            assert sync(company.clients, line).added == 1
        tick(company.clients, today)
        pay(company.clients, "Odd1", "N/1", "10.00")
        drain(company.clients)
        assert email_of("Odd1") in "".join(mail["To"] for mail in company.mails())
        yield company


def test_no_page_has_a_complaint_or_a_dead_link_or_is_wider_than_a_phone_or_shuts_anybody_out(
    browser: Browser, company: Company
) -> None:
    with visitor(browser, company.address) as staff:
        staff.visit("/login")
        email, password = company.login
        staff.page.get_by_label("Email").fill(email)
        staff.page.get_by_label("Password").fill(password)
        staff.page.get_by_role("button", name="Sign in").click()
        expect(staff.page.get_by_role("heading", level=1)).to_have_text("Dashboard")

        waiting, seen, wrong, kinds = ["/"], {"/"}, [], set[str]()
        while waiting and len(seen) - len(waiting) < MOST_PAGES:
            path = waiting.pop(0)
            answer = staff.page.goto(company.address + path)
            if answer is None or answer.status != 200:
                wrong.append(f"{path} answers {answer and answer.status}")
                continue
            staff.page.set_viewport_size(PHONE)
            if trouble := staff.sideways():
                wrong.append(trouble)
            staff.page.set_viewport_size(DESKTOP)
            if (kind := kind_of(path)) not in kinds:
                kinds.add(kind)
                wrong += [f"{path}: {one}" for one in shuts_out(staff.page)]
            for link in staff.page.locator("a[href]:not([download])").evaluate_all(
                "all => all.map(a => a.href)"
            ):
                url = urlsplit(urldefrag(link).url)
                target = url.path + (f"?{url.query}" if url.query else "")
                is_page = url.netloc == urlsplit(company.address).netloc and not is_file(url.path)
                if is_page and target not in seen:
                    seen.add(target)
                    waiting.append(target)
        assert not wrong, "\n".join(wrong)
        assert len(seen) > 40, "the walk must come around"


def kind_of(path: str) -> str:
    """What pages of one kind have in common: their path without ids. What shuts people out is common too."""
    return re.sub(r"[^/]*\d[^/]*", "#", urlsplit(path).path)


def shuts_out(page: Page) -> list[str]:
    """What keeps people from using the page as it stands, in light and in dark colours."""
    found = violations(page)
    # Without motion the colours change at once, and none is looked at halfway.
    page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    found += [f"in the dark: {one}" for one in violations(page, COLORS_ALONE)]
    page.emulate_media(color_scheme="light", reduced_motion="no-preference")
    return found


def is_file(path: str) -> bool:
    """Whether the path leads to a download or to one frame's content."""
    return path.endswith((".eml", ".csv", "/export", "/body"))
