"""Scheduler and mailer together: whatever keeps a mail back, it leaves at an hour at which it may."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.mailer.converters_letters import verdict
from services.mailer.domain.delivery import Answer, Stage
from services.mailer.domain.message import Lane, Rendered, Request, State
from services.mailer.ports import Reviewed
from services.scheduler.converters_letters import to_review
from services.scheduler.domain.business_days import business_days
from services.scheduler.domain.notice import Lane as SchedulerLane
from services.scheduler.domain.quiet_hours import QuietHours
from tests.fakes.mailer_desk import FakeReviews, FakeTransport, Office
from tests.fakes.scheduler_accounts import FakeOrganization
from tests.fakes.scheduler_peers import an_invoice
from tests.unit.scheduler.world import World

ZONES = ("Europe/Berlin", "America/Chicago", "Asia/Tokyo", "Pacific/Kiritimati", "")
LATER = Answer(Stage.SENDER, 451, "4.3.0 later")
AWAY = Answer(Stage.CONNECT, None, "Nobody answers.")


class SchedulerReviews(FakeReviews):
    """The scheduler's second look, as it comes over the wire."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world
        self.count = 0

    def review(self, notice_ids: Sequence[str]) -> Reviewed:
        self.count += len(notice_ids)
        reviews = map(to_review, self._world.review(*notice_ids))
        verdicts = {review.notice_id: verdict(review) for review in reviews}
        return Reviewed({id: said for id, said in verdicts.items() if said is not None})


class WatchedTransport(FakeTransport):
    """Remembers when each mail left."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world
        self.left: list[tuple[datetime, str]] = []

    def send(self, mail: Rendered, *, together: bool) -> Answer:
        answer = super().send(mail, together=together)
        if answer.code == 250:
            notice_id = mail.mime.split(b"@")[0].decode()[1:]
            self.left.append((self._world.clock.now(), notice_id))
        return answer


class Both:
    """An organization with an overdue invoice in each zone; what was decided is handed over to the mailer."""

    def __init__(self, **calendar: object) -> None:
        self.world = World(15)
        self.world.ledger.invoices.clear()
        for number, zone in enumerate(ZONES, 1):
            self.world.accounts.organizations[f"o{number}"] = FakeOrganization(f"Org {number}", zone)
            for invoice_id in (number, number + 10):
                self.world.ledger.put(an_invoice(invoice_id, organization_id=f"o{number}"))
        self.world.calendar(sandbox=False, **calendar)
        self.world.clock.set(datetime(2026, 3, 19, 12, 0, tzinfo=UTC))
        self.world.tick()
        self.reviews = SchedulerReviews(self.world)
        self.transport = WatchedTransport(self.world)
        self.office = Office(reviews=self.reviews, transport=self.transport, clock=self.world.clock)

    def go_on(self) -> None:
        while self.world.hand_over():
            pass
        handed, self.world.mailer.accepted = self.world.mailer.accepted, []
        requests = [Request(h.notice_id, h.organization_id, h.invoice_number, lane=_lane(h)) for h in handed]
        with self.office.store.write() as work:
            work.messages.accept(requests, "example.test", self.world.clock.now())
        while self.office.run():
            pass

    def zone_of(self, notice_id: str) -> ZoneInfo:
        [notice] = [one for one in self.world.notices() if one.notice_id == notice_id]
        return ZoneInfo(ZONES[int(notice.organization_id[1:]) - 1] or "UTC")


def _lane(handed: object) -> Lane:
    return Lane[SchedulerLane(handed.lane).name]  # type: ignore[attr-defined]


HOURS = st.sampled_from(
    [("21:00", "08:00"), ("00:00", "07:30"), ("12:00", "13:00"), ("", ""), ("20:00", "14:00")]
)
DELAYS = st.sampled_from(["stop", "go on", "refuse", "away", "back", "cap", "domain", "no limits"])


@settings(max_examples=25, deadline=None)
@given(
    quiet=HOURS,
    business=st.booleans(),
    story=st.lists(st.tuples(DELAYS, st.integers(1, 20 * 60)), min_size=1, max_size=9),
)
def test_no_mail_leaves_at_a_quiet_hour_or_on_a_closed_day_and_all_leave_in_the_end(
    quiet: tuple[str, str], business: bool, story: list[tuple[str, int]]
) -> None:
    hours = QuietHours(*quiet)
    both = Both(quiet=hours, business_days_only=business, country="DE", send_at="09:30")
    for what, minutes in [*story, *[("go on", 0), ("back", 0), ("no limits", 0)], *[("wait", 180)] * 40]:
        _do(what, both)
        both.world.clock.advance(timedelta(minutes=minutes))
        both.go_on()
    for at, notice_id in both.transport.left:
        local = at.astimezone(both.zone_of(notice_id))
        assert not hours.hold(f"{local:%H:%M}"), (local, quiet)
        assert not business or business_days("DE").is_open(local.date()), local
    given_up = {State.FAILED} if any(what == "refuse" for what, _ in story) else set()
    assert set(both.office.states()) <= {State.SENT, *given_up}
    assert both.reviews.count < 1000, "asked for ever"


def _do(what: str, both: Both) -> None:
    match what:
        case "stop" | "go on":
            both.office.stop(stopped=what == "stop")
        case "refuse":
            both.transport.answers = [LATER] * 3
        case "away" | "back":
            both.transport.trouble = AWAY if what == "away" else None
        case "cap":
            both.office.limit(daily_cap=2)
        case "domain":
            both.office.limit(domain_per_minute=1)
        case "no limits":
            both.office.limit()


@pytest.mark.parametrize("hour", [0, 7, 12, 19, 22])
def test_what_a_daily_cap_has_left_over_does_not_leave_at_midnight(hour: int) -> None:
    both = Both(quiet=QuietHours("21:00", "08:00"), send_at="09:30")
    both.office.limit(daily_cap=3, time_zone="Europe/Berlin")
    both.world.clock.set(datetime(2026, 3, 19, hour, 10, tzinfo=UTC))
    for _ in range(8 * 24):
        both.go_on()
        both.world.clock.advance(timedelta(hours=1))
    hours = {at.astimezone(both.zone_of(notice_id)).hour for at, notice_id in both.transport.left}
    assert hours <= set(range(8, 21))
    days = [at.astimezone(ZoneInfo("Europe/Berlin")).date() for at, _ in both.transport.left]
    assert max(map(days.count, days)) == 3
    assert len(both.transport.left) == len(ZONES) * 2
    assert len(set(days)) == 4, "what waits for the morning uses none of the day's cap"
