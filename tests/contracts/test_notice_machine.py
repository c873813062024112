"""Anything that lists, staff, payers, the mailer, kills and late facts may do to notices, in any order.

What must hold: one notice for each key, which goes out once at most; nothing goes out that is forbidden when
it is looked at; every decision has a reason that can be said in words, and every notice that is due has one.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from services.scheduler.__main__ import MIGRATIONS
from services.scheduler.domain import reasons
from services.scheduler.domain.books import Invoice
from services.scheduler.domain.notice import Notice, NoticeType, PaymentFact, State
from services.scheduler.domain.thresholds import Rule, applies, reached
from services.scheduler.ports import Excluded, Store
from services.scheduler.repository import SqlStore
from services.shared.database import Database
from services.shared.errors import Busy
from services.shared.migrate import migrate
from tests.contracts.notice_machine_world import NoticeWorld
from tests.fakes.scheduler import FakeStore
from tests.fakes.scheduler_peers import ANN, an_invoice
from tests.servers import PostgresServer
from tests.unit.scheduler.world import DUE

ORGANIZATIONS = ["acme", "bolt"]
INVOICES = [1, 2, 3]
THRESHOLDS = [-5, 15, 30, 45]

SETTINGS = settings(max_examples=250, stateful_step_count=50, deadline=None)
FEW = settings(SETTINGS, max_examples=6, suppress_health_check=[HealthCheck.too_slow])

COMMIT = st.tuples(st.sampled_from([0, 0, 0, 1, 2, 3, 4]), st.booleans())
"""At which commit from now on the process is killed (0 is never), and whether after it."""


class NoticeMachine(RuleBasedStateMachine):
    """Three invoices of two organizations, four rules, and everybody who has a say."""

    def __init__(self) -> None:
        super().__init__()
        self.notices = NoticeWorld(self.make_store())
        self.world = self.notices.world
        self.world.ledger.invoices.clear()
        for number in INVOICES:
            organization = ORGANIZATIONS[number % 2]
            self.world.ledger.put(an_invoice(number, organization_id=organization))
        self.staff_change_a_rule(15, "on")
        self.staff_change_a_rule(30, "on")
        self.world.on_day(14)
        self.excluded: set[str] = set()
        self.payments: list[PaymentFact] = []
        self.ended: set[str] = set()

    def make_store(self) -> Store:
        """Where the notices are kept."""
        return FakeStore()

    def unmake_store(self) -> None:
        """Clears away."""

    # The books

    def change(self, number: int, **values: object) -> None:
        invoice = self.world.ledger.invoices[number]
        self.world.ledger.put(replace(invoice, **values))  # type: ignore[arg-type]

    @rule(number=st.sampled_from(INVOICES), days=st.sampled_from([-40, -1, 0, 20]))
    def a_list_moves_a_due_date(self, number: int, days: int) -> None:
        self.change(number, due_on=DUE + timedelta(days=days))

    @rule(number=st.sampled_from(INVOICES), status=st.sampled_from(["open", "open", "paid", "cancelled"]))
    def a_list_changes_a_status(self, number: int, status: str) -> None:
        self.change(number, status=status)

    @rule(number=st.sampled_from(INVOICES), balance=st.sampled_from([0, 100, 10_000]))
    def a_list_changes_a_balance(self, number: int, balance: int) -> None:
        self.change(number, balance_minor=balance)

    @rule(organization=st.sampled_from(ORGANIZATIONS), reachable=st.booleans())
    def contacts_come_and_go(self, organization: str, reachable: bool) -> None:
        self.world.ledger.addressees[organization] = (ANN,) if reachable else ()

    @rule(number=st.sampled_from(INVOICES))
    def somebody_pays_all_of_it(self, number: int) -> None:
        """The whole balance is reserved until the payment ends."""
        invoice = self.world.ledger.invoices[number]
        if invoice.balance_minor > 0 and invoice.reserved_minor == 0:
            self.change(number, reserved_minor=invoice.balance_minor)
            self.payments.append(payment_of(invoice, f"p{len(self.payments):03}", self.world.clock.now()))

    @precondition(lambda self: len(self.ended) < len(self.payments))
    @rule(succeeds=st.booleans())
    def a_payment_ends(self, succeeds: bool) -> None:
        fact = next(fact for fact in self.payments if fact.payment_id not in self.ended)
        self.ended.add(fact.payment_id)
        invoice = self.world.ledger.invoices[fact.invoice_id]
        left = max(0, invoice.balance_minor - fact.amount_minor) if succeeds else invoice.balance_minor
        self.change(fact.invoice_id, reserved_minor=0, balance_minor=left)
        self.notices.tell_of_payment(fact, succeeded=succeeds)

    # Staff

    @rule(organization=st.sampled_from(ORGANIZATIONS), excluded=st.booleans())
    def staff_change_the_exclusions(self, organization: str, excluded: bool) -> None:
        with self.notices.store.write() as work:
            if excluded:
                entry = Excluded(NoticeType.DUE_NOTICE, organization, self.world.clock.now())
                work.exclusions.add(entry)
                self.excluded.add(organization)
            else:
                work.exclusions.remove(NoticeType.DUE_NOTICE, organization)
                self.excluded.discard(organization)

    @rule(threshold=st.sampled_from(THRESHOLDS), what=st.sampled_from(["on", "on", "on", "off", "removed"]))
    def staff_change_a_rule(self, threshold: int, what: str) -> None:
        with self.notices.store.write() as work:
            if what == "removed":
                work.rules.remove(threshold)
            elif not work.rules.set_enabled(threshold, enabled=what == "on"):
                work.rules.add(Rule(threshold, what == "on"))

    # Programs

    @rule(
        days=st.sampled_from([0, 1, 5, 16]),
        meanwhile=st.sampled_from(["", "", "excluded", "closed", "paid", "rule off", "unreachable"]),
        number=st.sampled_from(INVOICES),
        told=st.booleans(),
        taken=st.sampled_from([True, True, False]),
    )
    def a_day_goes_by(self, days: int, meanwhile: str, number: int, told: bool, taken: bool) -> None:
        """Tick, hand over, send, and perhaps a change of mind before the mails; facts come now or later."""
        self.days_pass(days)
        self.a_tick_runs((0, False))
        self.world.hand_over()
        self.something_changes(meanwhile, number)
        for notice_id in self.notices.mailer.queued():
            self.one_is_sent(notice_id, taken=taken)
        while told and self.notices.bus:
            assert self.notices.deliver(self.notices.bus.pop(0))

    def something_changes(self, what: str, number: int) -> None:
        """What makes a queued notice one that must not go out any more."""
        organization = self.world.ledger.invoices[number].organization_id
        if what == "excluded":
            self.staff_change_the_exclusions(organization, True)
        elif what == "closed":
            self.a_list_changes_a_status(number, "paid")
        elif what == "paid":
            self.somebody_pays_all_of_it(number)
        elif what == "rule off":
            self.staff_change_a_rule(THRESHOLDS[number], "off")
        elif what == "unreachable":
            self.contacts_come_and_go(organization, False)

    @rule(days=st.sampled_from([0, 1, 10, 16]))
    def days_pass(self, days: int) -> None:
        if self.world.clock.now().date() < DUE + timedelta(days=90):
            self.world.clock.advance(timedelta(days=days, minutes=1))

    @rule(commit=COMMIT)
    def a_tick_runs(self, commit: tuple[int, bool]) -> None:
        self.notices.store.die_at(*commit)
        if self.notices.survives(self.world.tick):
            self.every_due_invoice_has_a_decision()

    @rule()
    def a_dry_run_changes_nothing(self) -> None:
        before = self.notices.notices()
        self.world.tick(dry_run=True)
        assert self.notices.notices() == before

    @rule(commit=COMMIT, away=st.booleans())
    def notices_are_handed_over(self, commit: tuple[int, bool], away: bool) -> None:
        self.notices.store.die_at(*commit)
        self.notices.mailer.away = away
        try:
            self.notices.survives(self.world.hand_over)
        except Busy:
            assert away
        finally:
            self.notices.store.revive()
            self.notices.mailer.away = False

    @precondition(lambda self: self.notices.mailer.queued())
    @rule(data=st.data(), commit=COMMIT, taken=st.sampled_from([True, True, False]))
    def the_mailer_looks_and_sends(self, data: st.DataObject, commit: tuple[int, bool], taken: bool) -> None:
        notice_id = data.draw(st.sampled_from(self.notices.mailer.queued()))
        self.notices.store.die_at(*commit)
        self.one_is_sent(notice_id, taken=taken)

    def one_is_sent(self, notice_id: str, *, taken: bool) -> None:
        """A second look, and if it says yes, the mail."""
        if self.notices.look(notice_id):
            self.it_may_go(self.notices.notice(notice_id))
            self.notices.send(notice_id, taken=taken)

    @precondition(lambda self: self.notices.bus)
    @rule(data=st.data(), commit=COMMIT, again=st.booleans())
    def a_fact_arrives(self, data: st.DataObject, commit: tuple[int, bool], again: bool) -> None:
        """Any of them; one that was handled by a process that died, or is repeated, comes again."""
        fact = data.draw(st.sampled_from(self.notices.bus))
        self.notices.store.die_at(*commit)
        if self.notices.deliver(fact) and not again:
            self.notices.bus.remove(fact)

    # What must hold

    def it_may_go(self, notice: Notice) -> None:
        """By this test's own reading of books, rules and exclusions at this moment."""
        assert notice.notice_id not in {gone.notice_id for gone in self.notices.out}
        invoice = self.world.ledger.invoices[notice.invoice_id]
        if notice.type is not NoticeType.DUE_NOTICE:
            return
        assert notice.organization_id not in self.excluded
        assert notice.threshold in self.enabled()
        assert (invoice.status, invoice.due_on) == ("open", notice.due_on)
        assert invoice.balance_minor > invoice.reserved_minor
        assert applies(notice.threshold, self.days(invoice))
        assert self.world.ledger.addressees.get(invoice.organization_id, (ANN,))
        later = [n for n in self.siblings(notice) if n.threshold > notice.threshold]
        assert State.SENT not in {n.state for n in later}, "the notice of a later rule went out before"

    def every_due_invoice_has_a_decision(self) -> None:
        """Right after a tick, whatever the decision is."""
        decided = {(n.invoice_id, n.due_on, n.threshold) for n in self.notices.notices()}
        for invoice in self.world.ledger.invoices.values():
            if invoice.status == "open" and invoice.balance_minor > 0:
                due = reached(self.enabled(), self.days(invoice))
                assert due is None or (invoice.invoice_id, invoice.due_on, due.candidate) in decided

    @invariant()
    def there_is_one_notice_for_each_key(self) -> None:
        keys = Counter(key_of(notice) for notice in self.notices.notices())
        assert [key for key, times in keys.items() if times > 1] == []

    @invariant()
    def no_mail_goes_out_twice(self) -> None:
        gone = Counter(key_of(notice) for notice in self.notices.out)
        assert [key for key, times in gone.items() if times > 1] == []

    @invariant()
    def every_decision_has_a_reason_in_words_and_the_newest_one_counts(self) -> None:
        for number in INVOICES:
            with self.notices.store.read() as work:
                decisions = work.notices.decisions_on_invoice(number)
                newest = {decision.notice_id: decision for decision in decisions}
                found = {notice.notice_id: notice for notice in work.notices.of_invoice(number)}
            assert set(newest) == set(found)
            for decision in decisions:
                assert reasons.explanation(decision.reason, decision.threshold), decision
            for notice_id, notice in found.items():
                assert (newest[notice_id].state, newest[notice_id].reason) == (notice.state, notice.reason)

    @invariant()
    def what_was_sent_stays_sent(self) -> None:
        with self.notices.store.read() as work:
            for number in INVOICES:
                states: dict[str, State] = {}
                for decision in work.notices.decisions_on_invoice(number):
                    assert states.get(decision.notice_id) is not State.SENT
                    states[decision.notice_id] = decision.state

    def teardown(self) -> None:
        """In the end nothing is queued, the ledger knows what went out, and each payment has its receipt."""
        try:
            self.notices.settle()
            left = [notice for notice in self.notices.notices() if notice.state is State.QUEUED]
            assert left == []
            sent = {n.notice_id for n in self.notices.notices() if n.state is State.SENT}
            assert sent == {notice.notice_id for notice in self.notices.out}
            receipts = Counter(n.payment.payment_id for n in self.notices.notices() if n.payment)
            assert receipts == Counter(self.ended)
        finally:
            self.unmake_store()

    # Words

    def enabled(self) -> list[int]:
        with self.notices.store.read() as work:
            return [rule.threshold for rule in work.rules.all() if rule.enabled]

    def days(self, invoice: Invoice) -> int:
        assert invoice.due_on is not None
        return (self.world.clock.now().date() - invoice.due_on).days

    def siblings(self, notice: Notice) -> list[Notice]:
        return [
            other
            for other in self.notices.notices()
            if other.type is NoticeType.DUE_NOTICE
            and (other.invoice_id, other.due_on) == (notice.invoice_id, notice.due_on)
        ]


def key_of(notice: Notice) -> tuple[object, ...]:
    """What a notice is unique by."""
    payment = notice.payment.payment_id if notice.payment else ""
    return notice.type, payment, notice.invoice_id if not payment else 0, notice.due_on, notice.threshold


def payment_of(invoice: Invoice, payment_id: str, at: object) -> PaymentFact:
    """A payment of the whole balance."""
    return PaymentFact(
        payment_id=payment_id,
        organization_id=invoice.organization_id,
        invoice_id=invoice.invoice_id,
        invoice_number=invoice.number,
        amount_minor=invoice.balance_minor,
        currency=invoice.currency,
        payer_email="payer@example.test",
        method_label="Card",
        ended_at=at,  # type: ignore[arg-type]
        balance_minor=0,
    )


class SqlNoticeMachine(NoticeMachine):
    """The same on real tables; `url` is set by those who run it."""

    url: Callable[[], str]
    drop: Callable[[str], None]

    def make_store(self) -> Store:
        """A database each time anew."""
        self.place = type(self).url()
        self.database = Database(self.place)
        return SqlStore(self.database)

    def unmake_store(self) -> None:
        """The database goes."""
        self.database.dispose()
        type(self).drop(self.place)


def test_notices_keep_their_promises_whatever_happens() -> None:
    run_state_machine_as_test(NoticeMachine, settings=SETTINGS)


def test_notices_keep_their_promises_on_sqlite(tmp_path: Path) -> None:
    migrate(f"sqlite:///{tmp_path}/empty.sqlite", MIGRATIONS)
    numbers = count(1)

    class OnSqlite(SqlNoticeMachine):
        @staticmethod
        def url() -> str:
            copy = shutil.copy(tmp_path / "empty.sqlite", tmp_path / f"{next(numbers)}.sqlite")
            return f"sqlite:///{copy}"

        @staticmethod
        def drop(url: str) -> None:
            Path(url.removeprefix("sqlite:///")).unlink()

    run_state_machine_as_test(OnSqlite, settings=FEW)


@pytest.mark.postgresql
def test_notices_keep_their_promises_on_postgresql(postgres: PostgresServer) -> None:
    class OnPostgres(SqlNoticeMachine):
        @staticmethod
        def url() -> str:
            return postgres.migrated(MIGRATIONS)

        @staticmethod
        def drop(url: str) -> None:
            postgres.drop(url)

    run_state_machine_as_test(OnPostgres, settings=FEW)
