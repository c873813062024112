"""The company's profile."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from services.mailer.domain.company import Company, CompanyInvalid, checked, contrast_with_white, mail_domain
from services.mailer.use_cases.company import get_company, update_company
from tests.fakes.mailer import COMPANY, FakeStore
from tests.fakes.mailer_pictures import jpeg_header, png_header

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
        ("logo", b"\x89PNG\r\n\x1a\n and nothing more of a picture", "LOGO_MALFORMED"),
        ("logo", b"\xff\xd8\xff and nothing more of a picture", "LOGO_MALFORMED"),
        ("logo", png_header(0, 0), "LOGO_SIZE_UNFIT"),
        ("logo", png_header(15, 16), "LOGO_SIZE_UNFIT"),
        ("logo", png_header(2001, 1000), "LOGO_SIZE_UNFIT"),
        ("logo", png_header(2**31 - 1, 2**31 - 1), "LOGO_SIZE_UNFIT"),
        ("logo", jpeg_header(16, 15), "LOGO_SIZE_UNFIT"),
        ("logo", jpeg_header(2000, 1001), "LOGO_SIZE_UNFIT"),
        ("logo", jpeg_header(65535, 65535), "LOGO_SIZE_UNFIT"),
    ],
)
def test_what_is_wrong_is_named_with_its_field(field: str, value: object, reason: str) -> None:
    with pytest.raises(CompanyInvalid) as caught:
        checked(replace(GOOD, **{field: value}))
    assert [(v.field, v.reason) for v in caught.value.violations] == [(f"company.{field}", reason)]


@pytest.mark.parametrize("picture", [png_header, jpeg_header])
@pytest.mark.parametrize(("width", "height"), [(16, 16), (2000, 1000), (400, 120)])
def test_a_logo_is_taken_in_any_size_that_suits_a_mail(
    picture: Callable[[int, int], bytes], width: int, height: int
) -> None:
    logo = picture(width, height)
    assert checked(replace(GOOD, logo=logo)).logo == logo


@pytest.mark.parametrize("picture", [png_header(400, 120), jpeg_header(400, 120)])
def test_a_logo_that_is_cut_short_anywhere_in_its_header_is_refused(picture: bytes) -> None:
    for length in range(1, len(picture)):
        with pytest.raises(CompanyInvalid) as caught:
            checked(replace(GOOD, logo=picture[:length]))
        assert [v.reason for v in caught.value.violations] == ["LOGO_MALFORMED"], length


def test_a_png_whose_header_was_changed_is_refused() -> None:
    logo = bytearray(png_header(400, 120))
    logo[19] ^= 1
    with pytest.raises(CompanyInvalid, match="Logo: the picture is damaged or cut short; save it"):
        checked(replace(GOOD, logo=bytes(logo)))


def test_a_logo_that_is_too_large_is_refused_with_the_sizes_that_are_possible() -> None:
    with pytest.raises(
        CompanyInvalid, match="is 3000 x 40 pixels; resize it to at least 16 x 16 and at most"
    ):
        checked(replace(GOOD, logo=png_header(3000, 40)))


@pytest.mark.parametrize(
    "segment", [b"\xff\xda\x00\x02", b"\xff\xd9\x00\x02", b"\xff\xe0\x00\x00", b"\x00" * 8]
)
def test_a_jpeg_without_a_frame_before_its_data_is_refused(segment: bytes) -> None:
    logo = b"\xff\xd8\xff\xfe\x00\x02" + segment + jpeg_header(400, 120)[2:]
    with pytest.raises(CompanyInvalid):
        checked(replace(GOOD, logo=logo))


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
