"""However long a line is: nobody is told the same twice, and nobody waits for ever."""

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from services.scheduler.domain.email_types import OnNewInvoice
from services.scheduler.domain.letter import Letter
from services.scheduler.domain.notice import Lane, Leaving, Notice, NoticeType, State
from services.scheduler.domain.overtaking import is_told_by_another
from services.scheduler.domain.reasons import SCHEDULE_REACHED
from tests.unit.scheduler.other_types import summaries, with_types
from tests.unit.scheduler.test_overtaken_mails import decide_on_new_invoices, of_acme

LOOKS = st.sets(st.integers(0, 7), min_size=1, max_size=3)
START = datetime(2026, 3, 2, tzinfo=UTC)


def test_where_each_day_brings_a_summary_and_the_line_takes_longer_one_goes_whenever_it_may() -> None:
    world = with_types(summaries(on_new_invoice=OnNewInvoice.SUMMARY))
    sent = []
    for day in range(7):
        decide_on_new_invoices(world, f"s{day}")
        world.clock.advance(timedelta(hours=12))
        if day > 0:
            # Each comes to the head of the line after a day and a half.
            head = of_acme(world)[day - 1]
            (answer,) = world.review(head.notice_id)
            if isinstance(answer, Letter):
                world.sent(head.notice_id)
                sent.append(day - 1)
        world.clock.advance(timedelta(hours=12))
    assert sent == [0, 2, 4], "those between were decided before the one ahead of them went"


@settings(max_examples=300, deadline=None)
@given(st.lists(st.one_of(st.just("decide"), LOOKS), max_size=40))
def test_each_summary_is_told_by_a_mail_that_went_after_it_was_decided_and_none_goes_needlessly(
    steps: list[str | set[int]],
) -> None:
    """A step decides one, or looks at some of those that wait, all at once, and sends those that may go."""
    line = Line()
    for step in steps:
        if isinstance(step, str):
            line.decide()
        else:
            line.look(step)
    line.look(set(range(len(line.waiting()))))
    assert line.waiting() == []
    for decided_at in line.decided_at.values():
        assert any(at > decided_at for at in line.sent_at.values()), "it is told"
    for notice_id, at in line.sent_at.items():
        since = line.decided_at[notice_id]
        assert not any(since < other < at for other in line.sent_at.values()), "nobody had told it"


class Line:
    """Summaries of one organization; each step takes a minute."""

    def __init__(self) -> None:
        self.notices: dict[str, Leaving] = {}
        self.decided_at: dict[str, datetime] = {}
        self.sent_at: dict[str, datetime] = {}
        self._now = START

    def decide(self) -> None:
        self._now += timedelta(minutes=1)
        notice_id = f"n{len(self.decided_at):03}"
        self.decided_at[notice_id] = self._now
        self.notices[notice_id] = Leaving(
            notice_id, NoticeType.ACCOUNT_SUMMARY, "acme", notice_id, State.QUEUED, self._now, Lane.USUAL
        )

    def waiting(self) -> list[Leaving]:
        return [one for one in self.notices.values() if one.state is State.QUEUED]

    def look(self, places: set[int]) -> None:
        self._now += timedelta(minutes=1)
        waiting = self.waiting()
        looked_at = [waiting[place] for place in places if place < len(waiting)]
        seen = list(self.notices.values())
        told = {one.notice_id for one in looked_at if is_told_by_another(_notice(one), seen, None)}
        for one in looked_at:
            if one.notice_id in told:
                del self.notices[one.notice_id]
            else:
                self.notices[one.notice_id] = one._replace(state=State.SENT, decided_at=self._now)
                self.sent_at[one.notice_id] = self._now


def _notice(one: Leaving) -> Notice:
    return Notice(
        notice_id=one.notice_id,
        type=one.type,
        organization_id=one.organization_id,
        invoice_id=0,
        invoice_number="",
        threshold=0,
        due_on=None,
        state=one.state,
        reason=SCHEDULE_REACHED,
        decided_at=one.decided_at,
        occurrence=one.occurrence,
    )
