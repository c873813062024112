"""Every page for clients in each language, light and dark, on a phone: accessible, whole, in its language."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import pytest
from playwright.sync_api import Browser

from gateway.site.languages import LANGUAGES
from tests.browser.axe import must_be_accessible
from tests.browser.client_tour import ClientTour
from tests.browser.fake_site import FakeSite, fake_site
from tests.browser.visitors import visitor

pytestmark = [pytest.mark.browser, pytest.mark.timeout(900)]


@pytest.fixture
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeSite]:
    with fake_site(tmp_path_factory.mktemp("clients")) as site:
        yield site


@pytest.mark.parametrize(("tag", "scheme"), [*((tag, "light") for tag in sorted(LANGUAGES)), ("de", "dark")])
def test_every_page_for_clients_is_accessible_and_fits_a_phone(
    browser: Browser, site: FakeSite, tag: str, scheme: Literal["light", "dark"]
) -> None:
    with visitor(browser, site.address, phone=True) as client:
        client.page.emulate_media(color_scheme=scheme)
        tour = ClientTour(client, site.services)
        tour.furnish(tag)
        seen = []
        for name in tour.pages():
            seen.append(name)
            assert client.page.locator("html").get_attribute("lang") == tag, name
            client.must_not_scroll_sideways()
            must_be_accessible(client.page)
            if scheme == "light" and tag != "en":
                client.photograph(f"client-{tag}-{name}")
        assert len(seen) == len(set(seen)) > 40
