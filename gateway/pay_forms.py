"""What the payer typed, and what a page says about it."""

import re
import unicodedata
from dataclasses import dataclass, field, replace
from typing import NamedTuple, Self
from uuid import NAMESPACE_URL, uuid5

from babel.numbers import get_currency_name, get_currency_symbol
from dunlin.paynow.v1.paynow_pb2 import LinkContents, Quote
from werkzeug.datastructures import MultiDict

from gateway.formats import LOCALE
from services.shared.errors import Refusal
from services.shared.money import to_decimal

FIELDS = ("email", "invoice_number", "amount")
_MOST_CHARACTERS = 400
_CODE = re.compile(r"^[A-Z]{3}(?=\d)|(?<=\d)[A-Z]{3}$")
_GROUPED = re.compile(r"\d{1,3}(,\d{3})+\.\d+", re.ASCII)


class Message(NamedTuple):
    """A sentence at the head of a page; the kind is "wrong" or "waiting"."""

    kind: str
    title: str
    text: str


# One text for all that may be wrong here, or the page would tell strangers who our clients are.
NO_SUCH_INVOICE = Message(
    "wrong",
    "We found no invoice with this email address and this number.",
    "Please compare both with your invoice. Nothing was charged.",
)
LINK_INVALID = Message(
    "wrong",
    "This link is not complete.",
    "Perhaps it was cut off. Open it from the email again, or fill in the form from your invoice.",
)
LINK_EXPIRED = Message(
    "waiting",
    "This link has expired.",
    "Please fill in the form from your invoice, or use the link in our newest email.",
)
# Why a later step has led back to the form. The words stand here, so that an address cannot bring its own.
BACK = {
    "expired": Message(
        "waiting",
        "That took longer than 15 minutes. Please start again.",
        "Nothing was charged. Check the fields and continue.",
    ),
    "missing": Message(
        "wrong", "We do not know this payment.", "The address may have been cut off. Please start again."
    ),
    "above": Message(
        "wrong",
        "The amount is more than what remains by now.",
        "Somebody has paid a part of this invoice meanwhile. Nothing was charged by you.",
    ),
    "closed": Message(
        "wrong",
        "This invoice cannot be paid here any more.",
        "Nothing was charged. Please get in touch with us.",
    ),
    "method": Message("wrong", "Choose one of these ways to pay.", "Nothing was charged."),
    "away": Message(
        "waiting",
        "The payment provider is temporarily unavailable.",
        "Nothing was charged. Please try again in a minute.",
    ),
    "stale": Message(
        "waiting", "This page had been open for too long.", "Nothing was charged. Please continue from here."
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
        amount = to_decimal(quote.amount_minor, quote.currency)
        return cls(quote.email, quote.invoice_number, amount, link_token)

    @classmethod
    def of_link(cls, link: LinkContents, link_token: str) -> Self:
        """What a sealed link fills in: the amount is what remains less what is being paid."""
        amount = to_decimal(remaining(link), link.currency)
        return cls(link.email, link.invoice_number, amount, link_token)

    def refused(self, refusal: Refusal) -> Self:
        """The form with the refusal's words beside the fields that it names."""
        errors = {v.field: v.description for v in refusal.violations if v.field in FIELDS}
        if not errors and refusal.reason.startswith("AMOUNT_"):
            errors = {"amount": refusal.message}
        return replace(self, errors=errors)


def remaining(link: LinkContents) -> int:
    """What may be paid now, in minor units: the balance less what is being charged at this moment."""
    return max(0, link.balance_minor - link.reserved_minor)


def plain_amount(text: str) -> str:
    """The amount as the contract wants it, where what was typed can only mean one number.

    A currency sign or code beside it goes ("$50", "50.00 USD"), to be looked at by `other_currency`; so do
    thousands commas if a point follows them ("1,234.50"). A lone comma stays, to be refused: "1,234" is
    another amount in Ohio than in Oslo.
    """
    amount = _CODE.sub("", _without_signs(text))
    return amount.replace(",", "") if _GROUPED.fullmatch(amount) else amount


def other_currency(text: str, currency: str) -> str:
    """What to say beside the amount if its sign or code is not of that currency; empty if all is well.

    "$" is a sign of every dollar and peso, "£" of every pound.
    """
    typed = [c for c in text if unicodedata.category(c) == "Sc"] + _CODE.findall(_without_signs(text))
    own = _signs_of(currency)
    other = next((sign for sign in typed if sign not in own), "")
    if not other:
        return ""
    name = f"{get_currency_name(currency, count=2, locale=LOCALE)} ({currency})"
    return f"You typed {other}, but this invoice is in {name}. Enter the amount in {currency}."


def _without_signs(text: str) -> str:
    return "".join(c for c in text if unicodedata.category(c) not in ("Sc", "Zs")).strip()


def _signs_of(currency: str) -> set[str]:
    signs = {currency, *get_currency_symbol(currency, locale=LOCALE)}
    kind = get_currency_name(currency, locale=LOCALE).rpartition(" ")[2]
    return signs | {"Dollar": {"$"}, "Peso": {"$"}, "Pound": {"£"}}.get(kind, set())


def key_of(quote_id: str) -> str:
    """The one idempotency key that a quote is confirmed with, however often and from however many windows."""
    return str(uuid5(NAMESPACE_URL, f"dunlin:confirm:{quote_id}"))
