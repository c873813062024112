"""The second look at notices whose mails are about to go out."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from services.scheduler.domain.books import Subject
from services.scheduler.domain.calendar import Calendar
from services.scheduler.domain.letter import Letter, Withheld, unknown, withheld
from services.scheduler.domain.notice import Change, Known, Notice, NoticeType, State
from services.scheduler.domain.review import Circumstances, No, Yes, look_again
from services.scheduler.ports import Ledger, Store, Work
from services.shared.clock import Clock
from services.shared.errors import invalid_field

MOST = 200

Verdicts = dict[str, Yes | No]


def review_notices(
    notice_ids: Sequence[str], *, store: Store, ledger: Ledger, clock: Clock
) -> list[Letter | Withheld]:
    """One answer for each id, in order, as things stand at this moment; a no is recorded.

    The ledger is asked once. Most verdicts are yes and need no write lock; when there is a no, the verdicts
    are taken once more in the transaction that records it. `Invalid` (TOO_MANY_NOTICES) above 200 ids.
    """
    if len(notice_ids) > MOST:
        description = f"At most {MOST} notices are reviewed at once; these are {len(notice_ids)}."
        raise invalid_field("notice_ids", "TOO_MANY_NOTICES", description)
    with store.read() as work:
        notices = work.notices.get(notice_ids)
    subjects: Mapping[int, Subject] = {}
    if notices:
        # Of all of them: one that is not queued yet may be by the time that the verdicts are taken.
        subjects = ledger.subjects({n.invoice_id for n in notices.values()}, with_pay_tokens=True)
    with store.read() as work:
        calendar = work.calendar.get()
        notices = work.notices.get(notice_ids)
        verdicts = _verdicts(_queued(notices.values()), subjects, calendar, work, clock)
    if any(isinstance(verdict, No) for verdict in verdicts.values()):
        with store.write() as work:
            calendar = work.calendar.get()
            work.notices.known_to_change(list({notice.invoice_id for notice in notices.values()}))
            notices = work.notices.get(list(notices))
            verdicts = _verdicts(_queued(notices.values()), subjects, calendar, work, clock)
            work.notices.change(_refused(notices, verdicts), clock.now())
            notices = work.notices.get(list(notices))
    answers: dict[str, Letter | Withheld] = {}
    for notice_id, notice in notices.items():
        verdict = verdicts.get(notice_id)
        answers[notice_id] = (
            Letter(notice, subjects[notice.invoice_id], verdict, calendar.time_zone)
            if isinstance(verdict, Yes)
            else withheld(notice)
        )
    return [answers.get(notice_id) or unknown(notice_id) for notice_id in notice_ids]


def _queued(notices: Iterable[Notice]) -> list[Notice]:
    return [notice for notice in notices if notice.state is State.QUEUED]


def _verdicts(
    queued: Sequence[Notice], subjects: Mapping[int, Subject], calendar: Calendar, work: Work, clock: Clock
) -> Verdicts:
    rules = dict(work.rules.all())
    siblings: defaultdict[int, list[Known]] = defaultdict(list)
    for row in work.notices.known(list({notice.invoice_id for notice in queued})):
        siblings[row.invoice_id].append(row)
    # Last, so that on any database an exclusion that has just been committed is seen.
    organizations = {notice.organization_id for notice in queued}
    excluded = work.exclusions.among(NoticeType.DUE_NOTICE, organizations)
    return {
        notice.notice_id: look_again(
            notice,
            Circumstances(
                subject=subjects.get(notice.invoice_id),
                today=_today(notice, calendar, clock),
                rules=rules,
                siblings=siblings[notice.invoice_id],
                excluded=notice.organization_id in excluded,
            ),
        )
        for notice in queued
    }


def _today(notice: Notice, calendar: Calendar, clock: Clock) -> date:
    """The date that counts: the one the notice was decided for, if a sandbox had its clock set."""
    set_to = notice.as_of if calendar.sandbox else None
    return calendar.date_at(set_to or clock.now())


def _refused(notices: Mapping[str, Notice], verdicts: Verdicts) -> list[Change]:
    return [
        Change(notice_id, verdict.state, verdict.reason, as_of=notices[notice_id].as_of)
        for notice_id, verdict in verdicts.items()
        if isinstance(verdict, No)
    ]
