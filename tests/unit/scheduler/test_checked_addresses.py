"""Which addresses get no mail, said to a person who is about to send one by hand."""

import pytest

from services.scheduler.domain.notice import NoticeType
from services.scheduler.ports_emails import Unsubscription
from services.scheduler.use_cases.reaching import MOST_CHECKED, check_addresses
from services.shared.errors import Invalid
from tests.unit.scheduler.world import World

SUMMARY, INVOICE = NoticeType.ACCOUNT_SUMMARY, NoticeType.INVOICE


@pytest.fixture
def world() -> World:
    """Mails to gone@ come back; late@ wants no account summaries."""
    world = World()
    now = world.clock.now()
    with world.store.write() as work:
        work.addresses.note_suppressed("gone@acme.test", "BOUNCED_FOR_GOOD", suppressed=True, told_at=now)
        work.addresses.unsubscribe(Unsubscription(SUMMARY, "late@acme.test", "late@acme.test", now))
    return world


def test_addresses_are_told_as_they_were_spelled_and_known_in_any_spelling(world: World) -> None:
    asked = ["Gone@ACME.test", "late@acme.TEST", "ann@acme.test", "no address"]
    assert check_addresses(SUMMARY, asked, store=world.store) == (["Gone@ACME.test"], ["late@acme.TEST"])


def test_who_wants_no_summaries_gets_invoices(world: World) -> None:
    asked = ["gone@acme.test", "late@acme.test"]
    assert check_addresses(INVOICE, asked, store=world.store) == (["gone@acme.test"], [])


def test_so_many_addresses_at_once_are_refused(world: World) -> None:
    with pytest.raises(Invalid) as refused:
        check_addresses(SUMMARY, [f"a{n}@acme.test" for n in range(MOST_CHECKED + 1)], store=world.store)
    assert refused.value.reason == "TOO_MANY_ADDRESSES"
