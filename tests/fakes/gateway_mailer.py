"""A mailer in memory for the gateway's tests."""

from datetime import UTC, datetime
from typing import Any

from dunlin.mailer.v1 import mailer_pb2, messages_pb2, templates_pb2

from services.shared.errors import Conflict, Missing, WrongState, invalid_field
from services.shared.wire import instant, timestamp
from tests.fakes.gateway_rpc import FakeStub, rpc

TOKENS = (
    ("organization.name", "The client's name", "Acme Corporation"),
    ("invoice.number", "The invoice's number", "INV-0042"),
    ("invoice.balance", "What remains to be paid", "$1,250.00"),
)

SHIPPED_SENDER = "billing@localhost.localdomain"


class FakeMailer(FakeStub):
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
        )
        self.versions = {type_: [_shipped(type_)] for type_ in templates_pb2.TemplateType.values() if type_}

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
    def ListTemplates(self, request: Any) -> Any:
        return mailer_pb2.ListTemplatesResponse(
            templates=[versions[-1] for versions in self.versions.values()]
        )

    @rpc
    def GetTemplate(self, request: Any) -> Any:
        for template in self.versions[request.type]:
            if request.version in (template.version, 0):
                return template if request.version else self.versions[request.type][-1]
        raise Missing("There is no such version.", reason="TEMPLATE_MISSING")

    @rpc
    def ListTemplateVersions(self, request: Any) -> Any:
        return mailer_pb2.ListTemplateVersionsResponse(versions=list(reversed(self.versions[request.type])))

    @rpc
    def SaveTemplate(self, request: Any) -> Any:
        _check(request.areas)
        versions = self.versions[request.type]
        if request.base_version != versions[-1].version:
            raise Conflict("Somebody else has saved this text meanwhile.", reason="TEMPLATE_CHANGED")
        versions.append(
            templates_pb2.Template(
                type=request.type,
                version=versions[-1].version + 1,
                areas=request.areas,
                saved_at=timestamp(datetime.now(UTC)),
                saved_by=request.saved_by,
            )
        )
        return versions[-1]

    @rpc
    def PreviewTemplate(self, request: Any) -> Any:
        _check(request.areas)
        header = request.areas.header.replace("{{ organization.name }}", "Acme Corporation")
        return templates_pb2.RenderedMail(
            subject=request.areas.subject.replace("{{ invoice.number }}", "INV-0042"),
            html=f'<body style="font-family:sans-serif"><h1>{request.areas.title}</h1>{header}</body>',
            text=f"{request.areas.title}\n\n{header}",
        )

    @rpc
    def ListTokens(self, request: Any) -> Any:
        return mailer_pb2.ListTokensResponse(
            tokens=[
                templates_pb2.Token(name=name, meaning=meaning, sample=sample)
                for name, meaning, sample in TOKENS
            ]
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


def _shipped(type_: int) -> templates_pb2.Template:
    areas = templates_pb2.TemplateAreas(
        subject="Invoice {{ invoice.number }}",
        title="Your invoice",
        header="<p>Dear {{ organization.name }},</p>",
        footer="<p>Thank you.</p>",
    )
    return templates_pb2.Template(
        type=type_, version=1, areas=areas, saved_at=timestamp(datetime(2026, 1, 1, tzinfo=UTC))
    )


def _check(areas: templates_pb2.TemplateAreas) -> None:
    for area in ("subject", "title", "header", "footer"):
        if "{{ invoice.numbr }}" in getattr(areas, area):
            raise invalid_field(
                f"areas.{area}",
                "UNKNOWN_TOKEN",
                "Line 1, column 1: there is no token invoice.numbr. Did you mean invoice.number?",
            )
