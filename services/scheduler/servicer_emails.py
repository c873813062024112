"""The types of mail, and mails that a person asks for, over gRPC: parse, ask, answer."""

import grpc
from dunlin.scheduler.v1 import emails_pb2 as pb
from dunlin.scheduler.v1 import emails_pb2_grpc, notices_pb2

from services.scheduler import converters_emails as converters
from services.scheduler.converters import to_notice
from services.scheduler.domain.notice import NoticeType
from services.scheduler.use_cases import by_hand, counting, email_types, reaching
from services.scheduler.use_cases.ticking import Ticking


class EmailsServicer(emails_pb2_grpc.EmailsServiceServicer):
    """Serves `dunlin.scheduler.v1.EmailsService`."""

    def __init__(self, ticking: Ticking) -> None:
        self._ticking = ticking
        self._store = ticking.store
        self._clock = ticking.clock

    def ListEmailTypes(
        self, request: pb.ListEmailTypesRequest, context: grpc.ServicerContext
    ) -> pb.ListEmailTypesResponse:
        """All types."""
        found = email_types.list_email_types(store=self._store, clock=self._clock)
        return pb.ListEmailTypesResponse(email_types=[converters.to_email_type(shown) for shown in found])

    def UpdateEmailType(
        self, request: pb.UpdateEmailTypeRequest, context: grpc.ServicerContext
    ) -> pb.EmailType:
        """Replaces the settings of one type."""
        saved = email_types.update_email_type(
            converters.email_type(request.email_type),
            include_due=request.include_due,
            store=self._store,
            clock=self._clock,
        )
        return converters.to_email_type(saved)

    def CountEmails(self, request: pb.CountEmailsRequest, context: grpc.ServicerContext) -> pb.EmailCount:
        """Counts who would get a type."""
        settings = converters.email_type(request.email_type)
        found = counting.count_emails(settings, request.threshold_days, ticking=self._ticking)
        return converters.to_email_count(found)

    def SendSummary(
        self, request: pb.SendSummaryRequest, context: grpc.ServicerContext
    ) -> notices_pb2.Notice:
        """Sends an account summary."""
        sent = by_hand.send_summary(request.request_id, request.organization_id, ticking=self._ticking)
        return to_notice(sent)

    def SendInvoice(
        self, request: pb.SendInvoiceRequest, context: grpc.ServicerContext
    ) -> notices_pb2.Notice:
        """Sends the notification of an invoice."""
        return to_notice(by_hand.send_invoice(request.request_id, request.invoice_id, ticking=self._ticking))

    def SendWelcome(
        self, request: pb.SendWelcomeRequest, context: grpc.ServicerContext
    ) -> notices_pb2.Notice:
        """Invites a contact."""
        sent = by_hand.send_access(
            NoticeType.WELCOME, request.request_id, request.contact_id, request.email, ticking=self._ticking
        )
        return to_notice(sent)

    def SendPasswordReset(
        self, request: pb.SendPasswordResetRequest, context: grpc.ServicerContext
    ) -> notices_pb2.Notice:
        """Lets a contact choose a new password."""
        sent = by_hand.send_access(
            NoticeType.PASSWORD_RESET,
            request.request_id,
            request.contact_id,
            request.email,
            ticking=self._ticking,
        )
        return to_notice(sent)

    def GetNotice(self, request: pb.GetNoticeRequest, context: grpc.ServicerContext) -> notices_pb2.Notice:
        """One notice."""
        return to_notice(by_hand.get_notice(request.notice_id, store=self._store))

    def ListUnreachable(
        self, request: pb.ListUnreachableRequest, context: grpc.ServicerContext
    ) -> pb.ListUnreachableResponse:
        """A page of organizations that cannot be reached."""
        page = reaching.list_unreachable(request.page_size, request.page_token, store=self._store)
        return converters.to_unreachable(page)

    def Unsubscribe(self, request: pb.UnsubscribeRequest, context: grpc.ServicerContext) -> pb.Unsubscription:
        """Takes an address off a type."""
        added = reaching.unsubscribe(
            converters.a_type(request.type),
            request.email,
            request.notice_id,
            store=self._store,
            clock=self._clock,
        )
        return converters.to_unsubscription(added)

    def Resubscribe(self, request: pb.ResubscribeRequest, context: grpc.ServicerContext) -> pb.Unsubscription:
        """Undoes it."""
        type = converters.a_type(request.type)
        return converters.to_unsubscription(reaching.resubscribe(type, request.email, store=self._store))

    def CheckAddresses(
        self, request: pb.CheckAddressesRequest, context: grpc.ServicerContext
    ) -> pb.CheckAddressesResponse:
        """Which addresses get no mail of a type."""
        type = converters.a_type(request.type)
        found = reaching.check_addresses(type, request.emails, store=self._store)
        return pb.CheckAddressesResponse(suppressed=found.suppressed, unsubscribed=found.unsubscribed)

    def ListUnsubscriptions(
        self, request: pb.ListUnsubscriptionsRequest, context: grpc.ServicerContext
    ) -> pb.ListUnsubscriptionsResponse:
        """A page of those who have unsubscribed."""
        page = reaching.list_unsubscriptions(request.page_size, request.page_token, store=self._store)
        return converters.to_unsubscriptions(page)
