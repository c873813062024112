"""Taking in methods on file, and payments that are to be made by themselves."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from services.paynow.domain.books import TooMany
from services.paynow.domain.cells import LineRefusal
from services.paynow.domain.on_file import (
    FAILED,
    MethodLine,
    MethodRecord,
    StoredMethod,
    check_method,
    duplicate_method,
    failed_facts,
)
from services.paynow.domain.plan_lines import (
    AutopayLine,
    PlanContext,
    PlanRecord,
    ScheduledLine,
    ScheduledRecord,
    check_plan,
    duplicate_scheduled,
    organization_missing,
)
from services.paynow.domain.plans import Autopay, Coming, PlanChange, change, coming, plan_facts
from services.paynow.domain.sync import SyncReport
from services.paynow.domain.tally import Tally
from services.paynow.ports_accounts import Accounts, AccountsWriter
from services.shared.clock import Clock

MOST_RECORDS = 1000
"""Lines in one batch."""


def sync_methods(
    batches: Iterable[Sequence[MethodRecord]], *, accounts: Accounts, clock: Clock
) -> SyncReport:
    """Takes in methods on file, each batch in a transaction of its own, and reports line by line.

    A stream that breaks off, or a batch that is too large, leaves what came before it applied.
    """
    tally = Tally()
    for records in batches:
        _must_fit(records)
        with accounts.write() as books:
            books.lock()
            _take_in_methods([check_method(record) for record in records], tally, books, clock)
    return tally.report()


def sync_plans(batches: Iterable[Sequence[PlanRecord]], *, accounts: Accounts, clock: Clock) -> SyncReport:
    """Takes in AutoPay and scheduled payments, likewise."""
    tally = Tally()
    for records in batches:
        _must_fit(records)
        with accounts.write() as books:
            books.lock()
            known = books.known_plans(
                {record.organization_id.strip() for record in records},
                {
                    (record.organization_id.strip(), record.invoice_number.strip())
                    for record in records
                    if isinstance(record, ScheduledRecord)
                },
                {(record.organization_id.strip(), record.method_id.strip()) for record in records},
                {
                    (record.organization_id.strip(), record.scheduled_id.strip())
                    for record in records
                    if isinstance(record, ScheduledRecord)
                },
            )
            _take_in_plans([check_plan(record, known) for record in records], known, tally, books, clock)
    return tally.report()


def _take_in_methods(
    lines: Sequence[MethodLine | LineRefusal], tally: Tally, books: AccountsWriter, clock: Clock
) -> None:
    sound = [line.method for line in lines if isinstance(line, MethodLine)]
    organizations = books.known_organizations({method.organization_id for method in sound})
    known = books.known_methods({method.key for method in sound})
    changed: list[StoredMethod] = []
    for line in lines:
        if isinstance(line, LineRefusal):
            tally.refuse(line)
        elif line.method.organization_id not in organizations:
            words = organization_missing(line.method.organization_id)
            tally.refuse(LineRefusal(line.line, "organization_id", "ORGANIZATION_MISSING", words))
        elif (first := tally.first_line_of(line.method.key, line.line)) is not None:
            tally.refuse(duplicate_method(line, first))
        else:
            before = known.get(line.method.key)
            now = _counted(before, line.method)
            tally.count(is_new=before is None, is_changed=now != before)
            if now != before:
                changed.append(now)
    now_at = clock.now()
    books.save_methods(changed, now_at)
    for method in changed:
        before = known.get(method.key)
        # One that comes in as failed is no news: who syncs for the first time brings years of them.
        if before is not None and method.failures > before.failures:
            books.announce("method_failed", failed_facts(method), now_at)


def _counted(before: StoredMethod | None, now: StoredMethod) -> StoredMethod:
    """The method with how often it has turned to failed."""
    had = before.failures if before else 0
    was_failed = before is not None and before.status == FAILED
    return replace(now, failures=had + (now.status == FAILED and not was_failed))


def _take_in_plans(
    lines: Sequence[AutopayLine | ScheduledLine | LineRefusal],
    known: PlanContext,
    tally: Tally,
    books: AccountsWriter,
    clock: Clock,
) -> None:
    autopay: dict[str, Autopay] = {}
    changes: list[PlanChange] = []
    for line in lines:
        if isinstance(line, LineRefusal):
            tally.refuse(line)
        elif isinstance(line, AutopayLine):
            before = autopay.get(line.autopay.organization_id) or known.autopay.get(
                line.autopay.organization_id
            )
            tally.count(is_new=before is None, is_changed=before != line.autopay)
            if before != line.autopay:
                autopay[line.autopay.organization_id] = line.autopay
        elif (first := tally.first_line_of(line.payment.key, line.line)) is not None:
            tally.refuse(duplicate_scheduled(line, first))
        else:
            old = known.scheduled.get(line.payment.key)
            found = change(old, line.payment)
            tally.count(is_new=old is None, is_changed=found is not None)
            if found is not None:
                changes.append(found)
    now = clock.now()
    seen = coming(list(known.invoices.values()), known.scheduled, changes, known.methods, now)
    changes += seen.come_to_life(known.scheduled, changes)
    books.save_autopay(list(autopay.values()), now)
    books.save_scheduled([found.payment for found in changes], now)
    _tell(changes, seen, books, now)


def _tell(changes: Sequence[PlanChange], seen: Coming, books: AccountsWriter, now: datetime) -> None:
    """Tells of payments that are coming, and of the end of those that were."""
    for found in changes:
        plan = seen.told(found)
        if plan is None:
            continue
        body: dict[str, Any] = {"plan": plan_facts(plan, found.payment.revision)}
        if found.moved_from is not None:
            body["moved_from"] = found.moved_from.isoformat()
        books.announce(found.fact, body, now)


def _must_fit(records: Sequence[object]) -> None:
    if len(records) > MOST_RECORDS:
        raise TooMany(
            f"A batch of {len(records)} records is too large; send at most {MOST_RECORDS} at a time.",
            metadata={"most": str(MOST_RECORDS)},
        )
