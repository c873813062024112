"""Pictures of every mail as clients get it: `make gallery` writes docs/gallery anew.

Each type with sample data, as wide as a mail program shows it on a desk (600 pixels) and on a phone (360);
some of them dark, and some in German.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from services.mailer.domain.company import Company, Profile
from services.mailer.domain.languages import LANGUAGES
from services.mailer.domain.shipped import SHIPPED
from services.mailer.domain.templates import Key, TemplateType
from services.mailer.rendering import MailPress
from tests.browser.find_chromium import find_chromium
from tests.browser.small_png import small_png
from tests.browser.visitors import ARGUMENTS

FOLDER = Path(__file__).parents[2] / "docs/gallery"
TODAY = date(2026, 3, 4)
DESK, PHONE = 600, 360
PRESS = MailPress("https://pay.example.test")
COMPANY = Company(
    name="Dunlin & Daughters IT",
    address="40 Ferry Street\nPort Ellery, ME 04101",
    phone="+1 207 555 0142",
    reply_to="billing@example.test",
    from_address="billing@example.test",
    accent_color="#0b5c6b",
)
LOGO = """
<body style="margin:0">
<div style="display:inline-block;padding:8px 2px;font:700 44px sans-serif;color:#0b5c6b">
<span style="color:#d97706">◗</span> Dunlin</div></body>
"""
WITH_LOGO = (TemplateType.ACCOUNT_SUMMARY, TemplateType.WELCOME, TemplateType.INVOICE)
LANGUAGE_NAMES = {language.tag: language.name for language in LANGUAGES}
DARK = (TemplateType.DUE_NOTICE_AFTER, TemplateType.ACCOUNT_SUMMARY)
GERMAN = (TemplateType.DUE_NOTICE_AFTER, TemplateType.ACCOUNT_SUMMARY, TemplateType.UPCOMING_PAYMENTS)


@dataclass(frozen=True)
class Shot:
    """One picture."""

    key: Key
    width: int
    dark: bool = False

    @property
    def name(self) -> str:
        """Of its file."""
        dark = "-dark" if self.dark else ""
        return f"{self.key.type.value}-{self.key.language}-{self.width}{dark}.png"


def shots() -> Iterator[Shot]:
    """All pictures of the gallery, in the order in which it shows them."""
    for width in (DESK, PHONE):
        for type in TemplateType:
            yield Shot(Key(type, "en"), width)
        for type in GERMAN:
            yield Shot(Key(type, "de"), width)
        for type in DARK:
            yield Shot(Key(type, "en"), width, dark=True)


def drawn_logo(browser: Browser) -> bytes:
    """A logo as a company might have one."""
    page = browser.new_page(viewport={"width": 400, "height": 96})
    page.set_content(LOGO)
    picture = page.locator("div").screenshot(omit_background=True)
    page.close()
    return picture


def photographed(browser: Browser, shot: Shot, logo: bytes) -> bytes:
    """The whole mail, however long; fails if it is wider than the screen."""
    company = replace(COMPANY, logo=logo if shot.key.type in WITH_LOGO else b"")
    mail = PRESS.preview(shot.key, SHIPPED[shot.key], Profile(company, 1), TODAY)
    context = browser.new_context(
        viewport={"width": shot.width, "height": 400},
        color_scheme="dark" if shot.dark else "light",
        offline=True,
    )
    with context:
        page = context.new_page()
        page.set_content(mail.html)
        wide = page.evaluate("document.documentElement.scrollWidth")
        if wide > shot.width:
            raise SystemExit(f"{shot.name} is {wide} pixels wide.")
        return small_png(page, page.screenshot(full_page=True))


def index() -> Iterator[str]:
    """The page that shows the pictures."""
    yield "# The mails of Dunlin"
    yield ""
    yield "Each with sample data and the text that Dunlin ships, on a desk and on a phone. `make gallery`"
    yield "makes these pictures anew."
    for type in TemplateType:
        yield f"\n## {type.value.replace('_', ' ').capitalize()}\n"
        of_type = [shot for shot in shots() if shot.key.type is type]
        for shot in of_type:
            language, dark = LANGUAGE_NAMES[shot.key.language], ", dark" if shot.dark else ""
            look = f"{type.value.replace('_', ' ')}, {language}, {shot.width} pixels{dark}"
            yield f'<img src="{shot.name}" alt="{look}" width="{shot.width // 2}">'
    yield ""


def main(folder: Path = FOLDER) -> None:
    """Writes the pictures and the page that shows them."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.png"):
        old.unlink()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=ARGUMENTS)
        logo = drawn_logo(browser)
        for shot in shots():
            (folder / shot.name).write_bytes(photographed(browser, shot, logo))
        browser.close()
    (folder / "README.md").write_text("\n".join(index()), encoding="utf-8")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
