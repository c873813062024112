"""Links to other pages of a list keep what the list is asked for, whatever else the address says."""

import pytest
from dunlin.paynow.v1.books_pb2 import Organization

from tests.fakes.gateway_clients import FakeServices
from tests.fakes.gateway_visitor import Page, Visitor

LIST = "/organizations"


@pytest.fixture
def long_list(services: FakeServices) -> None:
    for number in range(120):
        key = f"many-{number:03}"
        services.ledger.organizations[key] = Organization(organization_id=key, name=f"Many {number:03}")


def following(page: Page) -> str:
    return str(page.one("//a[@rel='next']").get("href"))


@pytest.mark.usefixtures("long_list")
@pytest.mark.parametrize(
    "asked",
    [
        "endpoint=x",
        "_method=FOO",
        "_external=1",
        "_scheme=gopher",
        "_anchor=elsewhere",
        "values=x",
        "self=x",
        "organization_id=x",
        "q=Many&q=0",
    ],
)
def test_no_argument_of_an_address_becomes_more_than_text_of_the_next_one(staff: Visitor, asked: str) -> None:
    page = staff.get(f"{LIST}?{asked}")
    assert page.status == 200
    link = following(page)
    assert link.startswith(f"{LIST}?{asked}&page=")
    assert "#" not in link
    assert staff.get(link).one("//nav[@class='pager']//a[.='First page']").get("href") == f"{LIST}?{asked}"


@pytest.mark.usefixtures("long_list")
def test_what_the_list_is_asked_for_stays_and_only_the_page_changes(staff: Visitor) -> None:
    second = staff.get(following(staff.get(f"{LIST}?q=Many+0&type=")))
    assert "Many 099" in second.text
    assert "Many 049" not in second.text
    assert "Many 100" not in second.text
