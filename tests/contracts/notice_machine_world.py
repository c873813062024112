"""A scheduler that may be killed at every commit, a mailer that keeps its word, and facts on their way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from itertools import count

from services.scheduler.domain.letter import Letter
from services.scheduler.domain.notice import HandOver, Notice, PaymentFact, State
from services.scheduler.ports import Store, Work
from services.scheduler.use_cases import receipts
from services.shared.errors import Busy
from tests.fakes.dying_store import DyingStore, Killed
from tests.unit.scheduler.world import World


class ModelMailer:
    """What the mailer promises: each notice once, after a second look, and a fact about what came of it."""

    def __init__(self) -> None:
        self.messages: dict[str, str] = {}
        """queued, withheld, sent or failed, by notice."""
        self.away = False

    def accept(self, notices: Sequence[HandOver]) -> None:
        if self.away:
            raise Busy("the mailer is away")
        for notice in notices:
            if self.messages.get(notice.notice_id, "withheld") == "withheld":
                self.messages[notice.notice_id] = "queued"

    def queued(self) -> list[str]:
        return sorted(notice_id for notice_id, state in self.messages.items() if state == "queued")


class NoticeWorld:
    """The scheduler's use cases among a ledger, a mailer and a bus that delivers in any order."""

    def __init__(self, store: Store) -> None:
        self.store = DyingStore(store)
        self.world = World(store=self.store)
        self.mailer = ModelMailer()
        self.world.mailer = self.mailer  # type: ignore[assignment]  # it has the one method of the port
        self.out: list[Notice] = []
        """Every mail that went out."""
        self.bus: list[Callable[[Work], None]] = []
        self._ids = count(1)

    def survives(self, work: Callable[[], object]) -> bool:
        """Does it in a process that may be killed; whether it lived."""
        try:
            work()
        except Killed:
            return False
        finally:
            self.store.revive()
        return True

    def notices(self) -> list[Notice]:
        return self.world.notices()

    def notice(self, notice_id: str) -> Notice:
        with self.store.read() as work:
            return work.notices.get([notice_id])[notice_id]

    def look(self, notice_id: str) -> bool:
        """The mailer's second look; whether the mail may go."""
        answers: list[object] = []
        if not self.survives(lambda: answers.extend(self.world.review(notice_id))):
            return False  # the mailer got no answer, and asks again
        if isinstance(answers[0], Letter):
            return True
        self.mailer.messages[notice_id] = "withheld"
        return False

    def send(self, notice_id: str, *, taken: bool) -> None:
        """The SMTP server takes the mail, or refuses it for good."""
        now = self.world.clock.now
        if taken:
            self.mailer.messages[notice_id] = "sent"
            self.out.append(self.notice(notice_id))
            self.bus.append(
                lambda work: receipts.message_sent(notice_id, f"<{notice_id}@test>", work=work, now=now())
            )
        else:
            self.mailer.messages[notice_id] = "failed"
            self.bus.append(
                lambda work: receipts.message_failed(notice_id, "550 never", work=work, now=now())
            )

    def tell_of_payment(self, fact: PaymentFact, *, succeeded: bool) -> None:
        """Paynow tells how a payment ended."""
        handle = receipts.payment_succeeded if succeeded else receipts.payment_failed

        def deliver(work: Work) -> None:
            handle(fact, work=work, new_id=lambda: f"r{next(self._ids):06}", now=self.world.clock.now())

        self.bus.append(deliver)

    def deliver(self, fact: Callable[[Work], None]) -> bool:
        """A fact is handled, whole or not at all."""

        def handle() -> None:
            with self.store.write() as work:
                fact(work)

        return self.survives(handle)

    def settle(self) -> None:
        """No more harm: every fact is handled, every queued notice handed over and looked at."""
        self.mailer.away = False
        for _ in range(20):
            while self.bus:
                assert self.deliver(self.bus.pop(0))
            exhaust(self.world.hand_over)
            for notice_id in self.mailer.queued():
                if self.look(notice_id):
                    self.send(notice_id, taken=True)
            if not self.bus and not any(notice.state is State.QUEUED for notice in self.notices()):
                return
            self.world.clock.advance(timedelta(hours=1, minutes=1))  # what the dead had claimed comes free
        raise AssertionError("it does not come to rest")


def exhaust(work: Callable[[], bool]) -> None:
    """Works until there is nothing to do."""
    for _ in range(100):
        if not work():
            return
    raise AssertionError("there is always something to do")
