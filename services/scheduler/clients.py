"""The ledger and the mailer over gRPC, behind the ports."""

from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date
from typing import TypeVar

import grpc
import structlog
from dunlin.mailer.v1 import mailer_pb2, mailer_pb2_grpc, messages_pb2
from dunlin.paynow.v1 import ledger_pb2, ledger_pb2_grpc

from services.scheduler import converters_books as converters
from services.scheduler.domain.books import DueBatch, Subject
from services.scheduler.domain.notice import HandOver, Lane
from services.shared.grpc_errors import refusal_of
from services.shared.log import request_id as current_request

log = structlog.get_logger()

TICK_SECONDS = 30.0
"""A batch of a tick may take longer than other calls: nobody waits in front of a page for it."""

REVIEW_SECONDS = 5.0

Answer = TypeVar("Answer")

_LANES = {
    Lane.AT_ONCE: messages_pb2.LANE_AT_ONCE,
    Lane.USUAL: messages_pb2.LANE_USUAL,
    Lane.BULK: messages_pb2.LANE_BULK,
}


def ask(call: Callable[[], Answer]) -> Answer:
    """The call's answer; a refusal of the other service is raised as one of ours."""
    try:
        return call()
    except grpc.RpcError as error:
        refusal = refusal_of(error)
        if refusal is None:
            raise
        raise refusal from error


class GrpcLedger:
    """Implements `ports.Ledger`."""

    def __init__(self, channel: grpc.Channel) -> None:
        self._stub = ledger_pb2_grpc.LedgerServiceStub(channel)

    def due_invoices(
        self, due_on_or_before: date, *, after: int, limit: int, time_zones: Collection[str] = ()
    ) -> DueBatch:
        """A batch of open invoices with a balance, by id."""
        request = ledger_pb2.ListDueInvoicesRequest(
            due_on_or_before=due_on_or_before.isoformat(),
            after_invoice_id=after,
            batch_size=limit,
            time_zones=time_zones,
        )
        answer = ask(lambda: self._stub.ListDueInvoices(request, timeout=TICK_SECONDS))
        return converters.due_batch(answer)

    def subjects(
        self, invoice_ids: Collection[int], *, with_pay_tokens: bool = False, today: date | None = None
    ) -> Mapping[int, Subject]:
        """What is known of at most 500 invoices, as it stands now."""
        request = ledger_pb2.ReadSubjectsRequest(
            invoice_ids=sorted(invoice_ids),
            with_pay_tokens=with_pay_tokens,
            today=today.isoformat() if today else "",
        )
        answer = ask(lambda: self._stub.ReadSubjects(request, timeout=REVIEW_SECONDS))
        return {found.invoice.invoice_id: converters.subject(found) for found in answer.subjects}

    def count_by_due_date(self, first: date, last: date, *, without: Sequence[str]) -> Mapping[date, int]:
        """How many open invoices with a balance are due on each date."""
        request = ledger_pb2.CountByDueDateRequest(
            to=last.isoformat(), without_organization_ids=without, **{"from": first.isoformat()}
        )
        answer = ask(lambda: self._stub.CountByDueDate(request))
        return {date.fromisoformat(count.due_on): count.invoices for count in answer.counts}

    def knows_organization(self, organization_id: str) -> bool:
        """Whether there is such an organization."""
        return organization_id in self.organization_names([organization_id])

    def organization_names(self, organization_ids: Collection[str]) -> Mapping[str, str]:
        """The names of those that are known among at most 1000 organizations, by id."""
        request = ledger_pb2.BatchGetOrganizationsRequest(organization_ids=organization_ids)
        answer = ask(lambda: self._stub.BatchGetOrganizations(request))
        return {found.organization_id: found.name for found in answer.organizations}


class GrpcMailer:
    """Implements `ports.Mailer`."""

    def __init__(self, channel: grpc.Channel) -> None:
        self._stub = mailer_pb2_grpc.MailerServiceStub(channel)

    def accept(self, notices: Sequence[HandOver]) -> None:
        """Returns once they are durably queued there."""
        request = mailer_pb2.AcceptMessagesRequest(
            messages=[
                mailer_pb2.MessageRequest(**notice._asdict() | {"lane": _LANES[notice.lane]})
                for notice in notices
            ]
        )
        ask(lambda: self._stub.AcceptMessages(request))
        for request_id, count in Counter(notice.request_id for notice in notices).items():
            log.info("notices handed over", notices=count, request_id=request_id or current_request.get())
