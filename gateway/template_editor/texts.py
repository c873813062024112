"""Which text the editor's pages are about: one of a kind, in one language, of all rules or of one."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from dunlin.mailer.v1.mailer_pb2 import GetTemplateRequest, ListLanguagesRequest, ListTemplateVersionsRequest
from dunlin.mailer.v1.templates_pb2 import (
    TEMPLATE_TYPE_DUE_NOTICE_BEFORE,
    Language,
    Template,
    TemplateAreas,
    TemplateKey,
)
from dunlin.scheduler.v1.scheduler_pb2 import ListRulesRequest
from flask import abort, request, url_for
from flask_wtf import FlaskForm
from wtforms import HiddenField, IntegerField, StringField, TextAreaField
from wtforms.validators import DataRequired, InputRequired, Length
from wtforms.widgets import HiddenInput

from gateway.clients import clients
from gateway.site import branding, words
from gateway.site.numbers import FITS_INT32, LARGEST_INT32
from gateway.template_editor.types import KINDS, TextKind, has_rules
from services.shared.errors import Violation

AREAS = ("subject", "title", "header", "footer")
_PLACE = re.compile(r"line (\d+), column (\d+)")
_RULE = re.compile(r"-?[0-9]{1,4}")


@dataclass(frozen=True)
class Text:
    """What is edited. Its address is `/client-emails/templates/<slug>?language=de&rule=15`."""

    kind: TextKind
    language: str
    """A tag of the mailer's languages."""
    rule: int
    """The threshold of a due notice rule; 0 for the text of all of them."""
    languages: tuple[Language, ...]

    @property
    def name(self) -> str:
        """What pages call it."""
        name = words.template_type(self.kind.type)
        return f"{name}: {words.threshold(self.rule)}" if self.rule else name

    @property
    def language_name(self) -> str:
        """The language's own name."""
        return next(one.name for one in self.languages if one.tag == self.language)

    @property
    def key(self) -> TemplateKey:
        """What the mailer calls it."""
        return TemplateKey(type=self.kind.type, language=self.language, threshold_days=self.rule)

    def url(self, endpoint: str = "template_editor.edit", **more: Any) -> str:
        """The address of one of its pages."""
        where = {"slug": self.kind.slug, "language": self.language, "rule": self.rule or None}
        return url_for(endpoint, **{**where, **more})

    def newest(self) -> Template:
        """Its newest version; version 0 where a rule has no text of its own."""
        return self.version(0)

    def version(self, number: int) -> Template:
        """One version."""
        key = self.key
        return clients().mailer.GetTemplate(
            GetTemplateRequest(
                type=key.type, language=key.language, threshold_days=key.threshold_days, version=number
            )
        )

    def versions(self) -> Sequence[Template]:
        """All versions, the newest first."""
        key = self.key
        asked = ListTemplateVersionsRequest(
            type=key.type, language=key.language, threshold_days=key.threshold_days
        )
        return clients().mailer.ListTemplateVersions(asked).versions

    def rules(self) -> list[int]:
        """Thresholds of the rules that may have a text of their own of this kind."""
        if not has_rules(self.kind.type):
            return []
        is_before = self.kind.type == TEMPLATE_TYPE_DUE_NOTICE_BEFORE
        found = clients().scheduler.ListRules(ListRulesRequest()).rules
        return sorted((one.threshold_days for one in found if (one.threshold_days < 0) == is_before), key=abs)


def asked_text(slug: str) -> Text:
    """The text that this request's address names; one that cannot be is not found."""
    kind = KINDS.get(slug)
    if kind is None:
        abort(404)
    languages = tuple(clients().mailer.ListLanguages(ListLanguagesRequest()).languages)
    tags = [one.tag for one in languages]
    own = branding.branding().company().language
    language = request.args.get("language") or (own if own in tags else tags[0])
    if language not in tags:
        abort(404)
    text = Text(kind, language, _rule(kind), languages)
    if text.rule and text.rule not in text.rules() and not _has_own_text(text):
        abort(404)
    return text


def _has_own_text(text: Text) -> bool:
    """Whether the rule ever got a text of its own, in any language; it stays when the rule is removed."""
    return any(Text(text.kind, one.tag, text.rule, text.languages).newest().version for one in text.languages)


def _rule(kind: TextKind) -> int:
    typed = request.args.get("rule", "") or "0"
    rule = int(typed) if _RULE.fullmatch(typed) else LARGEST_INT32
    is_before = kind.type == TEMPLATE_TYPE_DUE_NOTICE_BEFORE
    if rule and (not has_rules(kind.type) or (rule < 0) != is_before or abs(rule) > 3650):
        abort(404)
    return rule


class TemplateForm(FlaskForm):  # type: ignore[misc]  # flask_wtf has no types
    """The four areas, the version that the editor started from, and where a test is to go."""

    subject = StringField("Subject", [DataRequired("An email needs a subject."), Length(max=300)])
    title = StringField("Title", [Length(max=300)])
    header = TextAreaField("Header", [Length(max=20_000)])
    footer = TextAreaField("Footer", [Length(max=20_000)])
    base_version = IntegerField(widget=HiddenInput(), validators=[InputRequired(), FITS_INT32])
    test_id = HiddenField()
    addresses = StringField("Send to", [Length(max=2_000)])
    to_client = StringField()
    """The clients' addresses that the test may go to, because somebody has said so of these."""

    def areas(self) -> TemplateAreas:
        """What was typed; browsers end lines with CR LF, templates with LF."""
        return TemplateAreas(
            subject=self.subject.data or "",
            title=self.title.data or "",
            header=(self.header.data or "").replace("\r\n", "\n"),
            footer=(self.footer.data or "").replace("\r\n", "\n"),
        )

    def typed_addresses(self) -> list[str]:
        """Where the test is to go: each address once, in the order typed."""
        return list(_addresses(self.addresses.data).values())

    def may_go_to(self, clients: Iterable[str]) -> bool:
        """Whether leave was given for each of these clients' addresses; it holds for no other one."""
        return {address.casefold() for address in clients} <= _addresses(self.to_client.data).keys()


def _addresses(typed: str | None) -> dict[str, str]:
    """Each address once, in the order typed, by the form in which they are compared."""
    return {address.casefold(): address for address in re.split(r"[\s,;]+", typed or "") if address}


@dataclass(frozen=True)
class Mistake:
    """What is wrong at one place of an area; line and column count from 1, and are 0 for the whole of it."""

    line: int
    column: int
    words: str


def mistakes(violations: Sequence[Violation]) -> dict[str, list[Mistake]]:
    """What a refused text has wrong, by area; what belongs to none stands under the empty name."""
    found: dict[str, list[Mistake]] = {}
    for one in violations:
        name = one.field.rsplit(".", 1)[-1]
        place = _PLACE.search(one.description)
        line, column = (int(place[1]), int(place[2])) if place else (0, 0)
        area = name if name in AREAS else ""
        found.setdefault(area, []).append(Mistake(line, column, one.description))
    return found
