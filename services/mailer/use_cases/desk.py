"""A send worker with its tools."""

from collections.abc import Callable
from dataclasses import dataclass, field

from services.mailer.domain.circuit import Circuit
from services.mailer.domain.delivery import Past
from services.mailer.domain.message import Claimed, ReturnPath
from services.mailer.domain.pace import Pace
from services.mailer.domain.zone_watch import ZoneWatch
from services.mailer.ports import Begin, Press, Reviews, Transport
from services.mailer.use_cases.keep import UnderWay
from services.mailer.use_cases.record import Recorder
from services.shared.clock import Clock


@dataclass(frozen=True)
class Desk:
    """One send worker with its tools; transport, pace and watch are its own, the rest its process's."""

    begin: Begin
    reviews: Reviews
    press: Press
    transport: Transport
    circuit: Circuit
    recorder: Recorder
    under_way: UnderWay
    clock: Clock
    owner: str
    pace: Pace = field(default_factory=Pace)
    zone_watch: ZoneWatch = field(default_factory=ZoneWatch)
    may_take_over: Callable[[], bool] = lambda: True
    """Whether what others have held for too long may be claimed; see outage.py."""
    more: Callable[[], None] = lambda: None
    """Called when there is more to do than one worker has claimed, to wake the others."""
    return_path: Callable[[Claimed], ReturnPath | None] = lambda _message: None
    """Where reports about a mail go; None if they go to the sender, as nobody takes them in."""


def past(message: Claimed) -> Past:
    """What has been tried before."""
    return Past(message.attempts, message.drops, message.tried_at)
