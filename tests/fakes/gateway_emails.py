"""The types of mail, and mails that a person asks for, in memory for the gateway's tests."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from dunlin.scheduler.v1 import emails_pb2
from dunlin.scheduler.v1.notices_pb2 import NOTICE_STATE_QUEUED, NOTICE_STATE_SKIPPED, Notice, NoticeType

from services.shared.errors import Invalid, Missing, Violation, WrongState
from services.shared.wire import timestamp
from tests.fakes.gateway_accounts import FakeAccounts
from tests.fakes.gateway_rpc import FakeStub, rpc
from tests.fakes.gateway_scheduler import FakeScheduler

SUMMARY = NoticeType.NOTICE_TYPE_ACCOUNT_SUMMARY
INVOICE = NoticeType.NOTICE_TYPE_INVOICE
UPCOMING = NoticeType.NOTICE_TYPE_UPCOMING_PAYMENTS
EXPIRATION = NoticeType.NOTICE_TYPE_METHOD_EXPIRATION
DUE = NoticeType.NOTICE_TYPE_DUE_NOTICE
SWITCHED = (SUMMARY, INVOICE, UPCOMING, EXPIRATION)
OPTIONAL = (SUMMARY, UPCOMING, NoticeType.NOTICE_TYPE_WELCOME)


class FakeEmails(FakeStub):
    """Settings as they ship; sent notices go to the fake scheduler's.

    Every CountEmails answers `count`, or what `counting` makes of the settings.
    """

    def __init__(self, scheduler: FakeScheduler, accounts: FakeAccounts) -> None:
        super().__init__()
        self.scheduler, self.accounts = scheduler, accounts
        self.types = {type_: _shipped(type_) for type_ in NoticeType.values() if type_}
        self.count = emails_pb2.EmailCount(due_now=2, organizations=3, names=["Acme Corporation"])
        self.counting: Callable[[emails_pb2.EmailType], emails_pb2.EmailCount] = lambda _settings: self.count
        self.unreachable: list[emails_pb2.Unreachable] = []
        self.suppressed: set[str] = set()
        self.unsubscribed: dict[tuple[int, str], emails_pb2.Unsubscription] = {}
        self._asked: dict[str, Notice] = {}

    @rpc
    def ListEmailTypes(self, request: Any) -> Any:
        summary = self.types[SUMMARY]
        self.types[INVOICE].enabled = (
            summary.enabled and summary.on_new_invoice == emails_pb2.ON_NEW_INVOICE_INVOICES
        )
        self.types[INVOICE].excluded = summary.excluded
        self.types[DUE].enabled = any(rule.enabled for rule in self.scheduler.rules.values())
        return emails_pb2.ListEmailTypesResponse(email_types=[self.types[key] for key in sorted(self.types)])

    @rpc
    def UpdateEmailType(self, request: Any) -> Any:
        _check(request.email_type, SWITCHED)
        saved = emails_pb2.EmailType()
        saved.CopyFrom(request.email_type)
        before = self.types[saved.type]
        saved.excluded = before.excluded
        saved.ClearField("last_sent_at")
        if before.HasField("last_sent_at"):
            saved.last_sent_at.CopyFrom(before.last_sent_at)
        self.types[saved.type] = saved
        return saved

    @rpc
    def CountEmails(self, request: Any) -> Any:
        _check(request.email_type, (*SWITCHED, DUE))
        return self.counting(request.email_type)

    @rpc
    def SendSummary(self, request: Any) -> Any:
        key = request.organization_id
        if key not in self.accounts.ledger.organizations:
            raise Missing("The ledger does not know this organization.", reason="ORGANIZATION_MISSING")

        def decide() -> Notice:
            reason = "" if self.accounts.ledger.open_invoices(key) else "NOTHING_OPEN"
            return self._notice(SUMMARY, key, reason)

        return self._once(request.request_id, decide)

    @rpc
    def SendInvoice(self, request: Any) -> Any:
        invoice = self.accounts.ledger.invoices.get(request.invoice_id)
        if invoice is None:
            raise Missing("The ledger does not know this invoice.", reason="INVOICE_MISSING")

        def decide() -> Notice:
            reason = "" if invoice.balance_minor else "NOTHING_LEFT_TO_PAY"
            notice = self._notice(INVOICE, invoice.organization_id, reason)
            notice.invoice_id, notice.invoice_number = invoice.invoice_id, invoice.number
            return notice

        return self._once(request.request_id, decide)

    @rpc
    def SendWelcome(self, request: Any) -> Any:
        return self._access(NoticeType.NOTICE_TYPE_WELCOME, request)

    @rpc
    def SendPasswordReset(self, request: Any) -> Any:
        return self._access(NoticeType.NOTICE_TYPE_PASSWORD_RESET, request)

    def _access(self, type_: NoticeType.ValueType, request: Any) -> Notice:
        contact = self.accounts.contact(request.contact_id)
        if request.email.casefold() not in map(str.casefold, contact.emails):
            raise WrongState("The contact does not have this address.", reason="ADDRESS_NOT_OF_CONTACT")
        if not contact.profile_id:
            raise WrongState("The contact has no client profile.", reason="PROFILE_MISSING")

        def decide() -> Notice:
            notice = self._notice(type_, contact.organization_id, "")
            notice.contact_id, notice.email = contact.contact_id, request.email
            return notice

        return self._once(request.request_id, decide)

    def _once(self, request_id: str, decide: Callable[[], Notice]) -> Notice:
        if not re.fullmatch(r"[A-Za-z0-9-]{1,64}", request_id):
            raise Invalid("A request id has letters, digits and hyphens.", reason="REQUEST_ID_MALFORMED")
        if request_id not in self._asked:
            self._asked[request_id] = decide()
            self.scheduler.notices.insert(0, self._asked[request_id])
        return self._asked[request_id]

    def _notice(self, type_: NoticeType.ValueType, organization_id: str, reason: str) -> Notice:
        return Notice(
            notice_id=str(uuid4()),
            type=type_,
            organization_id=organization_id,
            state=NOTICE_STATE_SKIPPED if reason else NOTICE_STATE_QUEUED,
            reason=reason or "BY_HAND",
            explanation="Nothing is open." if reason else "A person asked for it.",
            decided_at=timestamp(datetime.now(UTC)),
        )

    @rpc
    def GetNotice(self, request: Any) -> Any:
        for notice in self.scheduler.notices:
            if notice.notice_id == request.notice_id:
                return notice
        raise Missing("There is no such notice.", reason="NOTICE_MISSING")

    @rpc
    def ListUnreachable(self, request: Any) -> Any:
        found, following = _page(self.unreachable, request)
        return emails_pb2.ListUnreachableResponse(
            organizations=found, next_page_token=following, total=len(self.unreachable)
        )

    @rpc
    def Unsubscribe(self, request: Any) -> Any:
        if request.type not in OPTIONAL:
            raise Invalid("Nobody can unsubscribe from these.", reason="TYPE_NOT_OPTIONAL")
        if "@" not in request.email:
            raise Invalid("This is not an email address.", reason="EMAIL_MALFORMED")
        return self.unsubscribed.setdefault(
            (request.type, request.email.casefold()),
            emails_pb2.Unsubscription(
                type=request.type,
                email=request.email,
                created_at=timestamp(datetime.now(UTC)),
                notice_id=request.notice_id,
            ),
        )

    @rpc
    def Resubscribe(self, request: Any) -> Any:
        key = (request.type, request.email.casefold())
        if key not in self.unsubscribed:
            raise Missing("This address has not unsubscribed.", reason="UNSUBSCRIPTION_MISSING")
        return self.unsubscribed.pop(key)

    @rpc
    def CheckAddresses(self, request: Any) -> Any:
        return emails_pb2.CheckAddressesResponse(
            suppressed=[one for one in request.emails if one in self.suppressed],
            unsubscribed=[
                one for one in request.emails if (request.type, one.casefold()) in self.unsubscribed
            ],
        )

    @rpc
    def ListUnsubscriptions(self, request: Any) -> Any:
        newest = list(reversed(self.unsubscribed.values()))
        found, following = _page(newest, request)
        return emails_pb2.ListUnsubscriptionsResponse(
            unsubscriptions=found, next_page_token=following, total=len(newest)
        )


def _shipped(type_: NoticeType.ValueType) -> emails_pb2.EmailType:
    shipped = emails_pb2.EmailType(type=type_, enabled=type_ not in (*SWITCHED, DUE))
    if type_ == SUMMARY:
        shipped.schedule.manual = True
    if type_ == UPCOMING:
        shipped.days_before = 3
    if type_ == INVOICE:
        shipped.tells_payment_date, shipped.newest_days = True, 14
    return shipped


def _check(settings: emails_pb2.EmailType, known: tuple[int, ...]) -> None:
    if settings.type not in NoticeType.values()[1:]:
        raise Invalid("There is no such type.", reason="TYPE_UNKNOWN")
    if settings.type not in known:
        raise Invalid("This type is always on, or has rules.", reason="TYPE_NOT_SWITCHABLE")
    wrong = list(_violations(settings))
    if wrong:
        raise Invalid(wrong[0].description, reason="EMAIL_TYPE_INVALID", violations=wrong)


def _violations(settings: emails_pb2.EmailType) -> list[Violation]:
    wrong = []
    day = settings.schedule.WhichOneof("day")
    if settings.type == SUMMARY and day is None:
        wrong.append(Violation("email_type.schedule", "SCHEDULE_MISSING", "Choose a day, or by hand."))
    if day == "day_of_month" and not 1 <= settings.schedule.day_of_month <= 28:
        wrong.append(Violation("email_type.schedule", "DAY_OUT_OF_RANGE", "A day is 1 to 28."))
    if settings.type == UPCOMING and not 1 <= settings.days_before <= 30:
        wrong.append(Violation("email_type.days_before", "DAYS_OUT_OF_RANGE", "Days are 1 to 30."))
    if settings.type == INVOICE and not 1 <= settings.newest_days <= 365:
        wrong.append(Violation("email_type.newest_days", "DAYS_OUT_OF_RANGE", "Days are 1 to 365."))
    if len(settings.profile_ids) > 50:
        words = "At most 50 client profiles can be chosen."
        wrong.append(Violation("email_type.profile_ids", "TOO_MANY_PROFILES", words))
    return wrong


def _page(rows: list[Any], request: Any) -> tuple[list[Any], str]:
    size, start = request.page_size or 50, int(request.page_token or 0)
    return rows[start : start + size], str(start + size) if start + size < len(rows) else ""
