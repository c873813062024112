"""A payment provider without the outside world."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import RLock

from services.paynow.domain.methods import Method
from services.paynow.domain.payment import PROVIDER_ERROR, RETURNED, Outcome
from services.paynow.ports_payments import Charge, KeyMismatch, ProviderTimeout, ProviderUnavailable
from tests.fakes.dying_store import Killed

__all__ = ["METHODS", "Killed", "ScriptedProvider"]


@dataclass
class _Recorded:
    charge: Charge
    method_token: str
    outcome: Outcome | None  # None: closed without a charge
    returns: bool = False


METHODS = {
    "fake_approve": "Fake card ending 1",
    "fake_decline": "Fake card ending 2",
    "fake_insufficient_funds": "Fake card ending 3",
    "fake_silent_approve": "Fake card ending 4",
    "fake_silent_decline": "Fake card ending 5",
    "fake_error": "Fake card ending 6",
    "fake_bank_settles": "Fake bank account 7",
    "fake_bank_returns": "Fake bank account 8",
}
_DECLINES = {
    "fake_decline": "CARD_DECLINED",
    "fake_silent_decline": "CARD_DECLINED",
    "fake_insufficient_funds": "INSUFFICIENT_FUNDS",
}


class ScriptedProvider:
    """A provider in memory. It keeps the promises of the provider port, and fails when it is told to.

    `away` makes it unreachable. `before` and `after` run just before and just after a charge is recorded,
    and may raise, for instance `Killed`.
    """

    is_sandbox = True

    def __init__(self) -> None:
        self.recorded: dict[str, _Recorded] = {}
        self.charges: list[str] = []
        self.finds: list[str] = []
        self.away = False
        self.before: Callable[[], None] = lambda: None
        self.after: Callable[[], None] = lambda: None
        self._lock = RLock()

    def methods(self) -> Sequence[Method]:
        """All of them."""
        return [Method(token, label) for token, label in METHODS.items()]

    def method(self, method_token: str) -> Method | None:
        """The method, unless the provider is away."""
        self._must_answer()
        label = METHODS.get(method_token)
        return Method(method_token, label) if label else None

    def charge(self, charge: Charge, method_token: str, *, time_limit: float) -> Outcome:
        """Records what the token says, once for each key."""
        self.before()
        self._must_answer()
        self.charges.append(charge.key)
        if method_token == "fake_error":
            raise ProviderUnavailable("error")
        with self._lock:
            is_new = charge.key not in self.recorded
            if is_new:
                returns = method_token == "fake_bank_returns"
                self.recorded[charge.key] = _Recorded(charge, method_token, _first(method_token), returns)
        found = self._recorded(charge)
        assert found is not None
        if found.outcome is None:
            return Outcome.declined(PROVIDER_ERROR)
        if found.method_token != method_token:
            raise KeyMismatch(charge.key)
        self.after()
        if is_new and "silent" in method_token:
            raise ProviderTimeout("silent")
        return found.outcome

    def find(self, charge: Charge) -> Outcome | None:
        """What is recorded."""
        self._must_answer()
        self.finds.append(charge.key)
        found = self._recorded(charge)
        return found.outcome if found else None

    def close(self, charge: Charge) -> Outcome | None:
        """Records that there will be no charge, unless there is one."""
        self._must_answer()
        with self._lock:
            return self.recorded.setdefault(charge.key, _Recorded(charge, "", None)).outcome

    def settle_banks(self) -> None:
        """Lets the banks decide about everything that is pending."""
        pending = Outcome.pending()
        for found in self.recorded.values():
            if found.outcome == pending:
                found.outcome = Outcome.declined(RETURNED) if found.returns else Outcome.approved()

    def captured(self) -> dict[str, int]:
        """What was taken under each key."""
        taken = Outcome.approved()
        return {k: found.charge.amount_minor for k, found in self.recorded.items() if found.outcome == taken}

    def _recorded(self, charge: Charge) -> _Recorded | None:
        found = self.recorded.get(charge.key)
        if found is not None and found.charge != charge:
            raise KeyMismatch(charge.key)
        return found

    def _must_answer(self) -> None:
        if self.away:
            raise ProviderUnavailable("away")


def _first(method_token: str) -> Outcome:
    if method_token not in METHODS:
        return Outcome.declined(PROVIDER_ERROR)
    if method_token.startswith("fake_bank"):
        return Outcome.pending()
    reason = _DECLINES.get(method_token)
    return Outcome.declined(reason) if reason else Outcome.approved()
