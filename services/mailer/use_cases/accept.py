"""Taking notices into the queue."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from services.mailer.domain.company import mail_domain
from services.mailer.domain.message import Request, checked_batch
from services.mailer.ports import Begin
from services.shared.clock import Clock


@dataclass(frozen=True)
class Accepted:
    """How many were put into the queue by this call, and how many were known."""

    accepted: int
    repeated: int


def accept_messages(
    requests: Sequence[Request], *, begin: Begin, clock: Clock, wake: Callable[[], None]
) -> Accepted:
    """Queues the batch, all or nothing; what is known is left alone unless it was withheld."""
    batch = checked_batch(requests)
    with begin() as work:
        domain = mail_domain(work.company.profile().company.from_address)
        accepted = work.messages.accept(batch, domain, clock.now())
    wake()
    return Accepted(accepted, len(requests) - accepted)
