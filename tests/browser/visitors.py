"""People in front of a browser, and what must never happen before their eyes.

A `Visitor` is one person with one browser profile. Whatever the pages complain about is collected:
script errors, messages of the content security policy, answers of 500 and above, requests to other hosts.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, Response

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
DESKTOP = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}
SCREENS = Path(__file__).parents[1] / "output" / "screens"


@dataclass
class Complaints:
    """What went wrong on any page of a visitor."""

    host: str
    found: list[str] = field(default_factory=list)

    def watch(self, context: BrowserContext) -> None:
        context.on("console", self._console)
        context.on("weberror", lambda error: self.found.append(f"script error: {error.error}"))
        context.on("response", self._response)
        context.on("request", self._request)

    def _console(self, message: ConsoleMessage) -> None:
        # A refused form answers 4xx on purpose, and Chromium says so; what else it says is ours to mend.
        refused_form = message.text.startswith(
            "Failed to load resource: the server responded with a status of 4"
        )
        if message.type in ("error", "warning") and not refused_form:
            self.found.append(f"console {message.type} on {message.location.get('url')}: {message.text}")

    def _response(self, response: Response) -> None:
        is_page = response.request.is_navigation_request()
        if response.status >= 500 or (response.status >= 400 and not is_page):
            self.found.append(f"{response.status} for {response.request.method} {response.url}")

    def _request(self, request: Request) -> None:
        url = urlsplit(request.url)
        if url.scheme not in ("data", "about", "blob") and url.netloc != self.host:
            self.found.append(f"asked another host: {request.url}")


@dataclass
class Visitor:
    """One person: a page to look at, and a camera."""

    page: Page
    address: str
    complaints: Complaints

    def visit(self, path: str) -> None:
        """Goes to a path of the site, as typed into the address bar."""
        self.page.goto(path if path.startswith("http") else self.address + path)

    def photograph(self, name: str, *, phone: bool = False) -> None:
        """Saves the whole page as `name`.png, with `phone` also as it looks 390 points wide."""
        SCREENS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=SCREENS / f"{name}.png", full_page=True)
        if phone:
            self.page.set_viewport_size(PHONE)
            self.must_not_scroll_sideways()
            self.page.screenshot(path=SCREENS / f"{name}-390.png", full_page=True)
            self.page.set_viewport_size(DESKTOP)

    def must_not_scroll_sideways(self) -> None:
        """A page that is wider than the screen is broken on a phone."""
        assert self.sideways() is None, self.sideways()

    def sideways(self) -> str | None:
        """What is wrong if the page is wider than the screen."""
        wide, screen = self.page.evaluate(
            "() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]"
        )
        return f"{self.page.url} is {wide} points wide on a screen of {screen}" if wide > screen else None


@contextmanager
def visitor(
    browser: Browser, address: str, *, scripts: bool = True, phone: bool = False
) -> Iterator[Visitor]:
    """A person with a fresh profile. AssertionError at the end if any page had a complaint."""
    context = browser.new_context(
        viewport=PHONE if phone else DESKTOP,
        java_script_enabled=scripts,
        accept_downloads=True,
        locale="en-US",
    )
    complaints = Complaints(urlsplit(address).netloc)
    complaints.watch(context)
    context.set_default_timeout(15_000)
    try:
        yield Visitor(context.new_page(), address, complaints)
        assert complaints.found == []
    finally:
        context.close()
