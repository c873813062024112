"""What the payer typed, and what a page says about it."""

import re
import unicodedata
from dataclasses import dataclass, field, replace
from typing import NamedTuple, Self
from uuid import NAMESPACE_URL, uuid5

from babel.numbers import get_currency_name, get_currency_symbol
from dunlin.paynow.v1.paynow_pb2 import LinkContents, Quote
from werkzeug.datastructures import MultiDict

from gateway.site import languages
from gateway.site.formats import LOCALE, money
from gateway.site.languages import N_, gettext
from services.shared.errors import Refusal
from services.shared.money import to_decimal

FIELDS = ("email", "invoice_number", "amount")
_MOST_CHARACTERS = 400
_CODE = re.compile(r"^[A-Z]{3}(?=\d)|(?<=\d)[A-Z]{3}$")
_GROUPED = re.compile(r"\d{1,3}(,\d{3})+\.\d+", re.ASCII)
_DECIMAL = re.compile(r"\d{1,20}(\.\d{1,20})?", re.ASCII)
_SHORT_DECIMAL = re.compile(r"\d+\.\d{1,2}", re.ASCII)
_CHANGE_PLACES = str.maketrans(",.", ".,")


class Message(NamedTuple):
    """A sentence at the head of a page, marked to be translated there; the kind is "wrong" or "waiting"."""

    kind: str
    title: str
    text: str


# One text for all that may be wrong here, or the page would tell strangers who our clients are.
NO_SUCH_INVOICE = Message(
    "wrong",
    N_("We found no invoice with this email address and this number."),
    N_("Please compare both with your invoice. Nothing was charged."),
)
LINK_INVALID = Message(
    "wrong",
    N_("This link is not complete."),
    N_("Perhaps it was cut off. Open it from the email again, or fill in the form from your invoice."),
)
LINK_EXPIRED = Message(
    "waiting",
    N_("This link has expired."),
    N_("Please fill in the form from your invoice, or use the link in our newest email."),
)
# Why a later step has led back to the form. The words stand here, so that an address cannot bring its own.
BACK = {
    "expired": Message(
        "waiting",
        N_("That took longer than 15 minutes. Please start again."),
        N_("Nothing was charged. Check the fields and continue."),
    ),
    "missing": Message(
        "wrong",
        N_("We do not know this payment."),
        N_("The address may have been cut off. Please start again."),
    ),
    "above": Message(
        "wrong",
        N_("The amount is more than what remains by now."),
        N_("Somebody has paid a part of this invoice meanwhile. Nothing was charged by you."),
    ),
    "closed": Message(
        "wrong",
        N_("This invoice cannot be paid here any more."),
        N_("Nothing was charged. Please get in touch with us."),
    ),
    "refused": Message(
        "wrong", N_("This could not be taken as it is."), N_("Nothing was charged. Please check the fields.")
    ),
    "method": Message("wrong", N_("Choose one of these ways to pay."), N_("Nothing was charged.")),
    "away": Message(
        "waiting",
        N_("The payment provider is temporarily unavailable."),
        N_("Nothing was charged. Please try again in a minute."),
    ),
    "stale": Message(
        "waiting",
        N_("This page had been open for too long."),
        N_("Nothing was charged. Please continue from here."),
    ),
}
# The same by the reason that a confirmation was refused for.
WHY_NOT = {
    "QUOTE_EXPIRED": "expired",
    "QUOTE_MISSING": "missing",
    "AMOUNT_ABOVE_BALANCE": "above",
    "METHOD_UNKNOWN": "method",
    "PROVIDER_AWAY": "away",
}


@dataclass(frozen=True)
class PayForm:
    """The three fields as text, exactly as they go back into the page, and what is wrong with each."""

    email: str = ""
    invoice_number: str = ""
    amount: str = ""
    link_token: str = ""
    errors: dict[str, str] = field(default_factory=dict)

    @classmethod
    def sent(cls, values: MultiDict[str, str]) -> Self:
        """What a browser sent, without the spaces that a copy brings along."""
        texts = {name: values.get(name, "").strip()[:_MOST_CHARACTERS] for name in FIELDS}
        return cls(texts["email"], texts["invoice_number"], texts["amount"], values.get("link_token", ""))

    @classmethod
    def of_quote(cls, quote: Quote, link_token: str = "") -> Self:
        """What was quoted, to be changed."""
        amount = typed_amount(quote.amount_minor, quote.currency)
        return cls(quote.email, quote.invoice_number, amount, link_token)

    @classmethod
    def of_link(cls, link: LinkContents, link_token: str) -> Self:
        """What a sealed link fills in: the amount is what remains less what is being paid."""
        amount = typed_amount(remaining(link), link.currency)
        return cls(link.email, link.invoice_number, amount, link_token)

    def refused(self, refusal: Refusal, link: LinkContents | None) -> Self:
        """The form with what is wrong beside the fields that the refusal names.

        Words of the service are for programs: each reason has its sentence here, in the page's language.
        """
        named = {violation.field: violation.reason for violation in refusal.violations}
        if not named and refusal.reason.startswith("AMOUNT_"):
            named = {"amount": refusal.reason}
        errors = {name: self._wrong(name, reason, link) for name, reason in named.items() if name in FIELDS}
        return replace(self, errors=errors)

    def _wrong(self, name: str, reason: str, link: LinkContents | None) -> str:
        if name == "email":
            return gettext("Enter one complete email address, such as accounts@example.com.")
        if name == "invoice_number":
            return gettext("Enter the invoice number on one line, as printed, with at most 100 characters.")
        if reason == "AMOUNT_ABOVE_BALANCE":
            return _too_much(link if link and link.invoice_number == self.invoice_number else None)
        amount = plain_amount(self.amount)
        if _DECIMAL.fullmatch(amount) is None:
            return gettext("Enter the amount as a number with a point and no commas, such as 1234.50.")
        if not amount.strip("0."):
            return gettext("Enter an amount above zero.")
        return gettext("This amount has more decimals than its currency.")


def _too_much(link: LinkContents | None) -> str:
    # Only who has come by the invoice's own link may learn what remains of it.
    if link is None:
        return gettext(
            "This amount cannot be paid on this invoice. Check the amount, or open the link in the email"
            " about this invoice."
        )
    if remaining(link):
        rest = money(remaining(link), link.currency)
        return gettext("This is more than what remains to be paid on this invoice: %(rest)s.", rest=rest)
    if link.balance_minor:
        return gettext(
            "A payment of everything that remains on this invoice is being processed;"
            " there is nothing more to pay now."
        )
    return gettext("This invoice is paid; nothing remains to be paid on it.")


def remaining(link: LinkContents) -> int:
    """What may be paid now, in minor units: the balance less what is being charged at this moment."""
    return max(0, link.balance_minor - link.reserved_minor)


def typed_amount(minor: int, currency: str) -> str:
    """An amount as a payer would type it, in the page's language: "1234.50", "1234,50"."""
    return to_decimal(minor, currency).replace(".", _decimal_sign())


def plain_amount(text: str) -> str:
    """The amount as the contract wants it, where what was typed can only mean one number.

    A currency sign or code beside it goes ("$50", "50.00 USD"), to be looked at by `other_currency`; so do
    thousands commas if a point follows them ("1,234.50"). A lone comma stays, to be refused: "1,234" is
    another amount in Ohio than in Oslo.

    On a page in a language that writes a comma before decimals, commas and points change their places; a
    point with one or two digits behind it is taken there too ("12.5"), since nothing else can be meant.
    """
    amount = _CODE.sub("", _without_signs(text))
    if _decimal_sign() == "," and not _SHORT_DECIMAL.fullmatch(amount):
        amount = amount.translate(_CHANGE_PLACES)
    return amount.replace(",", "") if _GROUPED.fullmatch(amount) else amount


def _decimal_sign() -> str:
    return str(languages.current().locale.number_symbols["latn"]["decimal"])


def other_currency(text: str, currency: str) -> str:
    """What to say beside the amount if its sign or code is not of that currency; empty if all is well.

    "$" is a sign of every dollar and peso, "£" of every pound.
    """
    typed = [c for c in text if unicodedata.category(c) == "Sc"] + _CODE.findall(_without_signs(text))
    own = _signs_of(currency)
    other = next((sign for sign in typed if sign not in own), "")
    if not other:
        return ""
    name = get_currency_name(currency, count=2, locale=languages.current().locale)
    return gettext(
        "You typed %(sign)s, but this invoice is in %(name)s (%(currency)s)."
        " Enter the amount in %(currency)s.",
        sign=other,
        name=name,
        currency=currency,
    )


def _without_signs(text: str) -> str:
    return "".join(c for c in text if unicodedata.category(c) not in ("Sc", "Zs")).strip()


def _signs_of(currency: str) -> set[str]:
    signs = {currency, *get_currency_symbol(currency, locale=LOCALE)}
    kind = get_currency_name(currency, locale=LOCALE).rpartition(" ")[2]
    return signs | {"Dollar": {"$"}, "Peso": {"$"}, "Pound": {"£"}}.get(kind, set())


def key_of(quote_id: str) -> str:
    """The one idempotency key that a quote is confirmed with, however often and from however many windows."""
    return str(uuid5(NAMESPACE_URL, f"dunlin:confirm:{quote_id}"))
