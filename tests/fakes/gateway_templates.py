"""The templates of a mailer in memory, for the gateway's tests."""

from datetime import UTC, datetime
from html import escape
from re import fullmatch
from typing import Any

from dunlin.mailer.v1 import mailer_pb2, messages_pb2, templates_pb2

from services.shared.errors import Conflict, Invalid, Missing, Violation
from services.shared.wire import timestamp
from tests.fakes.gateway_rpc import FakeStub, rpc

TOKENS = (
    ("organization.name", "The client’s name", "Acme Corporation", "Client"),
    ("invoice.number", "The invoice’s number", "INV-0042", "Invoice"),
    ("invoice.balance", "What remains to be paid", "$1,250.00", "Invoice"),
)
LANGUAGES = (("en", "English"), ("de", "Deutsch"))
DUE_AFTER = templates_pb2.TEMPLATE_TYPE_DUE_NOTICE_AFTER
DUE_BEFORE = templates_pb2.TEMPLATE_TYPE_DUE_NOTICE_BEFORE
GREETINGS = {"en": "Dear", "de": "Guten Tag"}

Key = tuple[int, str, int]
"""Type, language, threshold."""


class FakeTemplates(FakeStub):
    """One shipped text of each type in two languages; `tests` holds the drafts that were sent as tests.

    A draft with "{{ invoice.numbr }}" is wrong in the way the real mailer would say it.
    """

    company: mailer_pb2.Company

    def __init__(self) -> None:
        super().__init__()
        self.versions: dict[Key, list[templates_pb2.Template]] = {
            (type_, language, 0): [_shipped(type_, language)]
            for type_ in templates_pb2.TemplateType.values()
            if type_
            for language in GREETINGS
        }
        self.tests: dict[str, mailer_pb2.SendTestRequest] = {}

    def _key(self, asked: Any) -> Key:
        if asked.type not in templates_pb2.TemplateType.values()[1:]:
            raise Invalid("There is no such type.", reason="TEMPLATE_TYPE_UNKNOWN")
        language = asked.language or self.company.language
        if language not in GREETINGS:
            raise Invalid("Mails are not written in this language.", reason="LANGUAGE_UNKNOWN")
        days = asked.threshold_days
        if days and asked.type != (DUE_AFTER if days > 0 else DUE_BEFORE):
            raise Invalid("This type has no such threshold.", reason="THRESHOLD_UNFIT")
        return asked.type, language, days

    def _newest(self, key: Key) -> templates_pb2.Template:
        if key in self.versions:
            return self.versions[key][-1]
        type_, language, days = key
        text = templates_pb2.Template()
        text.CopyFrom(self.versions[type_, language, 0][-1])
        text.version, text.threshold_days = 0, days
        return text

    @rpc
    def ListLanguages(self, request: Any) -> Any:
        return mailer_pb2.ListLanguagesResponse(
            languages=[templates_pb2.Language(tag=tag, name=name) for tag, name in LANGUAGES]
        )

    @rpc
    def ListTemplates(self, request: Any) -> Any:
        language = request.language or self.company.language
        keys = sorted(key for key in self.versions if key[1] == language)
        return mailer_pb2.ListTemplatesResponse(templates=[self._newest(key) for key in keys])

    @rpc
    def GetTemplate(self, request: Any) -> Any:
        key = self._key(request)
        if not request.version:
            return self._newest(key)
        for template in self.versions.get(key, []):
            if request.version == template.version:
                return template
        raise Missing("There is no such version.", reason="TEMPLATE_MISSING")

    @rpc
    def ListTemplateVersions(self, request: Any) -> Any:
        versions = self.versions.get(self._key(request), [])
        return mailer_pb2.ListTemplateVersionsResponse(versions=list(reversed(versions)))

    @rpc
    def SaveTemplate(self, request: Any) -> Any:
        key = self._key(request)
        _check(request.areas)
        newest = self._newest(key).version
        if request.base_version != newest:
            raise Conflict("Somebody else has saved this text meanwhile.", reason="TEMPLATE_CHANGED")
        saved = templates_pb2.Template(
            type=request.type,
            version=newest + 1,
            areas=request.areas,
            saved_at=timestamp(datetime.now(UTC)),
            saved_by=request.saved_by,
            language=key[1],
            threshold_days=key[2],
        )
        self.versions.setdefault(key, []).append(saved)
        return saved

    @rpc
    def PreviewTemplate(self, request: Any) -> Any:
        self._key(request)
        _check(request.areas)
        values = {name: sample for name, _, sample, _ in TOKENS}

        def filled(text: str) -> str:
            for name, sample in values.items():
                text = text.replace(f"{{{{ {name} }}}}", sample)
            return text

        areas = request.areas
        return templates_pb2.RenderedMail(
            subject=filled(areas.subject),
            html=(
                '<html><body style="font-family:sans-serif"><h1>'
                f"{escape(filled(areas.title))}</h1>{filled(areas.header)}{filled(areas.footer)}</body></html>"
            ),
            text="\n\n".join(filled(text) for text in (areas.title, areas.header, areas.footer)),
        )

    @rpc
    def SendTest(self, request: Any) -> Any:
        self._key(request.key)
        _check(request.areas)
        wrong = list(_test_violations(request))
        if wrong:
            raise Invalid(wrong[0].description, reason="TEST_INVALID", violations=wrong)
        sent = self.tests.setdefault(request.test_id, request)
        return messages_pb2.Message(
            notice_id=f"test-{request.test_id}",
            type=sent.key.type,
            recipients=sent.addresses,
            subject=f"[Test] {sent.areas.subject}",
            state=messages_pb2.MESSAGE_STATE_QUEUED,
            test_by=sent.sent_by,
        )

    @rpc
    def ListTokens(self, request: Any) -> Any:
        return mailer_pb2.ListTokensResponse(
            tokens=[
                templates_pb2.Token(name=name, meaning=meaning, sample=sample, group=group)
                for name, meaning, sample, group in TOKENS
            ]
        )


def _shipped(type_: int, language: str) -> templates_pb2.Template:
    areas = templates_pb2.TemplateAreas(
        subject="Invoice {{ invoice.number }}",
        title="Your invoice",
        header=f"<p>{GREETINGS[language]} {{{{ organization.name }}}},</p>",
        footer="<p>Thank you.</p>",
    )
    return templates_pb2.Template(
        type=type_,
        version=1,
        areas=areas,
        saved_at=timestamp(datetime(2026, 1, 1, tzinfo=UTC)),
        language=language,
    )


def _check(areas: templates_pb2.TemplateAreas) -> None:
    wrong = []
    for area in ("subject", "title", "header", "footer"):
        before, found, _ = getattr(areas, area).partition("{{ invoice.numbr }}")
        if found:
            line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
            words = (
                f"{area.capitalize()}, line {line}, column {column}: There is no token “invoice.numbr”."
                " Did you mean {{ invoice.number }}?"
            )
            wrong.append(Violation(f"areas.{area}", "TOKEN_UNKNOWN", words))
    if wrong:
        raise Invalid(wrong[0].description, reason="TEMPLATE_INVALID", violations=wrong)


def _test_violations(request: Any) -> list[Violation]:
    wrong = []
    if not request.addresses:
        wrong.append(Violation("addresses", "ADDRESSES_MISSING", "Say where the test is to go."))
    if len(request.addresses) > 5:
        wrong.append(Violation("addresses", "TOO_MANY_ADDRESSES", "A test goes to at most 5 addresses."))
    wrong += [
        Violation("addresses", "EMAIL_INVALID", f"“{address}” is not an email address.")
        for address in request.addresses
        if "@" not in address
    ]
    if not fullmatch(r"[A-Za-z0-9-]{1,40}", request.test_id):
        wrong.append(Violation("test_id", "TEST_ID_MALFORMED", "A test id has letters, digits and hyphens."))
    if not request.sent_by:
        wrong.append(Violation("sent_by", "EMPTY", "Say who sends it."))
    return wrong
