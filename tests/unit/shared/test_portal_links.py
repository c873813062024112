"""A link to the portal opens for 24 hours, and only as the mailer made it."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.shared import portal_links, unsubscribe_links
from services.shared.errors import Invalid
from services.shared.portal_links import CLOCKS_APART, LIFETIME, PortalLinkExpired
from services.shared.seal import Seal
from services.shared.unsubscribe_links import UnsubscribeLink

KEY = "a key of sixteen bytes or more"
NOW = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
NOTICE = "0d4b5b1e-6f0a-4c0f-9a51-0a4f2f6a6f10"
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def token() -> str:
    return portal_links.make(NOTICE, NOW, KEY)


@given(st.uuids().map(str), st.integers(0, 86_399))
def test_a_link_names_its_notice_all_day(notice_id: str, seconds: int) -> None:
    made = portal_links.make(notice_id, NOW, KEY)
    assert set(made) <= set(ALPHABET)
    assert portal_links.read(made, KEY, NOW + timedelta(seconds=seconds)).notice_id == notice_id


def test_a_link_opens_until_24_hours_are_over_and_then_still_names_its_notice() -> None:
    assert portal_links.read(token(), KEY, NOW + LIFETIME - timedelta(seconds=1)).notice_id == NOTICE
    with pytest.raises(PortalLinkExpired) as refused:
        portal_links.read(token(), KEY, NOW + LIFETIME)
    assert refused.value.reason == "LINK_EXPIRED"
    assert refused.value.metadata["notice_id"] == NOTICE


def test_a_clock_that_is_a_little_behind_the_mailers_opens_and_one_far_behind_does_not() -> None:
    assert portal_links.read(token(), KEY, NOW - CLOCKS_APART).notice_id == NOTICE
    with pytest.raises(PortalLinkExpired):
        portal_links.read(token(), KEY, NOW - CLOCKS_APART - timedelta(seconds=1))


def test_no_single_changed_character_goes_unnoticed() -> None:
    made = token()
    for at, character in enumerate(made):
        for other in (ALPHABET[(ALPHABET.index(character) + step) % 64] for step in (1, 2, 17)):
            with pytest.raises(Invalid):
                portal_links.read(made[:at] + other + made[at + 1 :], KEY, NOW)


@pytest.mark.parametrize(
    "forged",
    ["", "a", "====", "é" * 60, "A" * 80, "A" * 5000, " ", "../../etc", "\x00", token()[:-1], token() + "="],
)
def test_what_is_no_whole_link_is_refused_in_words(forged: str) -> None:
    with pytest.raises(Invalid) as refused:
        portal_links.read(forged, KEY, NOW)
    assert refused.value.reason == "LINK_INVALID"
    assert refused.value.violations[0].field == "token"


def test_what_is_sealed_for_another_purpose_opens_nothing() -> None:
    link = UnsubscribeLink(10, NOTICE, "dana@acme.example")
    with pytest.raises(Invalid):
        portal_links.read(unsubscribe_links.make(link, KEY), KEY, NOW)
    with pytest.raises(Invalid):
        portal_links.read(Seal(KEY, b"dunlin pay link 2").close(b"\x01" * 40), KEY, NOW)


def test_another_key_opens_nothing() -> None:
    with pytest.raises(Invalid):
        portal_links.read(token(), "another key of sixteen bytes", NOW)
