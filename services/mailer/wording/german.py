"""What mails say in German."""

import re
from collections.abc import Sequence
from datetime import date

from services.mailer.domain.letter import LineStatus, Plan, Plans, Summary
from services.mailer.wording.speech import Speech, count_of
from services.mailer.wording.words import Words

_LABEL = re.compile(r"(?P<what>.+) ending (?P<digits>\w+)")
# What the books call things that have no name of their own.
_KINDS = {
    "Card": "Karte",
    "Bank account": "Bankkonto",
    "Sandbox card": "Testkarte",
    "Sandbox bank account": "Testkonto",
}

_WORDS = Words(
    invoice="Rechnung",
    invoice_date="Rechnungsdatum",
    due_date="Fällig am",
    invoice_amount="Rechnungsbetrag",
    amount_due="Offener Betrag",
    amount_paid="Gezahlter Betrag",
    attempted_amount="Versuchter Betrag",
    payment_method="Zahlungsmittel",
    date="Datum",
    remaining_balance="Restbetrag",
    balance_due="Offener Betrag",
    payment_date="Abbuchung am",
    previous_date="Bisheriges Datum",
    new_date="Neues Datum",
    cancelled_date="War geplant für",
    amount="Betrag",
    name="Bezeichnung",
    expires="Gültig bis",
    reason="Grund",
    status="Status",
    issued="Vom",
    due="Fällig",
    balance="Offen",
    total="Summe",
    past_due_total="Überfällig",
    paid_by="Zahlung durch",
    open_invoices="Offene Rechnungen",
    cards="Karten, die Sie prüfen sollten",
    upcoming_payments="Geplante Zahlungen",
    pay_invoice="Rechnung bezahlen",
    pay="Zahlen",
    open_portal="Zum Kundenportal",
    create_account="Konto anlegen",
    choose_password="Passwort festlegen",  # noqa: S106 - the words of a button
    unsubscribe="Diese E-Mails abbestellen",
    line_status={
        LineStatus.PAST_DUE: "Überfällig",
        LineStatus.OPEN: "Offen",
        LineStatus.NEW: "Neu",
    },
    card_expired="Abgelaufen",
    card_expires_soon="Läuft bald ab",
    autopay="AutoPay",
    scheduled="Geplant",
    payment_failures={
        "CARD_DECLINED": "Die Karte wurde abgelehnt",
        "INSUFFICIENT_FUNDS": "Das Konto ist nicht ausreichend gedeckt",
        "RETURNED": "Die Bank hat die Zahlung zurückgegeben",
        "PROVIDER_ERROR": "Der Zahlungsdienst hat einen Fehler gemeldet",
    },
    payment_failed_somehow="Die Zahlung konnte nicht abgeschlossen werden",
    method_failures={
        "CARD_DECLINED": "Die Karte wurde abgelehnt",
        "ACCOUNT_CLOSED": "Das Bankkonto ist geschlossen",
        "RETURNED": "Die Bank hat die letzte Zahlung zurückgegeben",
        "EXPIRED": "Die Karte ist abgelaufen",
        "PROVIDER_ERROR": "Der Zahlungsdienst hat einen Fehler gemeldet",
    },
    method_failed_somehow="Die letzte Zahlung damit ist fehlgeschlagen",
    more_than="mehr als {}",
    link_lifetime="24 Stunden",
)


class German(Speech):
    """As people in Germany write it, who are addressed with "Sie"."""

    tag = "de"
    locale = "de_DE"
    moment_pattern = "d. MMMM y, HH:mm 'Uhr'"
    words = _WORDS

    def listed(self, names: Sequence[str]) -> str:
        """Without a comma before the last."""
        return " und ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)

    def days(self, count: int) -> str:
        """In the nominative and accusative: "15 Tage überfällig"."""
        return "heute" if count == 0 else _counted(self, abs(count), "Tag", "Tage")

    def when(self, days: int) -> str:
        """In the dative, which "in" and "vor" ask for."""
        if days == 0:
            return "heute"
        return f"{'in' if days > 0 else 'vor'} {_counted(self, abs(days), 'Tag', 'Tagen')}"

    def method(self, label: str) -> str:
        """With the digits that it ends in; a label of another form stays as it is."""
        found = _LABEL.fullmatch(label)
        if not found:
            return _KINDS.get(label, label)
        return f"{_KINDS.get(found['what'], found['what'])} mit den Endziffern {found['digits']}"

    def reach_us(self, *, replies: bool, phone: str) -> str:
        """To follow a clause that begins with "wenn", or "oder"."""
        if replies:
            return "antworten Sie bitte auf diese E-Mail"
        return f"rufen Sie uns bitte unter {phone} an" if phone else "melden Sie sich bitte bei uns"

    def more_invoices(self, count: int) -> str:
        """A whole sentence."""
        further = _counted(self, count, "weitere Rechnung ist", "weitere Rechnungen sind")
        return f"{further} in der Summe enthalten."

    def more_payments(self, count: int) -> str:
        """A whole sentence."""
        further = _counted(self, count, "weitere Zahlung", "weitere Zahlungen")
        return f"{'Hinzu kommt' if count == 1 else 'Hinzu kommen'} {further}."

    def open_invoices(self, count: int) -> str:
        """In the nominative and accusative."""
        if not count:
            return "keine offenen Rechnungen"
        return _counted(self, count, "offene Rechnung", "offene Rechnungen")

    def payments(self, count: int) -> str:
        """In the nominative and accusative."""
        return _counted(self, count, "Zahlung", "Zahlungen")

    def summary_sentence(self, summary: Summary) -> str:
        """One or two sentences."""
        count = count_of(summary)
        if not count:
            return "Es sind keine Rechnungen offen."
        total = self.amounts([(one.open_minor, one.currency) for one in summary.totals])
        late = [(one.past_due_minor, one.currency) for one in summary.totals if one.past_due_minor]
        rest = f"davon sind {self.amounts(late)} überfällig" if late else "nichts davon ist überfällig"
        if count == 1:
            return (
                f"Eine Rechnung über {total} ist offen{' und' if late else ', aber noch nicht'} überfällig."
            )
        return f"{self.number(count)} Rechnungen über zusammen {total} sind offen, {rest}."

    def plans_sentence(self, plans: Plans, today: date) -> str:
        """One sentence."""
        first, count = plans.plans[0], len(plans.plans) + plans.more_plans
        day = f"am {self.day(first.pays_on)} ({self.when((first.pays_on - today).days)})"
        if count == 1:
            return f"Wir buchen {day} eine Zahlung über {self.total(plans)} ab."
        what = f"{self.payments(count)} über zusammen {self.total(plans)}"
        if not plans.more_plans and plans.plans[-1].pays_on == first.pays_on:
            return f"Wir buchen {day} {what} ab."
        return f"Wir buchen {what} ab, die erste {day}."

    def change_sentence(self, plan: Plan) -> str:
        """One sentence."""
        instead = f" statt am {self.day(plan.moved_from)}" if plan.moved_from else ""
        amount = self.money(plan.amount_minor, plan.invoice.currency)
        return f"Wir buchen nun {amount} am {self.day(plan.pays_on)}{instead} ab."

    def paid_by_itself(self, plan: Plan) -> str:
        """Two sentences."""
        amount = self.money(plan.amount_minor, plan.invoice.currency)
        method = f" ({self.method(plan.method_label)})" if plan.method_label else ""
        day = f"am {self.day(plan.pays_on)}"
        autopay, scheduled = f"AutoPay bezahlt {day} {amount}", f"Wie geplant buchen wir {day} {amount} ab"
        return f"{autopay if plan.by_autopay else scheduled}{method}. Sie brauchen nichts weiter zu tun."


def _counted(speech: Speech, count: int, one: str, many: str) -> str:
    return f"{speech.number(count)} {one if count == 1 else many}"
