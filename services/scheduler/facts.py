"""Facts that came in, handed to their use cases in the transaction that marks them as handled."""

import re
from collections.abc import Callable, Sequence
from functools import partial

from sqlalchemy import Connection

from services.scheduler.converters_books import method_fact, payment_fact, plan_fact, recorded_invoices
from services.scheduler.domain import reasons
from services.scheduler.domain.notice import NoticeType
from services.scheduler.ports import NewId, Work
from services.scheduler.repository import SqlWork
from services.scheduler.use_cases import receipts
from services.scheduler.use_cases.new_invoices import invoices_recorded
from services.shared.clock import Clock
from services.shared.facts import StoredFact

_ABOUT_MESSAGES = ("message_sent", "message_failed")

_BEFORE_CODES = re.compile(rf"{reasons.ADDRESSES_SUPPRESSED}: (Mails to .+ come back\.)", re.DOTALL)
"""How mailers told it before facts had a code. Such facts may still be on their way, or among those put
aside, and those have no end: this may go once no release is supported from which one could come."""


class FactHandler:
    """Handles the facts that the scheduler listens to; others pass by. `wake` tells of new notices.

    That a mail came back is none of them: the mail did leave, and its history is the mailer's. What follows
    of it comes as a fact about the address.
    """

    def __init__(self, clock: Clock, new_id: NewId, wake: Callable[[], None]) -> None:
        self._clock = clock
        self._new_id = new_id
        self._wake = wake
        self._handlers: dict[str, Callable[[StoredFact, Work], None]] = {
            "payment_succeeded": self._payment_succeeded,
            "payment_failed": self._payment_failed,
            "payment_scheduled": partial(self._plan_changed, NoticeType.PAYMENT_SCHEDULED),
            "payment_rescheduled": partial(self._plan_changed, NoticeType.PAYMENT_RESCHEDULED),
            "payment_cancelled": partial(self._plan_changed, NoticeType.PAYMENT_CANCELLED),
            "method_failed": self._method_failed,
            "invoices_recorded": self._invoices_recorded,
            "message_sent": self._message_sent,
            "message_failed": self._message_failed,
            "address_suppressed": partial(self._address, suppressed=True),
            "address_restored": partial(self._address, suppressed=False),
        }

    def lock(self, connection: Connection, facts: Sequence[StoredFact]) -> None:
        """Locks the notices that the facts are about, then what is told of the last mails of each rule.

        So of those who handle several facts one does at a time, and facts about the same addresses, too,
        never wait for each other in a circle.
        """
        work = SqlWork(connection, locks=True)
        work.notices.get({fact.body["notice_id"] for fact in facts if fact.name in _ABOUT_MESSAGES})
        work.email_types.lock_last_sent()

    def __call__(self, connection: Connection, fact: StoredFact) -> None:
        """Applies one fact within the given transaction."""
        handler = self._handlers.get(fact.name)
        if handler is not None:
            handler(fact, SqlWork(connection, locks=True))

    def _payment_succeeded(self, fact: StoredFact, work: Work) -> None:
        payment, now = payment_fact(fact), self._clock.now()
        receipts.payment_succeeded(payment, work=work, new_id=self._new_id, now=now)
        self._wake()

    def _payment_failed(self, fact: StoredFact, work: Work) -> None:
        payment, now = payment_fact(fact), self._clock.now()
        receipts.payment_failed(payment, work=work, new_id=self._new_id, now=now)
        self._wake()

    def _plan_changed(self, type: NoticeType, fact: StoredFact, work: Work) -> None:
        told = fact.body["plan"]
        invoice = receipts.PlannedInvoice(told["organization_id"], told["invoice_id"], told["invoice_number"])
        now = self._clock.now()
        receipts.plan_changed(type, plan_fact(fact), invoice, work=work, new_id=self._new_id, now=now)
        self._wake()

    def _method_failed(self, fact: StoredFact, work: Work) -> None:
        organization_id, failures = fact.body["organization_id"], fact.body["failures"]
        now = self._clock.now()
        receipts.method_failed(
            method_fact(fact), organization_id, failures, work=work, new_id=self._new_id, now=now
        )
        self._wake()

    def _invoices_recorded(self, fact: StoredFact, work: Work) -> None:
        invoices_recorded(recorded_invoices(fact), work=work)

    def _message_sent(self, fact: StoredFact, work: Work) -> None:
        notice_id, message_id = fact.body["notice_id"], fact.body["message_id"]
        receipts.message_sent(notice_id, message_id, work=work, now=self._clock.now())

    def _message_failed(self, fact: StoredFact, work: Work) -> None:
        code, words = _why_not_sent(fact)
        receipts.message_failed(fact.body["notice_id"], words, code=code, work=work, now=self._clock.now())

    def _address(self, fact: StoredFact, work: Work, *, suppressed: bool) -> None:
        email, reason = fact.body["email"], fact.body.get("reason", "")
        work.addresses.note_suppressed(email, reason, suppressed=suppressed, told_at=fact.occurred_at)


def _why_not_sent(fact: StoredFact) -> tuple[str, str]:
    """The code, empty if there is none, and the words.

    What a mail server says never looks like the old form: a number or an address stands before it.
    """
    code, words = fact.body.get("code", ""), fact.body["reason"]
    if not code and (told := _BEFORE_CODES.fullmatch(words)):
        return reasons.ADDRESSES_SUPPRESSED, told[1]
    return code, words
