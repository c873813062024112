"""The sandbox payment provider: test methods that move no money, and keep every promise of the port.

It stands for the outside world. Its records are in a database of its own, committed before it answers, so
that they survive whatever happens to the service, just as a real provider's would.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import BigInteger, Column, Connection, MetaData, Row, String, Table, Text, select

from services.paynow.domain.methods import Method
from services.paynow.domain.payment import PROVIDER_ERROR, RETURNED, Outcome, Verdict
from services.paynow.ports_payments import Charge, KeyMismatch, ProviderTimeout, ProviderUnavailable
from services.shared.clock import Clock
from services.shared.database import Database, UtcDateTime
from services.shared.upserts import insert_ignoring

MIGRATIONS = Path(__file__).parent / "migrations" / "sandbox"
"""Bring the provider's own database up to date; `migrate` of the service runs them too."""

metadata = MetaData()

charges = Table(
    "sandbox_charges",
    metadata,
    Column("key", Text, primary_key=True),
    Column("amount_minor", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("method_token", Text, nullable=False),  # one of ours, or empty
    Column("verdict", String(20), nullable=False),  # a Verdict, or "closed": never charged, and never will be
    Column("reason", Text, nullable=False),
    Column("settles_at", UtcDateTime),  # when a pending one stops being pending
    Column("settles_reason", Text, nullable=False),  # why the bank returns it then; empty if it settles
    Column("recorded_at", UtcDateTime, nullable=False),
)

_CLOSED = "closed"


@dataclass(frozen=True)
class Behaviour:
    """What a test method does."""

    label: str
    words: str
    verdict: Verdict = Verdict.APPROVED
    reason: str = ""
    """Why it is declined; for a pending one, why the bank returns it."""
    answers: bool = True
    """Whether the answer arrives; without it the charge is recorded all the same."""
    records: bool = True
    """Whether the charge gets as far as being recorded."""


BEHAVIOURS = {
    "sandbox_approve": Behaviour("Sandbox card ending 4242", "is approved"),
    "sandbox_decline": Behaviour(
        "Sandbox card ending 0002", "is declined", Verdict.DECLINED, reason="CARD_DECLINED"
    ),
    "sandbox_insufficient_funds": Behaviour(
        "Sandbox card ending 9995",
        "is declined for lack of funds",
        Verdict.DECLINED,
        reason="INSUFFICIENT_FUNDS",
    ),
    "sandbox_timeout_then_approve": Behaviour(
        "Sandbox card ending 1111", "gives no answer; turns out approved", answers=False
    ),
    "sandbox_timeout_then_decline": Behaviour(
        "Sandbox card ending 2222",
        "gives no answer; turns out declined",
        Verdict.DECLINED,
        reason="CARD_DECLINED",
        answers=False,
    ),
    "sandbox_error": Behaviour("Sandbox card ending 5000", "meets an error of the provider", records=False),
    "sandbox_ach_settles": Behaviour(
        "Sandbox bank account ending 6789", "is pending, then settles", Verdict.PENDING
    ),
    "sandbox_ach_returns": Behaviour(
        "Sandbox bank account ending 1116",
        "is pending, then returned by the bank",
        Verdict.PENDING,
        reason=RETURNED,
    ),
}


class SandboxProvider:
    """A provider whose method tokens say what will happen; its database has to be migrated (`MIGRATIONS`).

    `ach_seconds` is how long bank payments stay pending. `delay_seconds` is how long each charge takes;
    beyond the caller's time limit it is recorded and times out.
    """

    is_sandbox = True

    def __init__(
        self,
        database: Database,
        clock: Clock,
        *,
        ach_seconds: float = 60,
        delay_seconds: float = 0,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        self._database = database
        self._clock = clock
        self._ach = timedelta(seconds=ach_seconds)
        self._delay = delay_seconds
        self._wait = wait

    def methods(self) -> Sequence[Method]:
        """All test methods, the one that just works first."""
        return [Method(token, behaviour.label, behaviour.words) for token, behaviour in BEHAVIOURS.items()]

    def method(self, method_token: str) -> Method | None:
        """The test method with this token."""
        behaviour = BEHAVIOURS.get(method_token)
        return Method(method_token, behaviour.label, behaviour.words) if behaviour else None

    def charge(self, charge: Charge, method_token: str, *, time_limit: float) -> Outcome:
        """Does what the token says. A repeat gives what was recorded."""
        behaviour = BEHAVIOURS.get(method_token)
        if behaviour is not None and not behaviour.records:
            raise ProviderUnavailable("the sandbox answers with an error, as it was told to")
        with self._database.write() as connection:
            row, is_new = self._record(connection, charge, method_token, behaviour)
        if row.verdict != _CLOSED and row.method_token != (method_token if behaviour else ""):
            raise KeyMismatch(f"key {charge.key} was used with another method")
        self._wait(min(self._delay, time_limit))
        if self._delay > time_limit or (is_new and behaviour is not None and not behaviour.answers):
            raise ProviderTimeout("the sandbox keeps its answer to itself, as it was told to")
        return self._outcome(row) or Outcome.declined(PROVIDER_ERROR)

    def find(self, charge: Charge) -> Outcome | None:
        """What was recorded, as it is by now."""
        with self._database.read() as connection:
            row = _row(connection, charge)
        return self._outcome(row) if row else None

    def close(self, charge: Charge) -> Outcome | None:
        """Records that the key is closed, unless there is a charge."""
        with self._database.write() as connection:
            closed = self._values(charge, "", verdict=_CLOSED)
            insert_ignoring(connection, charges, [closed], conflict=["key"])
            row = _row(connection, charge)
        return self._outcome(row) if row else None

    def captured(self) -> dict[str, int]:
        """What was taken under each key, in minor units: what the ledger has to agree with."""
        with self._database.read() as connection:
            rows = connection.execute(select(charges)).all()
        return {row.key: row.amount_minor for row in rows if self._outcome(row) == Outcome.approved()}

    def _record(
        self, connection: Connection, charge: Charge, method_token: str, behaviour: Behaviour | None
    ) -> tuple[Row[Any], bool]:
        if behaviour is None:
            values = self._values(charge, "", verdict=Verdict.DECLINED, reason=PROVIDER_ERROR)
        elif behaviour.verdict is Verdict.PENDING:
            values = self._values(charge, method_token, verdict=Verdict.PENDING, returned=behaviour.reason)
        else:
            values = self._values(charge, method_token, verdict=behaviour.verdict, reason=behaviour.reason)
        is_new = insert_ignoring(connection, charges, [values], conflict=["key"]) == 1
        row = _row(connection, charge)
        if row is None:
            raise RuntimeError("a charge that was just recorded is gone")
        return row, is_new

    def _values(
        self, charge: Charge, method_token: str, *, verdict: str, reason: str = "", returned: str = ""
    ) -> dict[str, object]:
        now = self._clock.now()
        return {
            "key": charge.key,
            "amount_minor": charge.amount_minor,
            "currency": charge.currency,
            "method_token": method_token,
            "verdict": str(verdict),
            "reason": reason,
            "settles_at": now + self._ach if verdict == Verdict.PENDING else None,
            "settles_reason": returned,
            "recorded_at": now,
        }

    def _outcome(self, row: Row[Any]) -> Outcome | None:
        """Time alone settles what is pending; nothing has to be written for it."""
        if row.verdict == _CLOSED:
            return None
        if row.verdict != Verdict.PENDING:
            return Outcome(Verdict(row.verdict), reason=row.reason)
        settles_at: datetime = row.settles_at
        if self._clock.now() < settles_at:
            return Outcome.pending(settles_at)
        return Outcome.declined(row.settles_reason) if row.settles_reason else Outcome.approved()


def _row(connection: Connection, charge: Charge) -> Row[Any] | None:
    """What is recorded under the key. Raises `KeyMismatch` if that is another amount."""
    row = connection.execute(select(charges).where(charges.c.key == charge.key)).one_or_none()
    if row is not None and (row.amount_minor, row.currency) != (charge.amount_minor, charge.currency):
        raise KeyMismatch(f"key {charge.key} was used with another amount")
    return row
