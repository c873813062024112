"""What must have come of a campaign: invariants 1 to 6, checked against the world outside."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from dunlin.scheduler.v1 import notices_pb2

from tests.faults import evidence
from tests.faults.aftermath import (
    Ban,
    Charge,
    balance_complaints,
    ban_complaints,
    charge_complaints,
    history_complaints,
    mail_complaints,
    receipt_complaints,
    rewritten_histories,
    unexplained_copies,
    unknowable,
)
from tests.faults.campaign import CLOSED, Campaign
from tests.faults.fleet import Fleet
from tests.faults.results import UNFINISHED, Result, write
from tests.faults.sizes import SEED, SIZE

REVIEW_HOLDS = 3.0
"""How old the mailer's second look may be when a mail is begun: two seconds, and what the way adds."""

BY_DECISION = {"ORGANIZATION_EXCLUDED", "NOT_OPEN", "NOTHING_LEFT_TO_PAY"}
"""Why a notice of these campaigns may stay unsent, beside what the mail server itself refused."""


def prepared(fleet: Fleet, name: str, **options: Any) -> tuple[Campaign, Result]:
    """A campaign of the size that was asked for, its invoices in the books, and the paper for its result."""
    campaign = Campaign(fleet, name, SIZE.notices, SIZE.payments, SEED, **options)
    campaign.prepare()
    write(Result(name, SIZE.name, SEED, SIZE.notices, SIZE.payments, complaints=[UNFINISHED]))
    return campaign, Result(name, SIZE.name, SEED, SIZE.notices, SIZE.payments)


def go_through(
    fleet: Fleet, name: str, harm: Callable[[], object], copies_allowed: Callable[[], int], **options: Any
) -> Result:
    """A campaign in the midst of which `harm` is done; ends when nothing is left to do and all is checked."""
    campaign, result = prepared(fleet, name, **options)
    campaign.begin()
    campaign.reach(0.1)
    campaign.breaks()
    harm()
    campaign.heals()
    campaign.finish(result)
    judge(campaign, result, copies_allowed=copies_allowed())
    assert result.complaints == []
    return result


def judge(campaign: Campaign, result: Result, *, copies_allowed: int) -> None:
    """Adds what is wrong to the result, all of it, and writes it down."""
    name, clients, deliveries = campaign.name, campaign.fleet.clients, campaign.deliveries()
    payments = [p for p in evidence.ledger_payments(clients) if p.invoice.startswith(name)]
    notices = [n for n in evidence.notices(clients) if n.invoice_number.startswith(name)]
    invoices = [i for i in evidence.invoices(clients) if i.number.startswith(name)]
    histories = campaign.histories()
    orderly = campaign.fleet.mail.orderly
    delivered = [delivery.message_id for delivery in deliveries]
    sent = {n.message_id: f"{n.invoice_number} {n.notice_id}" for n in notices if n.message_id}
    # A mail may have gone out unknown to all, and then have been forbidden before it was tried again.
    unknown = unknowable(deliveries, orderly) - set(sent)
    keys = {payment.payment_id for payment in payments}
    result.complaints += [
        *mail_complaints(sent, [m for m in delivered if m not in unknown], copies_allowed=copies_allowed),
        *_notice_complaints(campaign, notices),
        *unexplained_copies(deliveries, orderly),
        *ban_complaints(deliveries, _banned(campaign, notices), holds=REVIEW_HOLDS),
        *history_complaints(histories, delivered, unknown),
        *rewritten_histories(campaign.before, histories),
        *charge_complaints(payments, [c for c in _charges(campaign.fleet) if c.key in keys]),
        *balance_complaints([i for i in invoices if i.number not in campaign.closed()], payments),
        *receipt_complaints(payments, _receipts(notices)),
        *[f"one confirmation became {told}" for paid in campaign.paid if len(told := paid.result()) != 1],
    ]
    if len(payments) != len(campaign.paid):
        result.complaints.append(f"{len(payments)} payments of {len(campaign.paid)} confirmations")
    write(result)


def _banned(campaign: Campaign, notices: Sequence[notices_pb2.Notice]) -> list[Ban]:
    closed, bans = campaign.closed(), []
    for what, since in campaign.bans.items():
        messages = frozenset(
            n.message_id
            for n in notices
            if n.type == notices_pb2.NOTICE_TYPE_DUE_NOTICE
            and (n.invoice_number in closed if what == CLOSED else n.organization_id == what)
        )
        bans.append(Ban(what, since, messages))
    return bans


def _notice_complaints(campaign: Campaign, notices: Sequence[notices_pb2.Notice]) -> list[str]:
    """One due notice for each invoice, sent or with a reason that is one here."""
    due = Counter(n.invoice_number for n in notices if n.type == notices_pb2.NOTICE_TYPE_DUE_NOTICE)
    complaints = [f"{number}: {times} notices" for number, times in due.items() if times > 1]
    missing = {campaign.number(at) for at in range(campaign.notices)} - set(due) - campaign.closed()
    complaints += [f"{number}: no notice" for number in sorted(missing)]
    refused = {
        campaign.organization(at)
        for at, local in campaign.local_parts.items()
        if local.startswith(("never-", "data-5"))
    }
    for notice in notices:
        if notice.state == notices_pb2.NOTICE_STATE_SENT:
            continue
        due_notice = notice.type == notices_pb2.NOTICE_TYPE_DUE_NOTICE
        decided = due_notice and notice.reason in BY_DECISION
        # Whom the server has said not to exist gets no more mails.
        reasons = ("MAILER_GAVE_UP", "ADDRESSES_SUPPRESSED")
        failed = notice.reason in reasons and notice.organization_id in refused
        if not decided and not failed:
            complaints.append(f"{notice.invoice_number} is unsent: {notice.reason or 'no reason'}")
    return complaints


def _receipts(notices: Sequence[notices_pb2.Notice]) -> list[tuple[str, str]]:
    return [
        (n.payment_id, notices_pb2.NoticeType.Name(n.type).removeprefix("NOTICE_TYPE_"))
        for n in notices
        if n.payment_id
    ]


def _charges(fleet: Fleet) -> list[Charge]:
    """The provider's own books, read behind everybody's back."""
    statement = (
        "SELECT key, amount_minor, verdict, settles_reason FROM sandbox_charges WHERE verdict <> 'closed'"
    )
    return [
        Charge(
            str(key),
            int(str(amount)),
            taken=verdict == "approved" or (verdict == "pending" and not returned),
        )
        for key, amount, verdict, returned in fleet.query("sandbox", statement)
    ]
