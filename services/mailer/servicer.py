"""Parse, ask, answer."""

from collections.abc import Callable

import grpc
from dunlin.mailer.v1 import mailer_pb2, mailer_pb2_grpc, messages_pb2, templates_pb2

from services.mailer import converters
from services.mailer.domain.languages import LANGUAGES
from services.mailer.ports import Begin, Press
from services.mailer.use_cases import accept, company, drafts, history, templates
from services.shared.clock import Clock


class MailerServicer(mailer_pb2_grpc.MailerServiceServicer):
    """`dunlin.mailer.v1.MailerService`; `wake` tells the send workers that something has come in."""

    def __init__(
        self, *, write: Begin, read: Begin, press: Press, clock: Clock, wake: Callable[[], None]
    ) -> None:
        self._write = write
        self._read = read
        self._press = press
        self._clock = clock
        self._wake = wake

    def AcceptMessages(
        self, request: mailer_pb2.AcceptMessagesRequest, context: grpc.ServicerContext
    ) -> mailer_pb2.AcceptMessagesResponse:
        """Puts notices into the queue."""
        batch = converters.requests(request)
        answer = accept.accept_messages(batch, begin=self._write, clock=self._clock, wake=self._wake)
        return converters.accepted(answer)

    def ListMessages(
        self, request: mailer_pb2.ListMessagesRequest, context: grpc.ServicerContext
    ) -> mailer_pb2.ListMessagesResponse:
        """A page of messages with their events."""
        wanted = converters.filter_of(request)
        size, token = request.page_size, request.page_token
        return converters.page(*history.list_messages(wanted, size, token, begin=self._read))

    def GetMessage(
        self, request: mailer_pb2.GetMessageRequest, context: grpc.ServicerContext
    ) -> messages_pb2.Message:
        """One message."""
        return converters.message(history.get_message(request.notice_id, begin=self._read))

    def GetMessageBody(
        self, request: mailer_pb2.GetMessageBodyRequest, context: grpc.ServicerContext
    ) -> messages_pb2.MessageBody:
        """The mail as it was sent."""
        return converters.body(history.get_mime(request.notice_id, begin=self._read))

    def CountMessages(
        self, request: mailer_pb2.CountMessagesRequest, context: grpc.ServicerContext
    ) -> mailer_pb2.CountMessagesResponse:
        """Messages by state."""
        since, until = converters.span(request)
        return converters.counts(history.count_messages(since, until, begin=self._read))

    def ListLanguages(
        self, request: mailer_pb2.ListLanguagesRequest, context: grpc.ServicerContext
    ) -> mailer_pb2.ListLanguagesResponse:
        """The languages of mails, English first."""
        return converters.languages(LANGUAGES)

    def ListTemplates(
        self, request: mailer_pb2.ListTemplatesRequest, context: grpc.ServicerContext
    ) -> mailer_pb2.ListTemplatesResponse:
        """The newest version of each template."""
        return converters.templates(templates.list_templates(request.language, begin=self._read))

    def GetTemplate(
        self, request: mailer_pb2.GetTemplateRequest, context: grpc.ServicerContext
    ) -> templates_pb2.Template:
        """One version of a template."""
        key = converters.key(request)
        return converters.template(templates.get_template(key, request.version, begin=self._read))

    def ListTemplateVersions(
        self, request: mailer_pb2.ListTemplateVersionsRequest, context: grpc.ServicerContext
    ) -> mailer_pb2.ListTemplateVersionsResponse:
        """All versions of a template."""
        return converters.versions(templates.list_versions(converters.key(request), begin=self._read))

    def SaveTemplate(
        self, request: mailer_pb2.SaveTemplateRequest, context: grpc.ServicerContext
    ) -> templates_pb2.Template:
        """A new version."""
        saved = templates.save_template(
            converters.key(request),
            converters.areas(request.areas),
            request.base_version,
            request.saved_by,
            begin=self._write,
            press=self._press,
            clock=self._clock,
        )
        return converters.template(saved)

    def PreviewTemplate(
        self, request: mailer_pb2.PreviewTemplateRequest, context: grpc.ServicerContext
    ) -> templates_pb2.RenderedMail:
        """A draft with sample data."""
        key, areas = converters.key(request), converters.areas(request.areas)
        preview = templates.preview_template(
            key, areas, begin=self._read, press=self._press, clock=self._clock
        )
        return converters.preview(preview)

    def SendTest(
        self, request: mailer_pb2.SendTestRequest, context: grpc.ServicerContext
    ) -> messages_pb2.Message:
        """A draft with sample data, to addresses typed in."""
        message = drafts.send_test(
            request.test_id,
            converters.key(request.key),
            converters.areas(request.areas),
            request.addresses,
            request.sent_by,
            begin=self._write,
            press=self._press,
            clock=self._clock,
            wake=self._wake,
        )
        return converters.message(message)

    def ListTokens(
        self, request: mailer_pb2.ListTokensRequest, context: grpc.ServicerContext
    ) -> mailer_pb2.ListTokensResponse:
        """The tokens of a type."""
        key = converters.key_of_tokens(request)
        tokens = templates.list_tokens(key, begin=self._read, press=self._press, clock=self._clock)
        return converters.tokens(tokens)

    def GetCompany(
        self, request: mailer_pb2.GetCompanyRequest, context: grpc.ServicerContext
    ) -> mailer_pb2.Company:
        """The company's profile."""
        return converters.company_message(company.get_company(begin=self._read))

    def UpdateCompany(
        self, request: mailer_pb2.UpdateCompanyRequest, context: grpc.ServicerContext
    ) -> mailer_pb2.Company:
        """Replaces the profile."""
        profile = converters.company(request.company)
        return converters.company_message(company.update_company(profile, begin=self._write))
