"""Editing what mails say."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from services.mailer.domain.languages import checked_language
from services.mailer.domain.palette import ALL_TOKENS, groups_of, tokens_of
from services.mailer.domain.templates import (
    Areas,
    Key,
    Template,
    TemplateChanged,
    TemplateMissing,
    TemplateType,
    checked,
    checked_key,
)
from services.mailer.ports import Begin, Press, Preview, Work
from services.shared.clock import Clock


@dataclass(frozen=True)
class Token:
    """A token with its meaning and what the preview shows for it."""

    name: str
    meaning: str
    sample: str
    group: str


def list_templates(language: str, *, begin: Begin) -> list[Template]:
    """The newest version of each template of a language, in the order of types and thresholds."""
    with begin() as work:
        newest, last_sent = work.templates.newest(), work.templates.last_sent()
        language = _language(language, work)
    order = list(TemplateType)
    found = [template for key, template in newest.items() if key.language == language]
    found.sort(key=lambda template: (order.index(template.key.type), template.key.threshold_days))
    return [_dated(template, last_sent) for template in found]


def get_template(key: Key, version: int, *, begin: Begin) -> Template:
    """One version, the newest for 0; `TemplateMissing`, `ThresholdUnfit`, `LanguageUnknown`.

    Of a rule that has no text of its own the newest is what its mails are written with, as version 0.
    """
    with begin() as work:
        key = full_key(key, work)
        found = work.templates.get(key, version) if version else _newest(key, work)
        last_sent = work.templates.last_sent()
    if found is None:
        raise TemplateMissing(f"There is no version {version} of this template.")
    return _dated(found, last_sent)


def list_versions(key: Key, *, begin: Begin) -> list[Template]:
    """All versions, the newest first."""
    with begin() as work:
        versions, last_sent = work.templates.versions(full_key(key, work)), work.templates.last_sent()
    return [_dated(version, last_sent) for version in versions]


def save_template(
    key: Key,
    areas: Areas,
    base_version: int,
    saved_by: str,
    *,
    begin: Begin,
    press: Press,
    clock: Clock,
) -> Template:
    """A new version; `TemplateInvalid`, and `TemplateChanged` if `base_version` is not the newest."""
    areas = checked_areas(key.type, areas, press=press)
    with begin() as work:
        key = full_key(key, work)
        newest = _newest(key, work)
        template = Template(key, newest.version + 1, areas, clock.now(), saved_by[:200])
        if base_version != newest.version or not work.templates.add(template):
            # Read again: whoever was first may have been so between our look and our attempt.
            newest = _newest(key, work)
            who = f" by {newest.saved_by}" if newest.saved_by else ""
            raise TemplateChanged(
                f"This text was changed{who} while you edited it (version {newest.version}, you started"
                f" from {base_version}). Open it again and make your change there."
            )
        last_sent = work.templates.last_sent()
    return _dated(template, last_sent)


def preview_template(key: Key, areas: Areas, *, begin: Begin, press: Press, clock: Clock) -> Preview:
    """The draft as a mail with sample data; `TemplateInvalid`. Stores nothing."""
    areas = checked_areas(key.type, areas, press=press)
    with begin() as work:
        key, company = full_key(key, work), work.company.profile()
    return press.preview(key, areas, company, clock.now().date())


def list_tokens(key: Key, *, begin: Begin, press: Press, clock: Clock) -> list[Token]:
    """The tokens of a type, in the order for a palette."""
    with begin() as work:
        key, company = full_key(key, work), work.company.profile()
    samples = press.samples(key, company, clock.now().date())
    return [
        Token(name, meaning, samples[name], group.heading)
        for group in groups_of(key.type)
        for name, meaning in group.tokens.items()
    ]


def _dated(template: Template, last_sent: Mapping[TemplateType, datetime]) -> Template:
    return replace(template, last_sent_at=last_sent.get(template.key.type))


def full_key(key: Key, work: Work) -> Key:
    """The key with its language, the company's if none is named; `ThresholdUnfit`, `LanguageUnknown`."""
    return checked_key(replace(key, language=_language(key.language, work)))


def _language(tag: str, work: Work) -> str:
    """A language of mails, the company's if none is named; `LanguageUnknown`."""
    return checked_language(tag or work.company.profile().company.language)


def _newest(key: Key, work: Work) -> Template:
    newest = work.templates.newest()
    return newest.get(key) or replace(newest[key.of_type], key=key, version=0)


def checked_areas(type: TemplateType, areas: Areas, *, press: Press) -> Areas:
    """The areas as they may be stored; `TemplateInvalid`."""
    known = tokens_of(type)
    return checked(areas, known, ALL_TOKENS - known.keys(), press.clean)
