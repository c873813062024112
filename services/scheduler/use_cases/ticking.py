"""What deciding works with: its own store, the other services, the clock."""

from collections.abc import Callable
from dataclasses import dataclass

from services.scheduler.ports import NewId, Store
from services.scheduler.ports_peers import Accounts, Ledger
from services.shared.clock import Clock


@dataclass(frozen=True, slots=True)
class Ticking:
    """What a tick works with. `wake` tells whoever hands notices over; `pause` waits for some seconds."""

    store: Store
    ledger: Ledger
    accounts: Accounts
    clock: Clock
    new_id: NewId
    wake: Callable[[], None]
    pause: Callable[[float], None]
