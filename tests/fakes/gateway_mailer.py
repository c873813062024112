"""A mailer in memory for the gateway's tests."""

from typing import Any

from dunlin.mailer.v1 import mailer_pb2, messages_pb2

from services.shared.errors import Missing, WrongState, invalid_field
from services.shared.wire import instant
from tests.fakes.gateway_rpc import rpc
from tests.fakes.gateway_templates import FakeTemplates

SHIPPED_SENDER = "billing@localhost.localdomain"


class FakeMailer(FakeTemplates):
    """Messages, templates with versions, the company's profile."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[messages_pb2.Message] = []
        self.bodies: dict[str, messages_pb2.MessageBody] = {}
        self.company = mailer_pb2.Company(
            name="Harbor Supply Co.",
            address="12 Quay Street\nPortland, ME 04101",
            phone="+1 207 555 0100",
            reply_to="billing@harbor.example",
            from_address="billing@harbor.example",
            accent_color="#0f5f6b",
            language="en",
            pay_links=True,
        )

    @rpc
    def ListMessages(self, request: Any) -> Any:
        found = [
            message
            for message in self.messages
            if request.organization_id in ("", message.organization_id)
            and request.state in (0, message.state)
            and any(
                request.query.lower() in text.lower()
                for text in (message.subject, message.invoice_number, *message.recipients)
            )
        ]
        size, start = request.page_size or 50, int(request.page_token or 0)
        following = str(start + size) if start + size < len(found) else ""
        return mailer_pb2.ListMessagesResponse(
            messages=found[start : start + size], next_page_token=following
        )

    @rpc
    def GetMessage(self, request: Any) -> Any:
        for message in self.messages:
            if message.notice_id == request.notice_id:
                return message
        raise Missing("There is no such message.", reason="MESSAGE_MISSING")

    @rpc
    def GetMessageBody(self, request: Any) -> Any:
        if request.notice_id in self.bodies:
            return self.bodies[request.notice_id]
        if any(message.notice_id == request.notice_id for message in self.messages):
            raise WrongState("It has not been written yet.", reason="MESSAGE_NOT_RENDERED")
        raise Missing("There is no such message.", reason="MESSAGE_MISSING")

    @rpc
    def CountMessages(self, request: Any) -> Any:
        begin, end = (instant(getattr(request, name)) for name in ("from", "until"))
        counts: dict[int, int] = {}
        for message in self.messages:
            if begin <= instant(message.created_at) < end:
                counts[message.state] = counts.get(message.state, 0) + 1
        return mailer_pb2.CountMessagesResponse(
            counts=[mailer_pb2.MessageCount(state=state, messages=number) for state, number in counts.items()]
        )

    @rpc
    def GetCompany(self, request: Any) -> Any:
        self.company.sender_set = self.company.from_address != SHIPPED_SENDER
        return self.company

    @rpc
    def UpdateCompany(self, request: Any) -> Any:
        if "@" not in request.company.from_address:
            raise invalid_field("company.from_address", "ADDRESS_MALFORMED", "This is not an email address.")
        self.company = request.company
        self.company.sender_set = self.company.from_address != SHIPPED_SENDER
        return self.company
