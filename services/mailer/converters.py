"""Wire to domain and back."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from dunlin.mailer.v1 import mailer_pb2, messages_pb2, templates_pb2

from services.mailer.converters_sending import lane
from services.mailer.domain.company import Company
from services.mailer.domain.languages import Language
from services.mailer.domain.message import Event, EventKind, Message, Request, State
from services.mailer.domain.templates import Areas, Key, Template, TemplateType
from services.mailer.mime import body_of
from services.mailer.ports import Filter, Preview
from services.mailer.use_cases.accept import Accepted
from services.mailer.use_cases.templates import Token
from services.shared.errors import invalid_field
from services.shared.log import known_request
from services.shared.wire import asked_instant, timestamp

_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
_END = datetime(9999, 12, 31, tzinfo=UTC)

_COMPANY_FIELDS = (
    "name",
    "address",
    "phone",
    "reply_to",
    "from_address",
    "accent_color",
    "logo",
    "language",
    "pay_links",
)

_Keyed = (
    mailer_pb2.GetTemplateRequest
    | mailer_pb2.ListTemplateVersionsRequest
    | mailer_pb2.SaveTemplateRequest
    | mailer_pb2.PreviewTemplateRequest
    | templates_pb2.TemplateKey
)


def _wire_enum(kind: Any, prefix: str, member: str) -> Any:
    return kind.Value(f"{prefix}_{member.upper()}")


_TYPES: dict[int, TemplateType] = {
    _wire_enum(templates_pb2.TemplateType, "TEMPLATE_TYPE", type): type for type in TemplateType
}
_STATES: dict[int, State] = {
    _wire_enum(messages_pb2.MessageState, "MESSAGE_STATE", state): state for state in State
}
_WIRE_TYPES: dict[TemplateType | None, Any] = {type: number for number, type in _TYPES.items()}
_WIRE_STATES: dict[State, Any] = {state: number for number, state in _STATES.items()}
_WIRE_KINDS: dict[EventKind, Any] = {
    kind: _wire_enum(messages_pb2.MessageEventKind, "MESSAGE_EVENT_KIND", kind) for kind in EventKind
}


# From the wire


def requests(message: mailer_pb2.AcceptMessagesRequest) -> list[Request]:
    """The batch."""
    return [
        Request(
            one.notice_id,
            one.organization_id,
            one.invoice_number,
            known_request(one.request_id),
            lane(one.lane),
        )
        for one in message.messages
    ]


def filter_of(message: mailer_pb2.ListMessagesRequest) -> Filter:
    """The filter; `Invalid` (STATE_UNKNOWN)."""
    if message.state and message.state not in _STATES:
        raise invalid_field("state", "STATE_UNKNOWN", f"There is no message state {message.state}.")
    return Filter(message.organization_id, _STATES.get(message.state), message.query)


def span(message: mailer_pb2.CountMessagesRequest) -> tuple[datetime, datetime]:
    """From when until when; an end that is not set is open. `Invalid` (INSTANT_OUT_OF_RANGE)."""
    # "from" is a word of Python's own, so the field has to be reached by its name.
    since = asked_instant(getattr(message, "from"), "from") if message.HasField("from") else _BEGINNING
    return since, asked_instant(message.until, "until") if message.HasField("until") else _END


def template_type(number: int) -> TemplateType:
    """The type; `Invalid` (TEMPLATE_TYPE_UNKNOWN) also if it is unset."""
    if number not in _TYPES:
        raise invalid_field("type", "TEMPLATE_TYPE_UNKNOWN", f"There is no type of template {number}.")
    return _TYPES[number]


def key(message: _Keyed) -> Key:
    """The template that a request names; `Invalid` as `template_type`."""
    return Key(template_type(message.type), message.language, message.threshold_days)


def key_of_tokens(message: mailer_pb2.ListTokensRequest) -> Key:
    """The type and language whose tokens are asked for; `Invalid` as `template_type`."""
    return Key(template_type(message.type), message.language)


def areas(message: templates_pb2.TemplateAreas) -> Areas:
    """The four areas."""
    return Areas(message.subject, message.title, message.header, message.footer)


def company(message: mailer_pb2.Company) -> Company:
    """The profile."""
    return Company(**{field: getattr(message, field) for field in _COMPANY_FIELDS})


# To the wire


def accepted(answer: Accepted) -> mailer_pb2.AcceptMessagesResponse:
    """What became of a batch."""
    return mailer_pb2.AcceptMessagesResponse(accepted=answer.accepted, repeated_messages=answer.repeated)


def message(value: Message) -> messages_pb2.Message:
    """One message with its events."""
    return messages_pb2.Message(
        notice_id=value.notice_id,
        message_id=value.message_id,
        type=_WIRE_TYPES.get(value.type, templates_pb2.TEMPLATE_TYPE_UNSPECIFIED),
        template_version=value.template_version,
        organization_id=value.organization_id,
        invoice_number=value.invoice_number,
        recipients=value.recipients,
        subject=value.subject,
        state=_WIRE_STATES[value.state],
        created_at=timestamp(value.created_at),
        sent_at=timestamp(value.sent_at),
        events=[_event(event) for event in value.events],
        language=value.language,
        threshold_days=value.threshold_days,
        test_by=value.test_by,
    )


def _event(event: Event) -> messages_pb2.MessageEvent:
    return messages_pb2.MessageEvent(
        kind=_WIRE_KINDS[event.kind], occurred_at=timestamp(event.occurred_at), detail=event.detail
    )


def page(messages: Iterable[Message], next_page_token: str) -> mailer_pb2.ListMessagesResponse:
    """A page of messages."""
    return mailer_pb2.ListMessagesResponse(
        messages=[message(value) for value in messages], next_page_token=next_page_token
    )


def body(mime: bytes) -> messages_pb2.MessageBody:
    """The mail and its two parts."""
    value = body_of(mime)
    return messages_pb2.MessageBody(html=value.html, text=value.text, mime=value.mime)


def counts(values: dict[State, int]) -> mailer_pb2.CountMessagesResponse:
    """Counts by state, in the order of the states."""
    return mailer_pb2.CountMessagesResponse(
        counts=[
            mailer_pb2.MessageCount(state=_WIRE_STATES[state], messages=values[state])
            for state in State
            if state in values
        ]
    )


def languages(values: Iterable[Language]) -> mailer_pb2.ListLanguagesResponse:
    """The languages of mails."""
    return mailer_pb2.ListLanguagesResponse(
        languages=[templates_pb2.Language(tag=value.tag, name=value.name) for value in values]
    )


def template(value: Template) -> templates_pb2.Template:
    """One version of a template."""
    return templates_pb2.Template(
        type=_WIRE_TYPES[value.key.type],
        language=value.key.language,
        threshold_days=value.key.threshold_days,
        version=value.version,
        areas=templates_pb2.TemplateAreas(
            subject=value.areas.subject,
            title=value.areas.title,
            header=value.areas.header,
            footer=value.areas.footer,
        ),
        saved_at=timestamp(value.saved_at),
        saved_by=value.saved_by,
        last_sent_at=timestamp(value.last_sent_at),
    )


def templates(values: Iterable[Template]) -> mailer_pb2.ListTemplatesResponse:
    """The newest version of each."""
    return mailer_pb2.ListTemplatesResponse(templates=[template(value) for value in values])


def versions(values: Iterable[Template]) -> mailer_pb2.ListTemplateVersionsResponse:
    """All versions of one."""
    return mailer_pb2.ListTemplateVersionsResponse(versions=[template(value) for value in values])


def preview(value: Preview) -> templates_pb2.RenderedMail:
    """A mail as a person reads it."""
    return templates_pb2.RenderedMail(subject=value.subject, html=value.html, text=value.text)


def tokens(values: Iterable[Token]) -> mailer_pb2.ListTokensResponse:
    """The tokens of a type."""
    return mailer_pb2.ListTokensResponse(
        tokens=[
            templates_pb2.Token(
                name=value.name, meaning=value.meaning, sample=value.sample, group=value.group
            )
            for value in values
        ]
    )


def company_message(value: Company) -> mailer_pb2.Company:
    """The profile."""
    fields = {field: getattr(value, field) for field in _COMPANY_FIELDS}
    return mailer_pb2.Company(**fields, sender_set=value.sender_set)
