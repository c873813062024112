"""A pay link proves that we put this invoice and this address together, for 60 days."""

import base64
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.paynow.domain.links import LinkExpired, PayLinks
from services.shared.errors import Invalid
from tests.fakes.paynow_payments import payable

NOW = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
links = PayLinks("a key of sixteen bytes or more")


@given(st.integers(1, 2**63 - 1), st.text(max_size=100).filter(lambda text: "\ud800" not in text))
def test_a_link_opens_to_what_it_was_made_for(invoice_id: int, local: str) -> None:
    email = local.encode(errors="replace").decode() + "@example.test"
    link = links.open(links.make(payable(invoice_id), email, NOW), NOW)
    assert (link.invoice_id, link.email, link.issued_at) == (invoice_id, email, NOW)


def test_a_token_needs_no_escaping_in_a_url() -> None:
    token = links.make(payable(7), "ünïcode+tag@example.test", NOW)
    assert set(token) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


def test_a_link_opens_until_its_sixtieth_day_is_over() -> None:
    token = links.make(payable(7), "a@example.test", NOW)
    assert links.open(token, NOW + timedelta(days=60, seconds=-1)).invoice_id == 7
    with pytest.raises(LinkExpired) as refused:
        links.open(token, NOW + timedelta(days=60))
    assert refused.value.reason == "LINK_EXPIRED"


def test_no_single_changed_character_goes_unnoticed() -> None:
    token = links.make(payable(7), "a@example.test", NOW)
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    for at, character in enumerate(token):
        for other in (alphabet[(alphabet.index(character) + step) % 64] for step in (1, 2, 17)):
            with pytest.raises(Invalid) as refused:
                links.open(token[:at] + other + token[at + 1 :], NOW)
            assert refused.value.reason == "LINK_INVALID"


@pytest.mark.parametrize("token", ["", "a", "====", "é" * 60, "A" * 2000, "A" * 80, " ", "../../etc", "\x00"])
def test_what_is_no_token_is_refused_in_words(token: str) -> None:
    with pytest.raises(Invalid) as refused:
        links.open(token, NOW)
    assert refused.value.reason == "LINK_INVALID"
    assert refused.value.violations[0].field == "token"


def test_a_token_shows_neither_address_nor_number() -> None:
    token = links.make(payable(7, number="INV-SECRET"), "somebody@example.test", NOW)
    shown = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    assert b"somebody" not in shown
    assert b"INV-SECRET" not in shown


def test_cut_and_padded_tokens_are_refused() -> None:
    token = links.make(payable(7), "a@example.test", NOW)
    for changed in (token[:-1], token[1:], token + "A", token + "=", token + "\n"):
        with pytest.raises(Invalid):
            links.open(changed, NOW)


def test_another_key_opens_nothing() -> None:
    with pytest.raises(Invalid):
        PayLinks(b"another key of sixteen bytes").open(links.make(payable(7), "a@example.test", NOW), NOW)


def test_a_short_key_stops_the_start() -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        PayLinks("short")
