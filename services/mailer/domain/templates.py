"""Templates: four editable areas for each type of mail, in versions, checked before they are saved."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime
from enum import StrEnum

from services.mailer.domain.languages import ENGLISH
from services.mailer.domain.tokens import Problem, is_blank, is_one_line, scan
from services.shared.errors import Conflict, Invalid, Missing, Violation

LONGEST_LINE = 300
"""Characters of a subject or title."""

LONGEST_CONTENT = 20_000
"""Characters of a header or footer."""

DEEPEST_NESTING = 20
"""Elements within elements; mail programs give up on deep ones, and so do converters to text."""

_TAG = re.compile(r"<(/?)([a-z]+)[^>]*>")
_BLOCK = re.compile(r"<\s*(p|br|ul|ol|li)\b", re.IGNORECASE)


class TemplateType(StrEnum):
    """The kinds of mail that there is a template for."""

    DUE_NOTICE_BEFORE = "due_notice_before"
    DUE_NOTICE_AFTER = "due_notice_after"
    PAYMENT_SUCCEEDED = "payment_succeeded"
    PAYMENT_FAILED = "payment_failed"
    PAYMENT_SCHEDULED = "payment_scheduled"
    PAYMENT_RESCHEDULED = "payment_rescheduled"
    PAYMENT_CANCELLED = "payment_cancelled"
    METHOD_FAILED = "method_failed"
    WELCOME = "welcome"
    PASSWORD_RESET = "password_reset"  # noqa: S105 - the name of a mail
    ACCOUNT_SUMMARY = "account_summary"
    INVOICE = "invoice"
    UPCOMING_PAYMENTS = "upcoming_payments"
    METHOD_EXPIRING = "method_expiring"
    METHOD_EXPIRED = "method_expired"


_DUE_SIGNS = {TemplateType.DUE_NOTICE_BEFORE: -1, TemplateType.DUE_NOTICE_AFTER: 1}


@dataclass(frozen=True)
class Key:
    """Names a template: that of a type in a language, or, with a threshold, that of a due notice rule."""

    type: TemplateType
    language: str = ENGLISH.tag
    threshold_days: int = 0

    @property
    def of_type(self) -> "Key":
        """The key of the type's own text in the same language."""
        return replace(self, threshold_days=0)


@dataclass(frozen=True)
class Areas:
    """The four areas; subject and title are plain text, header and footer HTML of a few elements."""

    subject: str
    title: str
    header: str
    footer: str


@dataclass(frozen=True)
class Template:
    """One version of one template; version 0 stands for a rule that has no text of its own."""

    key: Key
    version: int
    areas: Areas
    saved_at: datetime
    saved_by: str
    last_sent_at: datetime | None = None


class ThresholdUnfit(Invalid):
    """Only due notices have rules, those before the due date with negative thresholds."""

    reason = "THRESHOLD_UNFIT"


class TemplateMissing(Missing):
    """There is no such type or version."""

    reason = "TEMPLATE_MISSING"


class TemplateChanged(Conflict):
    """Somebody else has saved a newer version."""

    reason = "TEMPLATE_CHANGED"


class TemplateInvalid(Invalid):
    """The text has mistakes; each violation names its area, line and column."""

    reason = "TEMPLATE_INVALID"


def checked_key(key: Key) -> Key:
    """The key; `ThresholdUnfit` for a threshold of another type or sign."""
    threshold = key.threshold_days
    if threshold * _DUE_SIGNS.get(key.type, 0) < 0 or (threshold and key.type not in _DUE_SIGNS):
        words = (
            f"There is no rule of {threshold} days for this type of mail; only due notices have rules, with"
            " negative days before the due date and positive ones after it."
        )
        raise ThresholdUnfit(words, violations=[Violation("threshold_days", "THRESHOLD_UNFIT", words)])
    return key


def chosen(templates: Mapping[Key, Template], wanted: Key, company_language: str) -> Template:
    """What a mail is written with: the rule's text, else the type's own, in the first language that has one.

    The languages are that of `wanted`, the company's, English.
    """
    for language in (wanted.language, company_language, ENGLISH.tag):
        key = replace(wanted, language=language)
        found = templates.get(key) or templates.get(key.of_type)
        if found:
            return found
    raise TemplateMissing(f"There is no text for {wanted.type.value}.")


Clean = Callable[[str], str]
"""Reduces HTML to the elements that are allowed."""


def checked(areas: Areas, known: Iterable[str], elsewhere: Iterable[str], clean: Clean) -> Areas:
    """The areas as they may be stored: header and footer reduced to the allowed HTML.

    `TemplateInvalid` tells everything that is wrong.
    """
    known, elsewhere = set(known), set(elsewhere)
    violations: list[Violation] = []
    for name, text in _texts(areas):
        violations += _size(name, text) or _tokens(name, scan(text, known, elsewhere=elsewhere)[1])
    if not violations:
        areas = Areas(
            areas.subject.strip(),
            areas.title.strip(),
            clean(as_paragraphs(areas.header)),
            clean(as_paragraphs(areas.footer)),
        )
        violations = _cleaned(areas, known, elsewhere)
    if violations:
        raise TemplateInvalid(violations[0].description, violations=violations)
    return areas


def _cleaned(areas: Areas, known: set[str], elsewhere: set[str]) -> list[Violation]:
    # Once more after cleaning: it resolves character references and drops elements, which may leave
    # braces that were not there before.
    violations = []
    for name, text in _texts(areas):
        violations += _tokens(name, scan(text, known, elsewhere=elsewhere)[1])
        if name in ("header", "footer") and _depth(text) > DEEPEST_NESTING:
            words = f"{_label(name)}: elements stand more than {DEEPEST_NESTING} deep in each other."
            violations.append(Violation(f"areas.{name}", "NESTED_TOO_DEEP", words))
    return violations


def _size(name: str, text: str) -> list[Violation]:
    field, label = f"areas.{name}", _label(name)
    if name in ("subject", "title"):
        if is_blank(text):
            return [Violation(field, "AREA_EMPTY", f"{label}: write something here.")]
        if len(text) <= LONGEST_LINE and not is_one_line(text.strip()):
            words = f"{label}: it must be a single line without control characters."
            return [Violation(field, "AREA_NOT_ONE_LINE", words)]
    most = LONGEST_LINE if name in ("subject", "title") else LONGEST_CONTENT
    if len(text) > most:
        words = f"{label}: it has {len(text):,} characters; at most {most:,} are possible."
        return [Violation(field, "AREA_TOO_LONG", words)]
    return []


def _tokens(name: str, problems: Iterable[Problem]) -> list[Violation]:
    return [
        Violation(
            f"areas.{name}",
            problem.reason,
            f"{_label(name)}, line {problem.line}, column {problem.column}: {problem.description}",
        )
        for problem in problems
    ]


def as_paragraphs(text: str) -> str:
    """Plain text with its blank lines made paragraphs; text that has such elements stays as it is.

    So who types a few lines into the editor without knowing HTML gets what they see.
    """
    if not text.strip() or _BLOCK.search(text):
        return text
    lines = text.replace("\r\n", "\n").replace("\r", "\n").strip()
    paragraphs = (part.strip().replace("\n", "<br>") for part in re.split(r"\n[ \t]*\n", lines))
    return "".join(f"<p>{part}</p>" for part in paragraphs if part)


def _depth(html: str) -> int:
    """How deep elements are nested in cleaned HTML."""
    depth = deepest = 0
    for match in _TAG.finditer(html):
        if match.group(2) != "br":
            depth += -1 if match.group(1) else 1
            deepest = max(deepest, depth)
    return deepest


def _texts(areas: Areas) -> Iterator[tuple[str, str]]:
    return ((field.name, getattr(areas, field.name)) for field in fields(areas))


def _label(name: str) -> str:
    return name.capitalize()
