"""Sending drafts as tests."""

from collections.abc import Callable, Sequence

from services.mailer.domain.company import mail_domain
from services.mailer.domain.drafts import Draft, ReusedTest, checked_recipients, notice_id_of
from services.mailer.domain.message import Lane, Message, MessageMissing, Request
from services.mailer.domain.templates import Areas, Key
from services.mailer.ports import Begin, Press
from services.mailer.use_cases.templates import checked_areas, full_key
from services.shared.clock import Clock


def send_test(
    test_id: str,
    key: Key,
    areas: Areas,
    addresses: Sequence[str],
    sent_by: str,
    *,
    begin: Begin,
    press: Press,
    clock: Clock,
    wake: Callable[[], None],
) -> Message:
    """Queues the draft for these addresses alone, ahead of all that is less urgent.

    `UnfitTest`, `TemplateInvalid`. The same test again gives the message that there is; another one under
    its id is `ReusedTest`.
    """
    recipients = checked_recipients(test_id, addresses, sent_by)
    areas = checked_areas(key.type, areas, press=press)
    notice_id, now = notice_id_of(test_id), clock.now()
    with begin() as work:
        draft = Draft(full_key(key, work), areas, recipients)
        domain = mail_domain(work.company.profile().company.from_address)
        known = work.drafts.find(notice_id)
        if known is None:
            work.messages.accept([Request(notice_id, "", lane=Lane.AT_ONCE)], domain, now)
            work.drafts.add(notice_id, draft, sent_by.strip())
        elif known != draft:
            raise ReusedTest("Another test was sent under this id; send this one under its own.")
        message = work.messages.get(notice_id)
    if message is None:
        raise MessageMissing(f"There is no message for {notice_id}.")
    wake()
    return message
