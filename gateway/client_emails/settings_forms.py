"""The forms of the kinds of mail that have settings, each to and from the wire."""

from collections.abc import Collection, Iterable, Mapping, Sequence

from dunlin.paynow.v1.accounts_pb2 import Profile
from dunlin.scheduler.v1.emails_pb2 import ClosedDays, EmailType, OnNewInvoice, SummarySchedule
from wtforms import BooleanField, IntegerField, RadioField, SelectField, SelectMultipleField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, NumberRange
from wtforms.widgets import CheckboxInput, ListWidget

from gateway.client_emails.wording import INVOICE, REMOVED_PROFILE, SUMMARY, UPCOMING
from gateway.site.client_profiles import names_by_id
from gateway.site.settings_form import SettingsForm, Values
from gateway.site.words import sentence

_CLOSED_DAYS = {
    "": (ClosedDays.CLOSED_DAYS_UNSPECIFIED, "As the company’s calendar says"),
    "send": (ClosedDays.CLOSED_DAYS_SEND, "Send all the same"),
    "before": (ClosedDays.CLOSED_DAYS_BEFORE, "Send on the last business day before"),
    "after": (ClosedDays.CLOSED_DAYS_AFTER, "Send on the next business day"),
    "skip": (ClosedDays.CLOSED_DAYS_SKIP, "Leave that month out"),
}
_ON_NEW_INVOICE = {
    "nothing": (OnNewInvoice.ON_NEW_INVOICE_NOTHING, "Send nothing"),
    "summary": (OnNewInvoice.ON_NEW_INVOICE_SUMMARY, "Send the account summary, once for each import"),
    "invoices": (
        OnNewInvoice.ON_NEW_INVOICE_INVOICES,
        "Send an invoice notification for each in its place",
    ),
}


class TypeForm(SettingsForm):
    """What every kind's form can do."""

    def __init__(self, settings: EmailType) -> None:
        """With saved settings, or what was typed."""
        super().__init__(data=self.values_of(settings))

    def values_of(self, settings: EmailType) -> Values:
        """Saved settings as its fields show them."""
        return {}

    def fill(self, settings: EmailType) -> None:
        """Writes what was typed into settings."""


class SummaryForm(TypeForm):
    """Account summary."""

    day = RadioField(
        "Schedule",
        choices=[
            SelectChoice("day", "On a day of each month"),
            SelectChoice("last", "On the last day of each month"),
            SelectChoice("manual", "Send manually (no schedule)"),
        ],
    )
    day_of_month = SelectField("Day of the month", choices=[str(day) for day in range(1, 29)])
    closed_days = SelectField(
        "If that is a weekend or holiday",
        choices=[SelectChoice(value, label) for value, (_, label) in _CLOSED_DAYS.items()],
    )
    on_new_invoice = RadioField(
        "When new invoices come in",
        choices=[SelectChoice(value, label) for value, (_, label) in _ON_NEW_INVOICE.items()],
    )
    recipients = RadioField(
        "To whom",
        choices=[
            SelectChoice("default", "Default contacts (★)"),
            SelectChoice("profiles", "Contacts with these client profiles"),
        ],
    )
    profile_ids = SelectMultipleField(
        "Client profiles", widget=ListWidget(prefix_label=False), option_widget=CheckboxInput()
    )

    def know(self, profiles: Sequence[Profile] | None, chosen: Iterable[str]) -> None:
        """Offers the client profiles; None where they cannot be told.

        What is chosen is among them also if it was removed since, so that it can be seen and unticked.
        """
        known = names_by_id(profiles or ())
        stale = {one: one if profiles is None else f"{sentence(REMOVED_PROFILE)} ({one})" for one in chosen}
        self.profile_ids.choices = [SelectChoice(*one) for one in {**stale, **known}.items()]

    def values_of(self, settings: EmailType) -> Values:
        """Saved settings as its fields show them."""
        schedule = settings.schedule
        days = {"day_of_month": "day", "last_day": "last"}
        return {
            "day": days.get(schedule.WhichOneof("day") or "", "manual"),
            "day_of_month": str(schedule.day_of_month or 15),
            "closed_days": _key(_CLOSED_DAYS, schedule.closed_days, ""),
            "on_new_invoice": _key(_ON_NEW_INVOICE, settings.on_new_invoice, "nothing"),
            "recipients": "profiles" if settings.profile_ids else "default",
            "profile_ids": list(settings.profile_ids),
        }

    def moot(self, values: Values) -> Collection[str]:
        """The day of a schedule that has none, and client profiles where the default contacts get it."""
        days = {"day_of_month"} if values["day"] != "day" else set()
        return days | ({"profile_ids"} if values["recipients"] != "profiles" else set())

    def fill(self, settings: EmailType) -> None:
        """Writes what was typed into settings."""
        schedule = SummarySchedule(closed_days=_CLOSED_DAYS[self.closed_days.data][0])
        if self.day.data == "day":
            schedule.day_of_month = int(self.day_of_month.data)
        elif self.day.data == "last":
            schedule.last_day = True
        else:
            schedule.manual = True
        settings.schedule.CopyFrom(schedule)
        settings.on_new_invoice = _ON_NEW_INVOICE[self.on_new_invoice.data][0]
        del settings.profile_ids[:]
        if self.recipients.data == "profiles":
            settings.profile_ids.extend(self.profile_ids.data)

    def validate(self, extra_validators: object = None) -> bool:
        """Also that client profiles were chosen where they are to count."""
        is_valid = bool(super().validate(extra_validators))
        if self.recipients.data == "profiles" and not self.profile_ids.data and not self.profile_ids.errors:
            self.profile_ids.errors = ["Choose at least one client profile, or the default contacts."]
            return False
        return is_valid


class InvoiceForm(TypeForm):
    """Invoice notification."""

    tells_payment_date = BooleanField("Tell when AutoPay or a scheduled payment will pay it")
    newest_days = IntegerField(
        "An invoice is new for this many days after it was issued",
        [InputRequired("Enter a number of days."), NumberRange(1, 365, "Enter 1 to 365 days.")],
    )

    def values_of(self, settings: EmailType) -> Values:
        """Saved settings as its fields show them."""
        return {"tells_payment_date": settings.tells_payment_date, "newest_days": settings.newest_days}

    def fill(self, settings: EmailType) -> None:
        """Writes what was typed into settings."""
        settings.tells_payment_date = self.tells_payment_date.data
        settings.newest_days = self.newest_days.data


class UpcomingForm(TypeForm):
    """Upcoming payments."""

    days_before = IntegerField(
        "Days before the payment",
        [InputRequired("Enter a number of days."), NumberRange(1, 30, "Enter 1 to 30 days.")],
    )

    def values_of(self, settings: EmailType) -> Values:
        """Saved settings as its fields show them."""
        return {"days_before": settings.days_before}

    def fill(self, settings: EmailType) -> None:
        """Writes what was typed into settings."""
        settings.days_before = self.days_before.data


FORMS: dict[int, type[TypeForm]] = {SUMMARY: SummaryForm, INVOICE: InvoiceForm, UPCOMING: UpcomingForm}
"""By type; what is not here has nothing to set."""


def _key(choices: Mapping[str, tuple[int, str]], value: int, default: str) -> str:
    return next((key for key, (one, _) in choices.items() if one == value), default)
