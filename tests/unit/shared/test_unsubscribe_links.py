"""A link that unsubscribes is good for ever, for one address and one type of mail."""

import base64
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.shared import portal_links, unsubscribe_links
from services.shared.errors import Invalid
from services.shared.unsubscribe_links import UnsubscribeLink

KEY = "a key of sixteen bytes or more"
LINK = UnsubscribeLink(10, "0d4b5b1e-6f0a-4c0f-9a51-0a4f2f6a6f10", "dana@acme.example")
PLAIN = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


@given(st.integers(0, 65_535), PLAIN, PLAIN)
def test_a_link_says_what_it_was_made_of(notice_type: int, notice_id: str, local: str) -> None:
    link = UnsubscribeLink(notice_type, notice_id, f"{local}@example.test")
    assert unsubscribe_links.read(unsubscribe_links.make(link, KEY), KEY) == link


def test_a_link_shows_no_address() -> None:
    made = unsubscribe_links.make(LINK, KEY)
    assert b"dana" not in base64.urlsafe_b64decode(made + "=" * (-len(made) % 4))


@pytest.mark.parametrize("forged", ["", "a", "=" * 8, "é" * 60, "A" * 80, "A" * 5000, "\x00", "../x"])
def test_what_is_no_link_is_refused_in_words(forged: str) -> None:
    with pytest.raises(Invalid) as refused:
        unsubscribe_links.read(forged, KEY)
    assert refused.value.reason == "LINK_INVALID"


def test_cut_changed_and_foreign_links_are_refused() -> None:
    made = unsubscribe_links.make(LINK, KEY)
    other_purpose = portal_links.make(LINK.notice_id, datetime(2026, 3, 2, tzinfo=UTC), KEY)
    for changed in (made[:-1], made[1:], made + "A", made + "=", made.swapcase(), other_purpose):
        with pytest.raises(Invalid):
            unsubscribe_links.read(changed, KEY)
    with pytest.raises(Invalid):
        unsubscribe_links.read(made, "another key of sixteen bytes")
