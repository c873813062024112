"""The second look at notices whose mails are about to go out."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from services.scheduler.domain.books import Recipient
from services.scheduler.domain.calendar import Calendar
from services.scheduler.domain.campaigns import Campaign, leaves_out_invited
from services.scheduler.domain.hours import Wait, hours_of, wait
from services.scheduler.domain.letter import Letter, NotYet, Withheld, not_yet, unknown, withheld
from services.scheduler.domain.notice import (
    EXCLUSION_LISTS,
    OPTIONAL,
    Change,
    Known,
    Leaving,
    Notice,
    NoticeType,
    State,
)
from services.scheduler.domain.overtaking import may_be_told_by_another
from services.scheduler.domain.pauses import Paused
from services.scheduler.domain.review import Circumstances, No, Yes, look_again
from services.scheduler.domain.whom import keys_of
from services.scheduler.ports import Store, Work
from services.scheduler.ports_peers import Accounts, Ledger
from services.scheduler.use_cases.books_seen import BooksSeen, read_books, today_of
from services.shared.clock import Clock
from services.shared.errors import Busy, invalid_field

MOST = 200

Verdicts = dict[str, Yes | No | Wait]


def review_notices(
    notice_ids: Sequence[str], *, store: Store, ledger: Ledger, accounts: Accounts, clock: Clock
) -> list[Letter | NotYet | Withheld]:
    """One answer for each id, in order, as things stand at this moment; a no is recorded.

    What may go, but not at this hour, stays queued: the mailer has it, and asks again at that instant. So
    quiet hours and closed days hold whatever has kept a mail back, such as a cap or a server that was away.

    The ledger is asked a few times for each kind of subject, however many they are. Most verdicts are yes
    and need no write lock; when there is a no, the verdicts are taken once more in the transaction that
    records it. `Invalid` (TOO_MANY_NOTICES) above 200 ids.
    """
    if len(notice_ids) > MOST:
        description = f"At most {MOST} notices are reviewed at once; these are {len(notice_ids)}."
        raise invalid_field("notice_ids", "TOO_MANY_NOTICES", description)
    with store.read() as work:
        notices = work.notices.get(notice_ids)
        summary = work.email_types.get(NoticeType.ACCOUNT_SUMMARY)
        calendar = work.calendar.get()
    # Of all of them: one that is not queued yet may be by the time that the verdicts are taken.
    books = read_books(notices.values(), summary, calendar, clock, ledger=ledger, accounts=accounts)
    with store.read() as work:
        calendar = work.calendar.get()
        types = work.email_types.all()
        notices = work.notices.get(notice_ids)
        verdicts = _verdicts(_queued(notices.values()), books, calendar, work, clock)
    if any(isinstance(verdict, No) for verdict in verdicts.values()):
        with store.write() as work:
            calendar = work.calendar.get()
            about = {notice.invoice_id for notice in notices.values() if notice.invoice_id}
            work.notices.known_to_change(list(about), list(notices))
            notices = work.notices.get(list(notices))
            verdicts = _verdicts(_queued(notices.values()), books, calendar, work, clock)
            work.notices.change(_refused(notices, verdicts), clock.now())
            notices = work.notices.get(list(notices))
    tells_plan = types[NoticeType.INVOICE].tells_payment_date
    answers: dict[str, Letter | NotYet | Withheld] = {}
    for notice_id, notice in notices.items():
        verdict = verdicts.get(notice_id)
        if isinstance(verdict, Yes):
            answers[notice_id] = _letter(notice, verdict, books, calendar, clock, tells_plan=tells_plan)
        elif isinstance(verdict, Wait):
            answers[notice_id] = not_yet(notice_id, verdict, calendar.zone_of(books.time_zone(notice)))
        else:
            answers[notice_id] = withheld(notice)
    return [answers.get(notice_id) or unknown(notice_id) for notice_id in notice_ids]


class NotYetUnknown(Busy):
    """A mailer of an older release would take it for an answer that it cannot send by, and give up."""

    reason = "NOT_YET_UNKNOWN"


def refuse_not_yet(answers: Iterable[Letter | NotYet | Withheld]) -> None:
    """`NotYetUnknown` if one of them is not yet: whoever does not know that waits, and asks again."""
    if any(isinstance(answer, NotYet) for answer in answers):
        raise NotYetUnknown("Emails wait for their hour, of which only a newer mailer knows.")


def _letter(
    notice: Notice, verdict: Yes, books: BooksSeen, calendar: Calendar, clock: Clock, *, tells_plan: bool
) -> Letter:
    time_zone = books.time_zone(notice)
    return Letter(
        notice=notice,
        verdict=verdict,
        time_zone=str(calendar.zone_of(time_zone)),
        today=today_of(notice, time_zone, calendar, clock),
        subject=books.subject(notice),
        account=books.account(notice),
        contact=books.contact(notice),
        language=books.language(notice),
        tells_plan=tells_plan,
    )


def _queued(notices: Iterable[Notice]) -> list[Notice]:
    return [notice for notice in notices if notice.state is State.QUEUED]


def _verdicts(
    queued: Sequence[Notice], books: BooksSeen, calendar: Calendar, work: Work, clock: Clock
) -> Verdicts:
    rules = dict(work.rules.all())
    types = work.email_types.all()
    siblings: defaultdict[int, list[Known]] = defaultdict(list)
    about_due = {notice.invoice_id for notice in queued if notice.type is NoticeType.DUE_NOTICE}
    for row in work.notices.known(list(about_due)):
        siblings[row.invoice_id].append(row)
    others = _others(queued, work)
    campaigns = work.campaigns.among({n.campaign_id for n in queued if n.campaign_id})
    invited = _invited_otherwise(queued, campaigns, work)
    # Last, so that on any database what has just been committed is seen.
    suppressed, unsubscribed = _addresses(queued, books, work)
    excluded = _excluded(queued, work)
    paused = Paused(work.pauses.live({notice.organization_id for notice in queued}))
    todays = {n.notice_id: today_of(n, books.time_zone(n), calendar, clock) for n in queued}
    return {
        notice.notice_id: look_again(
            notice,
            Circumstances(
                today=todays[notice.notice_id],
                subject=books.subject(notice),
                account=books.account(notice),
                contact=books.contact(notice),
                rules=rules,
                siblings=siblings[notice.invoice_id],
                excluded=notice.organization_id in excluded[notice.type],
                paused=paused.forbids(
                    notice.type, notice.organization_id, notice.invoice_id, todays[notice.notice_id]
                ),
                paused_invoices=paused.invoices(notice.organization_id, todays[notice.notice_id]),
                settings=types.get(notice.type),
                summary=types[NoticeType.ACCOUNT_SUMMARY],
                others=others[notice.notice_id],
                campaign=campaigns.get(notice.campaign_id),
                invited=notice.notice_id in invited,
                suppressed=suppressed,
                unsubscribed=unsubscribed[notice.type],
                wait=_wait(notice, books.time_zone(notice), calendar, clock),
            ),
        )
        for notice in queued
    }


def _others(queued: Sequence[Notice], work: Work) -> Mapping[str, list[Leaving]]:
    """By notice those that may tell the same; one question for each type."""
    by_type: defaultdict[NoticeType, list[Notice]] = defaultdict(list)
    for notice in filter(may_be_told_by_another, queued):
        by_type[notice.type].append(notice)
    others: defaultdict[str, list[Leaving]] = defaultdict(list)
    for type, those in by_type.items():
        by_organization: defaultdict[str, list[Leaving]] = defaultdict(list)
        for other in work.notices.leaving(type, {notice.organization_id for notice in those}):
            by_organization[other.organization_id].append(other)
        others |= {notice.notice_id: by_organization[notice.organization_id] for notice in those}
    return others


def _invited_otherwise(queued: Sequence[Notice], campaigns: Mapping[str, Campaign], work: Work) -> set[str]:
    """The invitations to contacts who have got another one, or are about to; of campaigns without these.

    One of another campaign that is only queued does not count: it may be withheld for the same reason.
    """
    without = {id for id, campaign in campaigns.items() if leaves_out_invited(campaign.audience)}
    asked = {n.notice_id: n.access.contact_id for n in queued if n.campaign_id in without and n.access}
    others: defaultdict[int, set[str]] = defaultdict(set)
    for one in work.notices.invitations(set(asked.values())):
        if one.state is State.SENT or not one.campaign_id:
            others[one.contact_id].add(one.notice_id)
    return {notice_id for notice_id, contact_id in asked.items() if others[contact_id] - {notice_id}}


def _wait(notice: Notice, time_zone: str, calendar: Calendar, clock: Clock) -> Wait | None:
    """Where a sandbox had its clock set, nothing waits."""
    if calendar.settings.sandbox and notice.as_of is not None:
        return None
    return wait(calendar, hours_of(notice.type, notice.lane), clock.now(), time_zone)


def _excluded(queued: Sequence[Notice], work: Work) -> Mapping[NoticeType, set[str]]:
    """By type, which organizations are excluded; one question for each list."""
    by_type: defaultdict[NoticeType, set[str]] = defaultdict(set)
    for notice in queued:
        by_type[EXCLUSION_LISTS.get(notice.type, notice.type)].add(notice.organization_id)
    found = {type: work.exclusions.among(type, asked) for type, asked in by_type.items()}
    return defaultdict(set, {n.type: found[EXCLUSION_LISTS.get(n.type, n.type)] for n in queued})


def _addresses(
    queued: Sequence[Notice], books: BooksSeen, work: Work
) -> tuple[set[str], Mapping[NoticeType, set[str]]]:
    """The addresses among all recipients that get no mail, and by type those that want none of it."""
    by_type: defaultdict[NoticeType, set[str]] = defaultdict(set)
    for notice in queued:
        by_type[notice.type] |= _all_keys(notice, books)
    everybody = set().union(*by_type.values())
    unsubscribed = {
        type: work.addresses.unsubscribed(type, keys) for type, keys in by_type.items() if type in OPTIONAL
    }
    return work.addresses.suppressed(everybody), defaultdict(set, unsubscribed)


def _all_keys(notice: Notice, books: BooksSeen) -> set[str]:
    """Of everybody whom it might go to."""
    if notice.access:
        return keys_of([Recipient("", notice.access.email)])
    found = books.subject(notice) or books.account(notice)
    keys = keys_of(found.addressees) if found else set()
    if notice.payment and notice.payment.payer_email:
        keys |= keys_of([Recipient("", notice.payment.payer_email)])
    return keys


def _refused(notices: Mapping[str, Notice], verdicts: Verdicts) -> list[Change]:
    return [
        Change(notice_id, verdict.state, verdict.reason, as_of=notices[notice_id].as_of)
        for notice_id, verdict in verdicts.items()
        if isinstance(verdict, No)
    ]
