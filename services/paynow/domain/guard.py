"""Who may pay what: a known address, exactly that invoice, an amount within what remains."""

import re
import unicodedata
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import date

from services.shared.addresses import AddressMalformed, address_key
from services.shared.errors import Invalid, Missing, Violation, WrongState
from services.shared.money import MoneyError, parse_decimal, to_decimal

_AMOUNT = re.compile(r"\d{1,20}(\.\d{1,20})?", re.ASCII)
_LINE_BREAKS = frozenset({"Cc", "Zl", "Zp"})


class FieldsMalformed(Invalid):
    """One or several of the three fields cannot be what they should be; each has a violation."""

    reason = "FIELDS_MALFORMED"

    def __init__(self, violations: Sequence[Violation]) -> None:
        super().__init__(" ".join(violation.description for violation in violations), violations=violations)


class NoSuchInvoice(Missing):
    """The address and the number do not belong together; which of them is wrong is not said."""

    reason = "NO_SUCH_INVOICE"

    def __init__(self) -> None:
        super().__init__(
            "No invoice of that number belongs to that email address. Check both against the invoice:"
            " the number counts exactly as it is printed, with leading zeros."
        )


class AmountAboveBalance(Invalid):
    """More than what remains of the invoice."""

    reason = "AMOUNT_ABOVE_BALANCE"

    def __init__(self, message: str) -> None:
        super().__init__(message, violations=[Violation("amount", self.reason, message)])


class InvoiceNotPayable(WrongState):
    """The invoice was cancelled, or handed to a third party."""

    reason = "INVOICE_NOT_PAYABLE"


@dataclass(frozen=True)
class Fields:
    """The three fields, each well formed in itself; the amount still has no currency."""

    email: str
    email_key: str
    number: str
    amount: str


@dataclass(frozen=True)
class Payable:
    """An invoice as payments see it; amounts in minor units of its currency.

    Its methods give the invoice as it is after a step; `balance_minor` is always what the books say less
    what was taken here and not yet acknowledged, never below zero. See `domain.balances` for the books.
    """

    invoice_id: int
    organization_id: str
    number: str
    currency: str
    due_on: date | None
    status: str
    books_balance_minor: int
    balance_minor: int
    paid_here_minor: int
    reserved_minor: int

    @property
    def remaining_minor(self) -> int:
        """What may still be charged."""
        return max(0, self.balance_minor - self.reserved_minor) if self.status == "open" else 0

    def must_be_payable(self) -> None:
        """Refuses with `InvoiceNotPayable`."""
        if self.status in ("cancelled", "third_party"):
            raise InvoiceNotPayable(
                "This invoice can no longer be paid here; please ask the company about it."
            )

    def must_cover(self, amount_minor: int, *, named: bool) -> None:
        """Refuses with `AmountAboveBalance`; the text names what remains only if `named`."""
        if amount_minor > self.remaining_minor:
            raise self.too_much(named=named)

    def too_much(self, *, named: bool) -> AmountAboveBalance:
        """The refusal of an amount above what remains.

        Unless `named`, it is the same whether something remains or nothing, and gives no advice that would
        only be right for one of them.
        """
        if not named:
            return AmountAboveBalance(
                "This amount cannot be paid on this invoice. Check the amount, or open the link in the email"
                " about this invoice."
            )
        if self.remaining_minor:
            rest = f"{to_decimal(self.remaining_minor, self.currency)} {self.currency}"
            return AmountAboveBalance(
                f"This is more than what remains to be paid on this invoice; enter at most {rest}."
            )
        if self.status == "open" and self.balance_minor:
            return AmountAboveBalance(
                "A payment of everything that remains on this invoice is being processed;"
                " there is nothing more to pay now."
            )
        return AmountAboveBalance("This invoice is paid; nothing remains to be paid on it.")

    def reserved(self, amount_minor: int) -> "Payable":
        """After a charge of the amount has begun."""
        return replace(self, reserved_minor=self.reserved_minor + amount_minor)

    def released(self, amount_minor: int) -> "Payable":
        """After a charge of the amount has come to nothing."""
        return replace(self, reserved_minor=max(0, self.reserved_minor - amount_minor))

    def paid(self, amount_minor: int) -> "Payable":
        """After a charge of the amount has succeeded."""
        return self.released(amount_minor)._with(
            self.books_balance_minor, self.paid_here_minor + amount_minor
        )

    def acknowledged(self, amount_minor: int, *, listed: bool) -> "Payable":
        """After the accounting side has booked a payment of the amount.

        If it is `listed`, the books' balance is without it already; if not, that falls, and what remains
        stays as it is.
        """
        books_minor = self.books_balance_minor - (0 if listed else amount_minor)
        return self._with(max(0, books_minor), self.paid_here_minor - amount_minor)

    def _with(self, books_balance_minor: int, paid_here_minor: int) -> "Payable":
        return replace(
            self,
            books_balance_minor=books_balance_minor,
            paid_here_minor=paid_here_minor,
            balance_minor=max(0, books_balance_minor - paid_here_minor),
        )


def check_fields(email: str, number: str, amount: str) -> Fields:
    """The fields without surrounding white space. Refuses with `FieldsMalformed`, all faults at once."""
    faults: list[Violation] = []
    key = _checked(_email_key, email, faults)
    exact = _checked(_number, number, faults)
    decimal = _checked(_positive, amount, faults)
    if faults:
        raise FieldsMalformed(faults)
    return Fields(email=email.strip(), email_key=key, number=exact, amount=decimal)


def choose(numbered: Sequence[Payable], organizations: Collection[str], pinned: int | None) -> Payable:
    """The invoice that is meant, of those with the number, in the organizations that the address belongs to.

    A link pins one; else what still has a balance comes first, the earliest due of it. Refuses with
    `NoSuchInvoice`.
    """
    matching = [invoice for invoice in numbered if invoice.organization_id in organizations]
    if not matching:
        raise NoSuchInvoice()
    return min(matching, key=lambda invoice: (invoice.invoice_id != pinned, *_preference(invoice)))


def amount_of(invoice: Payable, amount: str, *, named: bool) -> int:
    """The amount in minor units of the invoice's currency, within what remains.

    Refuses with `InvoiceNotPayable`, `FieldsMalformed` (decimals that the currency does not have) and
    `AmountAboveBalance`.
    """
    invoice.must_be_payable()
    try:
        minor = parse_decimal(amount, invoice.currency)
    except MoneyError as error:
        if error.reason == "TOO_LARGE":
            raise invoice.too_much(named=named) from None
        raise FieldsMalformed([Violation("amount", "AMOUNT_MALFORMED", str(error))]) from None
    invoice.must_cover(minor, named=named)
    return minor


def _preference(invoice: Payable) -> tuple[bool, bool, date, int]:
    closed = invoice.status in ("cancelled", "third_party")
    return closed, invoice.balance_minor == 0, invoice.due_on or date.max, invoice.invoice_id


def _checked(check: Callable[[str], str], text: str, faults: list[Violation]) -> str:
    try:
        return check(text.strip())
    except FieldsMalformed as malformed:
        faults.extend(malformed.violations)
        return ""


def _malformed(field: str, reason: str, description: str) -> FieldsMalformed:
    return FieldsMalformed([Violation(field, reason, description)])


def _email_key(text: str) -> str:
    try:
        # Past its cache, which knows the addresses of the books: being quicker with those would tell them.
        return address_key.__wrapped__(text)
    except AddressMalformed:
        raise _malformed(
            "email", "EMAIL_MALFORMED", "Enter one complete email address, such as accounts@example.com."
        ) from None


def _number(text: str) -> str:
    if not 1 <= len(text) <= 100:
        raise _malformed(
            "invoice_number", "NUMBER_MALFORMED", "Enter the invoice number, 1 to 100 characters."
        )
    if any(unicodedata.category(character) in _LINE_BREAKS for character in text):
        raise _malformed(
            "invoice_number", "NUMBER_MALFORMED", "Enter the invoice number on one line, as printed."
        )
    return text


def _positive(text: str) -> str:
    if not _AMOUNT.fullmatch(text):
        raise _malformed(
            "amount",
            "AMOUNT_MALFORMED",
            "Enter the amount as a number with a point and no commas, such as 1234.50.",
        )
    if not text.strip("0."):
        raise _malformed("amount", "AMOUNT_MALFORMED", "Enter an amount above zero.")
    return text
