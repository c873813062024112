"""A number that no service could take is not found, or refused beside its form; never a fault of ours."""

import pytest

from tests.fakes.gateway_clients import FakeServices
from tests.fakes.gateway_visitor import Visitor

TEMPLATE = "/client-emails/templates/payment-succeeded"
RULES = "/client-emails/due-notices/rules"
THOUSANDS_OF_DIGITS = "9" * 5000


@pytest.mark.parametrize(
    "path",
    [
        "/invoices/9223372036854775808",
        f"/invoices/{THOUSANDS_OF_DIGITS}",
        f"{TEMPLATE}/versions/2147483648",
        f"{TEMPLATE}/versions/99999999999",
        f"{TEMPLATE}/versions/-1",
    ],
)
def test_a_page_of_a_number_that_cannot_be_is_not_found(staff: Visitor, path: str) -> None:
    assert staff.get(path).status == 404


@pytest.mark.parametrize(
    "path",
    [
        f"{RULES}/99999999999/turn-on",
        f"{RULES}/-99999999999/turn-off",
        f"{RULES}/99999999999/remove",
        f"{RULES}/2147483648/remove",
        f"{TEMPLATE}/versions/99999999999/restore",
    ],
)
def test_a_button_for_a_number_that_cannot_be_is_not_found(staff: Visitor, path: str) -> None:
    token = staff.get("/client-emails/due-notices").tree.xpath("//input[@name='csrf_token']")[0].get("value")
    values = {"csrf_token": token, "enabled": "yes", "base_version": "1"}
    assert staff.post(path, values).status == 404


@pytest.mark.parametrize("path", ["/invoices/9223372036854775807", f"{TEMPLATE}/versions/2147483647"])
def test_the_largest_number_that_fits_is_asked_for(staff: Visitor, services: FakeServices, path: str) -> None:
    assert staff.get(path).status == 404
    stub, method = (services.ledger, "GetInvoice") if "invoices" in path else (services.mailer, "GetTemplate")
    assert stub.requests(method) != []


@pytest.mark.parametrize("base_version", ["99999999999", "-1", "2147483648", THOUSANDS_OF_DIGITS, "²"])
@pytest.mark.parametrize("target", [TEMPLATE, f"{TEMPLATE}/versions/1/restore"])
def test_a_version_to_start_from_that_cannot_be_saves_nothing(
    staff: Visitor, services: FakeServices, base_version: str, target: str
) -> None:
    form = staff.get(TEMPLATE).one("//form[.//textarea]")
    values = {**dict(form.form_values()), "base_version": base_version}
    assert staff.post(target, values).status == 400
    assert services.mailer.requests("SaveTemplate") == []


def test_a_list_filtered_by_a_number_that_cannot_be_shows_all(staff: Visitor) -> None:
    assert staff.get(f"/payments?state={THOUSANDS_OF_DIGITS}").status == 200
