"""A send worker with what it is given, in memory: the second look, the connection, the press."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any

from services.mailer.domain.circuit import Circuit
from services.mailer.domain.company import Profile
from services.mailer.domain.delivery import Answer, Stage
from services.mailer.domain.letter import Letter, Recipient, Verdict
from services.mailer.domain.message import Claimed, EventKind, Lane, Message, Rendered, State
from services.mailer.domain.pace import Pace
from services.mailer.domain.sample import sample_letter
from services.mailer.domain.sending import Limits, Standing
from services.mailer.domain.templates import Areas, Key, Template, TemplateType
from services.mailer.domain.zone_watch import ZoneWatch
from services.mailer.ports import Preview, Reviewed, ReviewUnavailable
from services.mailer.use_cases.desk import Desk
from services.mailer.use_cases.keep import UnderWay
from services.mailer.use_cases.record import Recorder
from services.mailer.use_cases.send import send_some
from services.mailer.use_cases.sending import get_sending, set_stopped, update_sending
from tests.fakes.clock import SetClock
from tests.fakes.mailer import FakeStore, requests

TAKEN = Answer(Stage.CONTENT, 250, "2.0.0 taken")


class FakeReviews:
    """Says yes to everything, unless told otherwise for one notice or for all."""

    def __init__(self) -> None:
        self.verdicts: dict[str, Verdict] = {}
        self.unanswered: set[str] = set()
        self.away = False
        self.company_time_zone = ""
        self.asked: list[list[str]] = []
        self.meanwhile: Callable[[int], None] = lambda _count: None

    def review(self, notice_ids: Sequence[str]) -> Reviewed:
        company_time_zone = self.company_time_zone
        self.meanwhile(len(notice_ids))
        if self.away:
            raise ReviewUnavailable("the scheduler is away")
        self.asked.append(list(notice_ids))
        assert len(self.asked) < 500, "asked for ever"
        verdicts = {id: self.verdicts.get(id, a_letter()) for id in notice_ids if id not in self.unanswered}
        return Reviewed(verdicts, company_time_zone)


class FakeTransport:
    """Gives the answers that were laid out for it, then takes everything."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.sent: list[Rendered] = []
        self.together: list[bool] = []
        self.trouble: Answer | None = None
        self.probes = 0
        self.rests = 0
        self.open = False
        self.connects = 0
        self.meanwhile: Callable[[], None] = lambda: None
        self.connecting: Callable[[], None] = lambda: None

    def ready(self) -> Answer | None:
        if not self.open:
            self.connecting()
            self.connects += 1
            self.open = self.trouble is None
        return self.trouble

    def is_open(self) -> bool:
        return self.open

    def send(self, mail: Rendered, *, together: bool) -> Answer:
        assert self.open, "a mail was handed over without a connection"
        self.meanwhile()
        self.together.append(together)
        answer = self.trouble or (self.answers.pop(0) if self.answers else TAKEN)
        if answer.code == TAKEN.code:
            self.sent.append(mail)
        self.open = answer.code not in (None, 421)
        return answer

    def probe(self) -> Answer | None:
        self.probes += 1
        self.open = self.trouble is None
        return self.trouble

    def rest(self) -> None:
        self.rests += 1


class FakePress:
    """Writes mails that hold no more than what tests ask about."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.meanwhile: Callable[[], None] = lambda: None

    def clean(self, html: str) -> str:
        return html

    def write(
        self, letter: Letter, template: Template, company: Profile, message: Claimed, at: datetime
    ) -> Rendered:
        self.meanwhile()
        if self.error:
            raise self.error
        return Rendered(
            template=template.key,
            template_version=template.version,
            sender=company.company.from_address,
            recipients=tuple(one.email for one in letter.recipients),
            subject=f"Invoice {letter.invoice.number}",
            mime=f"{message.message_id} {at.isoformat()}".encode(),
        )

    def preview(self, key: Key, areas: Areas, company: Profile, today: date) -> Preview:
        return Preview(areas.subject, areas.header, areas.title)

    def samples(self, key: Key, company: Profile, today: date) -> dict[str, str]:
        raise NotImplementedError


def a_letter(type: TemplateType = TemplateType.DUE_NOTICE_AFTER) -> Letter:
    """A letter as the second look gives it."""
    return sample_letter(type, date(2026, 3, 2))


@dataclass
class Office:
    """A send worker with everything around it."""

    store: FakeStore = field(default_factory=FakeStore)
    reviews: FakeReviews = field(default_factory=FakeReviews)
    press: FakePress = field(default_factory=FakePress)
    transport: FakeTransport = field(default_factory=FakeTransport)
    circuit: Circuit = field(default_factory=Circuit)
    under_way: UnderWay = field(default_factory=UnderWay)
    pace: Pace = field(default_factory=Pace)
    zone_watch: ZoneWatch = field(default_factory=ZoneWatch)
    clock: SetClock = field(default_factory=SetClock)

    def desk(self, owner: str = "a", transport: FakeTransport | None = None) -> Desk:
        return Desk(
            begin=self.store.write,
            reviews=self.reviews,
            press=self.press,
            transport=transport or self.transport,
            circuit=self.circuit,
            recorder=Recorder(self.store.write, self.clock, pauses=()),
            under_way=self.under_way,
            clock=self.clock,
            owner=owner,
            pace=self.pace,
            zone_watch=self.zone_watch,
        )

    def accept(self, count: int = 1, *, start: int = 1, lane: Lane = Lane.USUAL) -> None:
        batch = [replace(request, lane=lane) for request in requests(count, start=start)]
        with self.store.write() as work:
            work.messages.accept(batch, "example.test", self.clock.now())

    def write_to(self, number: int, *emails: str) -> None:
        """The letter of a notice goes to these."""
        recipients = tuple(Recipient("", email) for email in emails)
        self.reviews.verdicts[f"notice-{number}"] = replace(a_letter(), recipients=recipients)

    def limit(self, **limits: Any) -> Standing:
        return update_sending(
            Limits(**limits),
            write=self.store.write,
            read=self.store.read,
            clock=self.clock,
            wake=lambda: None,
        )

    def stop(self, *, stopped: bool = True) -> Standing:
        return set_stopped(
            "Ann",
            stopped=stopped,
            write=self.store.write,
            read=self.store.read,
            clock=self.clock,
            wake=lambda: None,
        )

    def standing(self) -> Standing:
        return get_sending(begin=self.store.read, clock=self.clock)

    def run_all(self) -> None:
        while self.run():
            pass

    def sent(self) -> list[str]:
        """The notices in the order in which they left."""
        return [mail.mime.split(b"@")[0].decode()[1:] for mail in self.transport.sent]

    def run(self) -> bool:
        return send_some(self.desk())

    def wait(self, **span: float) -> None:
        self.clock.advance(timedelta(**span))

    def message(self, number: int = 1) -> Message:
        message = self.store.work.messages.get(f"notice-{number}")
        assert message is not None
        return message

    def states(self) -> list[State]:
        return [row.message.state for row in self.store.work.messages.rows.values()]

    def last(self, number: int = 1) -> tuple[EventKind, str]:
        event = self.message(number).events[-1]
        return event.kind, event.detail
