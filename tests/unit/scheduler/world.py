"""A scheduler over fakes, and the few things that tests do with it again and again."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

from services.scheduler.domain.letter import Letter, NotYet, Withheld
from services.scheduler.domain.notice import Change, Notice, State
from services.scheduler.domain.thresholds import Rule
from services.scheduler.ports import Store
from services.scheduler.use_cases.dispatch import hand_over
from services.scheduler.use_cases.receipts import message_sent
from services.scheduler.use_cases.review import review_notices
from services.scheduler.use_cases.run import Progress
from services.scheduler.use_cases.tick import TickOrder, run_tick
from services.scheduler.use_cases.ticking import Ticking
from tests.fakes.clock import SetClock
from tests.fakes.scheduler import FakeStore, counting_ids
from tests.fakes.scheduler_accounts import FakeAccounts
from tests.fakes.scheduler_peers import FakeLedger, FakeMailer, an_invoice

DUE = date(2026, 3, 2)


def noon(day: date) -> datetime:
    return datetime.combine(day, time(12), UTC)


class World:
    """Books with one invoice due on 2 March 2026, the given rules on, the clock at noon of that day."""

    def __init__(self, *enabled: int, store: Store | None = None) -> None:
        self.clock = SetClock(noon(DUE))
        self.store: Store = store or FakeStore()
        self.ledger = FakeLedger(an_invoice())
        self.accounts = FakeAccounts(self.ledger)
        self.mailer = FakeMailer()
        self.woken = 0
        self.waits = 0
        self.while_waiting: Callable[[], None] = lambda: None
        self.ticking = Ticking(
            self.store,
            self.ledger,
            self.accounts,
            self.clock,
            counting_ids(),
            wake=self._wake,
            pause=self._pause,
        )
        self.enable(*enabled)

    def _wake(self) -> None:
        self.woken += 1

    def _pause(self, seconds: float) -> None:
        self.waits += 1
        self.clock.advance(timedelta(seconds=seconds))
        self.while_waiting()

    def enable(self, *thresholds: int) -> None:
        with self.store.write() as work:
            for threshold in thresholds:
                if not work.rules.set_enabled(threshold, enabled=True):
                    work.rules.add(Rule(threshold, True))

    def disable(self, *thresholds: int) -> None:
        with self.store.write() as work:
            for threshold in thresholds:
                work.rules.set_enabled(threshold, enabled=False)

    def calendar(self, **but: object) -> None:
        """Changes what staff have set."""
        with self.store.write() as work:
            calendar = work.calendar.get()
            settings = replace(calendar.settings, **but)  # type: ignore[arg-type]
            work.calendar.put(replace(calendar, settings=settings))

    def on_day(self, days: int) -> None:
        """Moves the clock to so many days after the due date."""
        self.clock.set(noon(DUE + timedelta(days=days)))

    def tick(
        self, *, as_of: datetime | None = None, dry_run: bool = False, only_due_notices: bool = False
    ) -> Progress:
        order = TickOrder(as_of, dry_run, only_due_notices=only_due_notices)
        *_, last = run_tick(order, ticking=self.ticking)
        assert last.done
        return last

    def notices(self) -> list[Notice]:
        with self.store.read() as work:
            return [notice for i in self.ledger.invoices for notice in work.notices.of_invoice(i)]

    def states(self) -> dict[int, State]:
        """The state of each threshold of the first invoice."""
        with self.store.read() as work:
            return {notice.threshold: notice.state for notice in work.notices.of_invoice(1)}

    def reasons(self) -> dict[int, str]:
        with self.store.read() as work:
            return {notice.threshold: notice.reason for notice in work.notices.of_invoice(1)}

    def notice(self, threshold: int) -> Notice:
        return next(notice for notice in self.notices() if notice.threshold == threshold)

    def review(self, *notice_ids: str) -> list[Letter | NotYet | Withheld]:
        return review_notices(
            notice_ids, store=self.store, ledger=self.ledger, accounts=self.accounts, clock=self.clock
        )

    def hand_over(self) -> bool:
        return hand_over(store=self.store, mailer=self.mailer, clock=self.clock)

    def sent(self, notice_id: str) -> None:
        with self.store.write() as work:
            message_sent(notice_id, f"<{notice_id}@test>", work=work, now=self.clock.now())

    def deliver(self) -> list[Notice]:
        """Does what the mailer does: reviews each queued notice, and sends those that may go."""
        queued = [notice for notice in self.notices() if notice.state is State.QUEUED]
        sent = []
        for notice in queued:
            (answer,) = self.review(notice.notice_id)
            if isinstance(answer, Letter):
                self.sent(notice.notice_id)
                sent.append(notice)
        return sent

    def force(self, states: Iterable[tuple[str, State, str]]) -> None:
        """Puts notices into a state."""
        with self.store.write() as work:
            work.notices.change([Change(i, state, reason) for i, state, reason in states], self.clock.now())
