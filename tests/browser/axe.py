"""What axe-core finds wrong with a page for people who cannot see it, hear it, or use a mouse."""

from __future__ import annotations

from collections.abc import Mapping

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

RULES = {
    "runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]},
    "resultTypes": ["violations"],
}
"""WCAG 2.1 to level AA, and what is good practice beyond it."""


COLORS_ALONE = {"runOnly": {"type": "rule", "values": ["color-contrast"]}, "resultTypes": ["violations"]}
"""What may differ between a page in light and in dark colours."""


def must_be_accessible(page: Page, *, without: tuple[str, ...] = ()) -> None:
    """Fails with every violation on the page as it stands, but for the rules named.

    Runs in the page, so that it sees what scripts have made of it; frames that a page shuts off are left out.
    """
    told = violations(page, {**RULES, "rules": {name: {"enabled": False} for name in without}})
    assert told == [], f"on {page.url}:\n" + "\n".join(told)


def violations(page: Page, options: Mapping[str, object] = RULES) -> list[str]:
    """The same as a list of what is wrong and where; empty for a page that is accessible."""
    return [
        f"{one['id']} ({one['impact']}): {one['help']}\n"
        + "\n".join(f"    {' '.join(node['html'].split())[:160]}" for node in one["nodes"])
        for one in Axe().run(page, options=dict(options)).response["violations"]
    ]
