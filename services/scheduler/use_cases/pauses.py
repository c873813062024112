"""Pauses as staff see them: adding one, ending it, which there are."""

from datetime import date, datetime
from typing import NamedTuple

from services.scheduler.domain.books import Invoice
from services.scheduler.domain.calendar import Calendar
from services.scheduler.domain.pauses import (
    Pause,
    PauseReason,
    PauseState,
    PauseView,
    check_pause,
    promised_of,
)
from services.scheduler.domain.wall_time import instant_of
from services.scheduler.ports import Store, Work
from services.scheduler.use_cases.exclusions import OrganizationMissing
from services.scheduler.use_cases.explain import InvoiceMissing
from services.scheduler.use_cases.newest_first import place_of, token_after
from services.scheduler.use_cases.ticking import Ticking
from services.shared.clock import Clock
from services.shared.errors import Conflict, Missing, WrongState, invalid_field
from services.shared.paging import page_size
from services.shared.paging import total as total_of
from services.shared.request_ids import check_request_id

LONGEST_NAME = 254


class PauseMissing(Missing):
    """There is no such pause."""

    reason = "PAUSE_MISSING"


class PauseDiffers(Conflict):
    """There is another pause of that id."""

    reason = "PAUSE_DIFFERS"


class AlreadyPaused(WrongState):
    """It is paused, and not by the pause that is to be replaced."""

    reason = "ALREADY_PAUSED"


class NothingPromised(WrongState):
    """Nothing is open that could be paid by the promised date."""

    reason = "NOTHING_PROMISED"


class PauseOrder(NamedTuple):
    """A pause to add, of an organization or, where that is empty, of an invoice.

    `replaces` is the pause whose place it takes; empty if there is to be none.
    """

    pause_id: str
    organization_id: str
    invoice_id: int
    reason: PauseReason | None
    note: str
    resumes_on: date | None
    added_by: str
    replaces: str = ""

    def is_for(self, pause: Pause) -> bool:
        """Whether it may have made that pause."""
        subject = self.organization_id in ("", pause.organization_id) and self.invoice_id == pause.invoice_id
        told = (self.reason, self.note, self.resumes_on)
        return subject and told == (pause.reason, pause.note, pause.resumes_on)


class PauseShown(NamedTuple):
    """A pause, and where it stands."""

    pause: Pause
    state: PauseState


class PausePage(NamedTuple):
    """A page of pauses, the token of the next one (empty on the last), and how many there are in all."""

    pauses: list[PauseShown]
    next_page_token: str
    total: int


def add_pause(order: PauseOrder, *, ticking: Ticking) -> PauseShown:
    """Pauses reminders from now on, also those that are queued; a repeat returns the pause as it stands.

    `Invalid`, `OrganizationMissing`, `InvoiceMissing`, `PauseDiffers`, `AlreadyPaused`, `NothingPromised`.
    """
    check_request_id(order.pause_id, "pause_id")
    if not order.organization_id and not order.invoice_id:
        words = "Name the organization or the invoice that is to be paused."
        raise invalid_field("subject", "SUBJECT_MISSING", words)
    with ticking.store.read() as work:
        known, calendar = work.pauses.get(order.pause_id), work.calendar.get()
    if known is not None:
        return _same(known, order, ticking.clock)
    new = _pause(order, _subject(order, ticking), calendar, ticking.clock.now())
    with ticking.store.write() as work:
        known = work.pauses.get(order.pause_id)
        if known is None:
            _take_place(order, new, work)
            work.pauses.add(new)
    return _same(known or new, order, ticking.clock)


class _Subject(NamedTuple):
    """What is to be paused, and of it the invoices that could be promised."""

    organization_id: str
    time_zone: str
    invoices: tuple[Invoice, ...]
    invoice: Invoice | None = None


def _subject(order: PauseOrder, ticking: Ticking) -> _Subject:
    """As the books have it. `OrganizationMissing`, `InvoiceMissing`."""
    if order.invoice_id:
        found = ticking.ledger.subjects([order.invoice_id]).get(order.invoice_id)
        if found is None:
            raise InvoiceMissing(f"The books have no invoice with the ID {order.invoice_id}.")
        invoice = found.invoice
        return _Subject(invoice.organization_id, found.time_zone, (invoice,), invoice)
    account = ticking.accounts.accounts([order.organization_id]).get(order.organization_id)
    if account is None:
        words = f"The books have no organization with the ID {order.organization_id[:100]!r}."
        raise OrganizationMissing(words)
    return _Subject(account.organization_id, account.time_zone, account.invoices)


def _pause(order: PauseOrder, subject: _Subject, calendar: Calendar, now: datetime) -> Pause:
    """`Invalid` (PAUSE_INVALID), `NothingPromised`."""
    today = calendar.date_at(now, subject.time_zone)
    reason, resumes_on = check_pause(order.reason, order.note, order.resumes_on, today)
    promised: tuple[int, ...] = ()
    if reason is PauseReason.PROMISE_TO_PAY:
        promised = promised_of(subject.invoices, resumes_on, one=subject.invoice is not None)
        if not promised:
            words = "Nothing is open that is due by the promised date; choose a later date or another reason."
            raise NothingPromised(words)
    return Pause(
        pause_id=order.pause_id,
        organization_id=subject.organization_id,
        invoice_id=order.invoice_id,
        invoice_number=subject.invoice.number if subject.invoice else "",
        reason=reason,
        note=order.note,
        resumes_on=resumes_on,
        resumes_at=instant_of(resumes_on, "00:00", calendar.zone_of(subject.time_zone)),
        added_by=order.added_by[:LONGEST_NAME],
        added_at=now,
        promised=promised,
    )


def _take_place(order: PauseOrder, new: Pause, work: Work) -> None:
    """Ends the pause whose place it takes. `AlreadyPaused` if another one holds."""
    holds = work.pauses.newest_of(new.organization_id, new.invoice_id)
    if holds is None or holds.state(new.added_at) is not PauseState.IN_FORCE:
        return
    if holds.pause_id != order.replaces:
        words = f"It is paused until {holds.resumes_on} already; change that pause, or end it first."
        raise AlreadyPaused(words, metadata={"pause_id": holds.pause_id})
    work.pauses.put(holds.ended(new.added_by, new.added_at, replaced_by=new.pause_id))


def _same(pause: Pause, order: PauseOrder, clock: Clock) -> PauseShown:
    if not order.is_for(pause):
        raise PauseDiffers("This is the ID of another pause, with other content.")
    return _shown(pause, clock.now())


def end_pause(pause_id: str, ended_by: str, *, store: Store, clock: Clock) -> PauseShown:
    """Ends it now; one that does not hold any more stays as it is. `PauseMissing`."""
    now = clock.now()
    with store.write() as work:
        pause = work.pauses.get(pause_id)
        if pause is None:
            raise PauseMissing(f"There is no pause with the ID {pause_id[:70]!r}.")
        ended = pause.ended(ended_by[:LONGEST_NAME], now)
        if ended != pause:
            work.pauses.put(ended)
    return _shown(ended, now)


def list_pauses(
    view: PauseView, organization_id: str, size: int, token: str, *, store: Store, clock: Clock
) -> PausePage:
    """A page of them, the newest first; of every organization if none is named."""
    query = f"pauses {view} {organization_id}"
    limit, before, now = page_size(size, 50, 200), place_of(query, token), clock.now()
    with store.read() as work:
        found = work.pauses.page(view, organization_id, now, before, limit + 1)
        is_all = before is None and len(found) <= limit
        total = total_of(
            len(found), is_all=is_all, count=lambda most: work.pauses.count(view, organization_id, now, most)
        )
    page = found[:limit]
    more = token_after(query, (page[-1].added_at, page[-1].pause_id)) if len(found) > limit else ""
    return PausePage([_shown(pause, now) for pause in page], more, total)


def _shown(pause: Pause, now: datetime) -> PauseShown:
    return PauseShown(pause, pause.state(now))
