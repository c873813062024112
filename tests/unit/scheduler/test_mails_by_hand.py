"""Mails that a person asks for: one for each request and what it asks for."""

from dataclasses import replace

from services.scheduler.domain.about import Access
from services.scheduler.domain.notice import NoticeType
from services.scheduler.use_cases.by_hand import send_access
from tests.unit.scheduler.test_campaigns import a_contact, with_contacts


def test_the_same_request_for_another_address_is_another_mail() -> None:
    both = replace(a_contact(1), emails=("p1@x.test", "home@x.test"))
    world = with_contacts(both)
    first, second = (
        send_access(NoticeType.WELCOME, "r1", 1, email, ticking=world.ticking)
        for email in ("P1@x.test", "home@x.test")
    )
    again = send_access(NoticeType.WELCOME, "r1", 1, "p1@X.test", ticking=world.ticking)
    assert (first.notice_id, first.access) == (again.notice_id, Access(1, "p1@x.test"))
    assert second.access == Access(1, "home@x.test")
