"""Pay Now over gRPC: parse, ask, answer. Refusals are translated by the server's interceptor."""

import grpc
from dunlin.paynow.v1 import paynow_pb2 as pb
from dunlin.paynow.v1 import paynow_pb2_grpc

from services.paynow import converters_payments as converters
from services.paynow.domain.links import PayLinks
from services.paynow.domain.payment import Pace
from services.paynow.domain.quotes import Quotes
from services.paynow.ports_payments import PaymentStore, Provider
from services.paynow.use_cases import acknowledge, payments, quotes
from services.shared.clock import Clock

NAME = pb.DESCRIPTOR.services_by_name["PayNowService"].full_name
"""The full name of the service, for health and reflection."""


class PayNowServicer(paynow_pb2_grpc.PayNowServiceServicer):
    """Takes payments from people who have no login; the promises stand in the proto."""

    def __init__(
        self,
        *,
        store: PaymentStore,
        provider: Provider,
        links: PayLinks,
        quotes: Quotes,
        clock: Clock,
        pace: Pace,
    ) -> None:
        self._store = store
        self._provider = provider
        self._links = links
        self._quotes = quotes
        self._clock = clock
        self._pace = pace

    def OpenLink(self, request: pb.OpenLinkRequest, context: grpc.ServicerContext) -> pb.LinkContents:
        """What a sealed link fills in."""
        link, shown = quotes.open_link(request.token, store=self._store, links=self._links, clock=self._clock)
        return converters.link_contents(link, shown)

    def Validate(self, request: pb.ValidateRequest, context: grpc.ServicerContext) -> pb.Quote:
        """A quote for the three fields."""
        asked = converters.asked(request)
        quote = quotes.validate(
            asked, store=self._store, links=self._links, quotes=self._quotes, clock=self._clock
        )
        return converters.quote_message(quote)

    def GetQuote(self, request: pb.GetQuoteRequest, context: grpc.ServicerContext) -> pb.Quote:
        """One quote."""
        return converters.quote_message(
            quotes.get_quote(request.quote_id, store=self._store, quotes=self._quotes)
        )

    def ConfirmPayment(self, request: pb.ConfirmPaymentRequest, context: grpc.ServicerContext) -> pb.Payment:
        """Charges a quote once."""
        confirmation = converters.confirmation(request)
        payment = payments.confirm(
            confirmation,
            store=self._store,
            provider=self._provider,
            quotes=self._quotes,
            clock=self._clock,
            pace=self._pace,
        )
        return converters.payment_message(payment)

    def GetPayment(self, request: pb.GetPaymentRequest, context: grpc.ServicerContext) -> pb.Payment:
        """One payment."""
        return converters.payment_message(payments.get_payment(request.payment_id, store=self._store))

    def ListPayments(
        self, request: pb.ListPaymentsRequest, context: grpc.ServicerContext
    ) -> pb.ListPaymentsResponse:
        """A page of payments."""
        chosen = converters.payment_filter(request)
        page = payments.list_payments(chosen, request.page_size, request.page_token, store=self._store)
        return converters.payment_page(page)

    def AcknowledgePayments(
        self, request: pb.AcknowledgePaymentsRequest, context: grpc.ServicerContext
    ) -> pb.AcknowledgePaymentsResponse:
        """Takes payments out of the export."""
        done = acknowledge.acknowledge(list(request.payment_ids), store=self._store, clock=self._clock)
        return converters.acknowledged_message(done)

    def ListPaymentMethods(
        self, request: pb.ListPaymentMethodsRequest, context: grpc.ServicerContext
    ) -> pb.ListPaymentMethodsResponse:
        """The ways to pay."""
        return converters.methods_message(self._provider.methods(), sandbox=self._provider.is_sandbox)
