"""A card number is never taken for a token, and never repeated."""

import pytest

from services.paynow.domain.methods import MethodUnknown, digest, must_be_a_token


@pytest.mark.parametrize(
    "text",
    ["4242424242424242", "4242 4242 4242 4242", "4242-4242-4242-4242", "378282246310005", "4000000000002",
     "6304000000000000000", "card:4242424242424242", "4242.4242.4242.4242", " 4242424242424242\n",
     "٤٢٤٢٤٢٤٢٤٢٤٢٤٢٤٢", "DE89370400440532013000", "4242_4242_4242_4242", "42424242\u00a042424242"],
)  # fmt: skip
def test_what_looks_like_a_card_or_account_number_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(MethodUnknown) as refused:
        must_be_a_token(text)
    assert refused.value.reason == "METHOD_UNKNOWN"
    assert "looks like a card" in refused.value.message
    assert not any(character.isdigit() for character in refused.value.message)


@pytest.mark.parametrize("text", ["", "x" * 201, "a\nb", "pm_é", "\x00"])
def test_what_no_provider_would_make_is_refused(text: str) -> None:
    with pytest.raises(MethodUnknown):
        must_be_a_token(text)


@pytest.mark.parametrize("text", ["sandbox_approve", "pm_1NO6mA2eZvKYlo2CEydeHsKT", "tok_123456789012"])
def test_tokens_of_providers_pass(text: str) -> None:
    must_be_a_token(text)


def test_a_digest_tells_tokens_apart_and_does_not_contain_them() -> None:
    assert digest("sandbox_approve") == digest("sandbox_approve") != digest("sandbox_decline")
    assert "sandbox" not in digest("sandbox_approve")
