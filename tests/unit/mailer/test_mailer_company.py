"""The company's profile."""

from dataclasses import replace

import pytest

from services.mailer.domain.company import Company, CompanyInvalid, checked, contrast_with_white, mail_domain
from services.mailer.use_cases.company import get_company, update_company
from tests.fakes.mailer import COMPANY, FakeStore

GOOD = Company("Harbour", "1 Pier Road\nPortland", "+1 207 555 0100", "a@x.test", "b@x.test", "#1f4e79")


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("name", " ", "EMPTY"),
        ("name", "x" * 201, "TOO_LONG"),
        ("name", "a\r\nBcc: b@x.test", "NOT_ONE_LINE"),
        ("phone", "1\n2", "NOT_ONE_LINE"),
        ("phone", "1" * 51, "TOO_LONG"),
        ("address", "x" * 501, "TOO_LONG"),
        ("address", "a\x00b", "CONTROL_CHARACTER"),
        ("from_address", "", "EMAIL_INVALID"),
        ("from_address", "a..b@x.test", "EMAIL_INVALID"),
        ("from_address", "a@x.test\r\nBcc: b@x.test", "EMAIL_INVALID"),
        ("reply_to", "nobody", "EMAIL_INVALID"),
        ("accent_color", "red", "COLOR_MALFORMED"),
        ("accent_color", "#ffff00", "CONTRAST_TOO_LOW"),
        ("logo", b"GIF89a", "LOGO_MALFORMED"),
        ("logo", b"<svg onload=alert(1)>", "LOGO_MALFORMED"),
        ("logo", b"\x89PNG\r\n\x1a\n" + bytes(200_000), "LOGO_TOO_LARGE"),
    ],
)
def test_what_is_wrong_is_named_with_its_field(field: str, value: object, reason: str) -> None:
    with pytest.raises(CompanyInvalid) as caught:
        checked(replace(GOOD, **{field: value}))
    assert [(v.field, v.reason) for v in caught.value.violations] == [(f"company.{field}", reason)]


def test_all_mistakes_are_told_together() -> None:
    with pytest.raises(CompanyInvalid) as caught:
        checked(Company("", "", "", "x", "y", "z"))
    assert len(caught.value.violations) == 4


def test_a_profile_gets_its_normal_form() -> None:
    untidy = replace(GOOD, name=" Harbour ", address=" 1 Pier Road \r\n Portland\n", accent_color="#1F4E79")
    assert checked(untidy) == GOOD


def test_the_profile_of_a_fresh_installation_is_valid() -> None:
    assert checked(COMPANY) == COMPANY


def test_the_sender_counts_as_set_once_it_is_not_the_shipped_one() -> None:
    assert not COMPANY.sender_set
    assert not replace(GOOD, from_address=COMPANY.from_address).sender_set
    assert GOOD.sender_set


def test_contrast_is_what_wcag_says() -> None:
    assert contrast_with_white("#ffffff") == pytest.approx(1.0)
    assert contrast_with_white("#000000") == pytest.approx(21.0)
    assert contrast_with_white("#767676") == pytest.approx(4.54, abs=0.01)


def test_the_domain_of_message_ids_is_ascii() -> None:
    assert mail_domain("a@x.test") == "x.test"
    assert mail_domain("a@bücher.example") == "xn--bcher-kva.example"


def test_an_update_replaces_the_profile_and_a_wrong_one_changes_nothing() -> None:
    store = FakeStore()
    assert update_company(GOOD, begin=store.write) == GOOD
    with pytest.raises(CompanyInvalid):
        update_company(replace(GOOD, name=""), begin=store.write)
    assert get_company(begin=store.read) == GOOD
