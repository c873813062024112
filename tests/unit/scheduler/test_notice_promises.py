"""What holds for any sequence of days, rules, payments, exclusions, ticks and deliveries."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from services.scheduler.domain.letter import Letter
from services.scheduler.domain.notice import Notice, NoticeType, State
from services.scheduler.ports import Excluded
from tests.fakes.scheduler_peers import ANN, an_invoice
from tests.unit.scheduler.world import DUE, World, noon

THRESHOLDS = (-5, -2, -1, 1, 3, 8)


class Life(RuleBasedStateMachine):
    """Two invoices of one organization, whose mails may be handed to SMTP at any later time."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World(*THRESHOLDS)
        self.sent: list[Notice] = []
        self.leaving: list[Notice] = []
        self.queued_by_tick: Counter[int] = Counter()

    @initialize()
    def books(self) -> None:
        self.world.ledger.put(an_invoice(2, due_on=DUE + timedelta(days=3)))
        self.world.on_day(-7)

    @rule(hours=st.integers(1, 60))
    def time_passes(self, hours: int) -> None:
        self._smtp()
        self.world.clock.advance(timedelta(hours=hours))

    @rule(threshold=st.sampled_from(THRESHOLDS), enabled=st.booleans())
    def switch(self, threshold: int, enabled: bool) -> None:
        (self.world.enable if enabled else self.world.disable)(threshold)

    @rule(
        number=st.sampled_from([1, 2]),
        but=st.sampled_from(
            [
                {"reserved_minor": 10_000},
                {"reserved_minor": 0},
                {"status": "paid"},
                {"status": "open"},
                {"balance_minor": 0},
                {"balance_minor": 9_000},
            ]
        ),
    )
    def money(self, number: int, but: dict[str, Any]) -> None:
        self.world.ledger.put(replace(self.world.ledger.invoices[number], **but))

    @rule(number=st.sampled_from([1, 2]), days=st.integers(-2, 9))
    def due_date(self, number: int, days: int) -> None:
        moved = replace(self.world.ledger.invoices[number], due_on=DUE + timedelta(days=days))
        self.world.ledger.put(moved)

    @rule(known=st.booleans())
    def address(self, known: bool) -> None:
        self.world.ledger.addressees["acme"] = (ANN,) if known else ()

    @rule(excluded=st.booleans())
    def exclusion(self, excluded: bool) -> None:
        with self.world.store.write() as work:
            if excluded:
                work.exclusions.add(Excluded(NoticeType.DUE_NOTICE, "acme", self.world.clock.now()))
            else:
                work.exclusions.remove(NoticeType.DUE_NOTICE, "acme")

    @rule()
    def tick(self) -> None:
        self._tick(self.world.tick)

    @rule(days=st.integers(-8, 14))
    def tick_with_a_set_clock(self, days: int) -> None:
        self._tick(lambda: self.world.tick(as_of=noon(DUE + timedelta(days=days))))

    def _tick(self, tick: Callable[[], Any]) -> None:
        before = {n.notice_id: n.state for n in self.world.notices()}
        assert self.world.tick(dry_run=True).counts.unchanged >= 0
        tick()
        became = [
            n.invoice_id
            for n in self.world.notices()
            if n.state is State.QUEUED and before.get(n.notice_id) is not State.QUEUED
        ]
        self.queued_by_tick = Counter(became)

    @rule()
    def review(self) -> None:
        """The mailer asks for everything queued; what may go is on its way at once or a moment later."""
        for notice in self.world.notices():
            if notice.state is State.QUEUED and notice not in self.leaving:
                (answer,) = self.world.review(notice.notice_id)
                if isinstance(answer, Letter):
                    self._lawful(answer)
                    self.leaving.append(notice)

    def _lawful(self, letter: Letter) -> None:
        invoice = self.world.ledger.invoices[letter.notice.invoice_id]
        assert invoice.status == "open"
        assert invoice.balance_minor > invoice.reserved_minor
        assert invoice.due_on == letter.notice.due_on
        assert letter.verdict.recipients == (ANN,)
        with self.world.store.read() as work:
            assert not work.exclusions.among(NoticeType.DUE_NOTICE, ["acme"])
            assert dict(work.rules.all())[letter.notice.threshold]

    @rule()
    def smtp(self) -> None:
        self._smtp()

    def _smtp(self) -> None:
        """A mail leaves at most seconds after its review, so before time passes."""
        for notice in self.leaving:
            self.world.sent(notice.notice_id)
            self.sent.append(notice)
        self.leaving = []

    @invariant()
    def no_threshold_is_sent_twice(self) -> None:
        keys = [(n.invoice_id, n.due_on, n.threshold) for n in self.sent]
        assert len(keys) == len(set(keys))

    @invariant()
    def never_a_smaller_after_a_larger(self) -> None:
        largest: dict[tuple[int, date | None], int] = {}
        for notice in self.sent:
            key = (notice.invoice_id, notice.due_on)
            assert notice.threshold > largest.get(key, -1000)
            largest[key] = notice.threshold

    @invariant()
    def a_tick_queues_at_most_one_for_an_invoice(self) -> None:
        assert all(count == 1 for count in self.queued_by_tick.values())

    @invariant()
    def the_ledger_of_notices_tells_what_was_sent(self) -> None:
        said = {n.notice_id for n in self.world.notices() if n.state is State.SENT}
        assert said == {n.notice_id for n in self.sent}


Life.TestCase.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
TestLife = Life.TestCase
