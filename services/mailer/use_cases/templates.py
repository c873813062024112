"""Editing what mails say."""

from dataclasses import dataclass, replace

from services.mailer.domain.palette import ALL_TOKENS, tokens_of
from services.mailer.domain.templates import (
    Areas,
    Template,
    TemplateChanged,
    TemplateMissing,
    TemplateType,
    checked,
)
from services.mailer.ports import Begin, Press, Preview
from services.shared.clock import Clock


@dataclass(frozen=True)
class Token:
    """A token with its meaning and what the preview shows for it."""

    name: str
    meaning: str
    sample: str


def list_templates(*, begin: Begin) -> list[Template]:
    """The newest version of each template, in the order of the types."""
    with begin() as work:
        newest, last_sent = work.templates.newest(), work.templates.last_sent()
    return [
        replace(newest[type], last_sent_at=last_sent.get(type)) for type in TemplateType if type in newest
    ]


def get_template(type: TemplateType, version: int, *, begin: Begin) -> Template:
    """One version, the newest for 0; `TemplateMissing`."""
    with begin() as work:
        found = work.templates.get(type, version) if version else work.templates.newest().get(type)
        last_sent = work.templates.last_sent()
    if found is None:
        raise TemplateMissing(f"There is no version {version} of this template.")
    return replace(found, last_sent_at=last_sent.get(type))


def list_versions(type: TemplateType, *, begin: Begin) -> list[Template]:
    """All versions, the newest first."""
    with begin() as work:
        versions, last_sent = work.templates.versions(type), work.templates.last_sent()
    return [replace(version, last_sent_at=last_sent.get(type)) for version in versions]


def save_template(
    type: TemplateType,
    areas: Areas,
    base_version: int,
    saved_by: str,
    *,
    begin: Begin,
    press: Press,
    clock: Clock,
) -> Template:
    """A new version; `TemplateInvalid`, and `TemplateChanged` if `base_version` is not the newest."""
    areas = checked_areas(type, areas, press=press)
    with begin() as work:
        newest = work.templates.newest()[type]
        template = Template(type, newest.version + 1, areas, clock.now(), saved_by[:200])
        if base_version != newest.version or not work.templates.add(template):
            # Read again: whoever was first may have been so between our look and our attempt.
            newest = work.templates.newest()[type]
            who = f" by {newest.saved_by}" if newest.saved_by else ""
            raise TemplateChanged(
                f"This text was changed{who} while you edited it (version {newest.version}, you started"
                f" from {base_version}). Open it again and make your change there."
            )
        last_sent = work.templates.last_sent()
    return replace(template, last_sent_at=last_sent.get(type))


def preview_template(
    type: TemplateType, areas: Areas, *, begin: Begin, press: Press, clock: Clock
) -> Preview:
    """The draft as a mail with sample data; `TemplateInvalid`. Stores nothing."""
    areas = checked_areas(type, areas, press=press)
    with begin() as work:
        company = work.company.profile()
    return press.preview(type, areas, company, clock.now().date())


def list_tokens(type: TemplateType, *, begin: Begin, press: Press, clock: Clock) -> list[Token]:
    """The tokens of a type, in the order for a palette."""
    with begin() as work:
        company = work.company.profile()
    samples = press.samples(type, company, clock.now().date())
    return [Token(name, meaning, samples[name]) for name, meaning in tokens_of(type).items()]


def checked_areas(type: TemplateType, areas: Areas, *, press: Press) -> Areas:
    """The areas as they may be stored; `TemplateInvalid`."""
    known = tokens_of(type)
    return checked(areas, known, ALL_TOKENS - known.keys(), press.clean)
