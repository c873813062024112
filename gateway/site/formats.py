"""Money, dates and instants as people read them; filters and functions for the templates."""

from datetime import UTC, date, datetime

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_datetime, format_timedelta
from flask import Flask
from google.protobuf.timestamp_pb2 import Timestamp
from markupsafe import Markup, escape

from gateway.site import company_time, languages, words
from services.shared.money import in_words
from services.shared.wire import instant

LOCALE = "en_US"
"""Of pages for staff."""


def money(minor: int, currency: str) -> str:
    """An amount of minor units, in the page's language: "$1,234.50", "-€20.00"."""
    return in_words(minor, currency, languages.current().locale)


def day(value: str | date) -> str:
    """A date, or its YYYY-MM-DD, in the page's language: "Jan 31, 2026"; empty for none."""
    if not value:
        return ""
    on = date.fromisoformat(value) if isinstance(value, str) else value
    return format_date(on, "medium", locale=languages.current().locale)


def weekday(value: str | date) -> str:
    """A date with its day of the week: "Saturday, January 31, 2026"."""
    if not value:
        return ""
    return format_date(date.fromisoformat(value) if isinstance(value, str) else value, "full", locale=LOCALE)


def as_instant(value: Timestamp | datetime | None) -> datetime | None:
    """An instant in UTC; None for none and for a field of a message that is not set."""
    if isinstance(value, Timestamp):
        return instant(value) if value.seconds or value.nanos else None
    return value


def clock_time(value: Timestamp | datetime | None) -> str:
    """An instant in the company's zone, as plain text: "Jan 31, 2026, 9:00 AM CST"; empty for none."""
    return _written(value, languages.current().moment)


def _written(value: Timestamp | datetime | None, pattern: str) -> str:
    at = as_instant(value)
    if at is None:
        return ""
    local = at.astimezone(company_time.zone())
    written = format_datetime(local, pattern, locale=languages.current().locale)
    return f"{written} {local.tzname() or ''}".strip()


def _to_the_second(value: datetime) -> str:
    return _written(value, languages.current().moment.replace("mm", "mm:ss"))


def moment(value: Timestamp | datetime | None, *, zone: bool = False) -> Markup:
    """An instant in the company's zone as a `time` element; the full instant shows on hovering.

    With `zone` the zone is named: clients need not know which one is the company's.
    """
    at = as_instant(value)
    if at is None:
        return Markup("")
    local = at.astimezone(company_time.zone())
    language = languages.current()
    shown = clock_time(at) if zone else format_datetime(local, language.moment, locale=language.locale)
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        at.isoformat(timespec="seconds"), _to_the_second(at), shown
    )


def relative(value: Timestamp | datetime | None, now: datetime | None = None) -> Markup:
    """How far an instant is from now, "5 minutes ago" or "in 3 hours", as a `time` element."""
    at = as_instant(value)
    if at is None:
        return Markup("")
    shown = format_timedelta(at - (now or datetime.now(UTC)), add_direction=True, locale=LOCALE)
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        at.isoformat(timespec="seconds"), _to_the_second(at), shown
    )


def language_name(tag: str) -> str:
    """A language by its tag in English: "German" for "de"; the tag itself where it is not known."""
    try:
        return Locale.parse(tag, sep="-").get_display_name(LOCALE) or tag
    except (ValueError, UnknownLocaleError):
        return tag


def address(email: str) -> Markup:
    """An email address that breaks after its "@" where it does not fit, rather than anywhere."""
    return Markup("@<wbr>").join(escape(part) for part in email.split("@"))


def lines(text: str) -> Markup:
    """Text whose line ends are kept, as in a postal address."""
    return Markup("<br>").join(escape(line) for line in text.splitlines())


def init_app(app: Flask) -> None:
    """Makes the filters known to the templates."""
    app.jinja_env.filters.update(
        money=money,
        day=day,
        weekday=weekday,
        clock_time=clock_time,
        moment=moment,
        relative=relative,
        address=address,
        lines=lines,
        language_name=language_name,
    )
    app.jinja_env.filters.update(
        {
            name: getattr(words, name)
            for name in (
                "count", "many", "total", "sentence", "threshold", "message_state", "message_event",
                "notice_state", "notice_type", "template_type", "payment_state", "invoice_status",
            )
        }
    )  # fmt: skip
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
