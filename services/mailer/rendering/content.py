"""What stands between header and footer: facts, tables, a sentence, the button.

The facts are made of the values of tokens alone, so that they can come from a mold.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from services.mailer.domain.company import Company
from services.mailer.domain.letter import Letter, Method, Plan, Plans, Summary, SummaryLine
from services.mailer.domain.templates import TemplateType as T
from services.mailer.wording.speech import Speech
from services.mailer.wording.values import method_name, pay_link, portal_link
from services.mailer.wording.words import Words

MOST_ROWS = 40
"""Of a table in a mail. Gmail cuts off what is longer than 102 kB, and with it the button and the address."""


@dataclass(frozen=True)
class Fact:
    """A label with its value; the one that matters most is `strong`."""

    label: str
    value: str
    strong: bool = False


@dataclass(frozen=True)
class Column:
    """Of a table; `figures` are aligned at the right."""

    head: str
    figures: bool = False


@dataclass(frozen=True)
class Link:
    """A button, or a link in a table; `about` tells it from others with the same label."""

    label: str
    address: str
    about: str = ""


@dataclass(frozen=True)
class Row:
    """A line of a table: a text for each column, the first as a warning if it is `alarming`."""

    cells: tuple[str, ...]
    link: Link | None = None
    alarming: bool = False


@dataclass(frozen=True)
class Table:
    """With what stands below it: a sentence about what is not shown, and totals."""

    title: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    more: str = ""
    totals: tuple[Fact, ...] = ()

    @property
    def has_links(self) -> bool:
        """Whether a column of links is needed."""
        return any(row.link for row in self.rows)


@dataclass(frozen=True)
class Content:
    """Any of it may be empty. `portal` is a link for those whom the button does not lead there."""

    facts: tuple[Fact, ...] = ()
    note: str = ""
    tables: tuple[Table, ...] = ()
    button: Link | None = None
    portal: Link | None = None
    way_out: Link | None = None
    """By which the reader gets no more such mails."""
    opening: str = ""
    """What lists of mails show behind the subject."""


def content_of(
    letter: Letter,
    known: Mapping[str, str],
    company: Company,
    public_url: str,
    speech: Speech,
) -> Content:
    """The content of a letter whose tokens have these values, without a way out."""
    facts = tuple(fact for fact in _facts(letter.type, known, speech.words) if fact.value)
    sentence = known.get("summary.sentence") or known.get("payments.sentence")
    button = _button(letter, known, speech.words)
    portal = Link(speech.words.open_portal, portal_link(public_url))
    needs_portal = letter.type not in (T.WELCOME, T.PASSWORD_RESET) and button != portal
    return Content(
        facts=facts,
        note=known.get("invoice.paid_by_itself", ""),
        tables=_tables(letter, company, public_url, speech),
        button=button,
        portal=portal if needs_portal else None,
        opening=sentence or " · ".join(f"{fact.label}: {fact.value}" for fact in facts),
    )


def _facts(type: T, known: Mapping[str, str], words: Words) -> list[Fact]:
    if type in (T.DUE_NOTICE_BEFORE, T.DUE_NOTICE_AFTER, T.INVOICE):
        has_rest = known["invoice.amount"] != known["invoice.balance"]
        return [
            Fact(words.invoice, known["invoice.number"]),
            Fact(words.invoice_date, known["invoice.issued_on"]),
            Fact(words.due_date, known["invoice.due_on"]),
            Fact(words.invoice_amount, known["invoice.amount"] if has_rest else ""),
            Fact(words.amount_due, known["invoice.balance"], strong=True),
        ]
    if type is T.PAYMENT_SUCCEEDED:
        return [
            Fact(words.invoice, known["invoice.number"]),
            Fact(words.amount_paid, known["payment.amount"], strong=True),
            *_how_and_when(known, words),
            Fact(words.remaining_balance, known["payment.balance"]),
        ]
    if type is T.PAYMENT_FAILED:
        return [
            Fact(words.invoice, known["invoice.number"]),
            Fact(words.attempted_amount, known["payment.amount"]),
            *_how_and_when(known, words),
            Fact(words.balance_due, known["invoice.balance"], strong=True),
        ]
    if type in (T.PAYMENT_SCHEDULED, T.PAYMENT_RESCHEDULED, T.PAYMENT_CANCELLED):
        return _planned_facts(type, known, words)
    if type in (T.METHOD_FAILED, T.METHOD_EXPIRING, T.METHOD_EXPIRED):
        failure = known.get("method.failure", "")
        return [
            Fact(words.payment_method, known["method.label"], strong=True),
            Fact(words.name, known["method.nickname"]),
            Fact(words.expires, known["method.expires"]),
            Fact(words.reason, failure[:1].upper() + failure[1:]),
        ]
    return []


def _how_and_when(known: Mapping[str, str], words: Words) -> list[Fact]:
    return [Fact(words.payment_method, known["payment.method"]), Fact(words.date, known["payment.date"])]


def _planned_facts(type: T, known: Mapping[str, str], words: Words) -> list[Fact]:
    previous = known.get("payment.previous_date", "")
    date = words.new_date if previous else words.payment_date
    is_off = type is T.PAYMENT_CANCELLED
    return [
        Fact(words.invoice, known["invoice.number"]),
        Fact(words.previous_date, previous),
        Fact(words.cancelled_date if is_off else date, known["payment.date"], strong=not is_off),
        Fact(words.amount, known["payment.amount"], strong=not is_off),
        Fact(words.payment_method, known["payment.method"]),
        Fact(words.remaining_balance, known["invoice.balance"] if is_off else "", strong=True),
    ]


def _button(letter: Letter, known: Mapping[str, str], words: Words) -> Link | None:
    type, invoice = letter.type, letter.single_invoice
    if type in (T.DUE_NOTICE_BEFORE, T.DUE_NOTICE_AFTER, T.PAYMENT_FAILED):
        return Link(words.pay_invoice, known["pay.link"])
    if type in (T.INVOICE, T.PAYMENT_CANCELLED):
        is_open = invoice is not None and invoice.balance_minor > 0
        return Link(words.pay_invoice, known["pay.link"]) if is_open else None
    if type is T.WELCOME:
        return Link(words.create_account, known["access.link"])
    if type is T.PASSWORD_RESET:
        return Link(words.choose_password, known["access.link"])
    if type in (T.METHOD_FAILED, T.METHOD_EXPIRING, T.METHOD_EXPIRED, T.ACCOUNT_SUMMARY):
        return Link(words.open_portal, known["portal.link"])
    return None


def _tables(letter: Letter, company: Company, public_url: str, speech: Speech) -> tuple[Table, ...]:
    about = letter.about
    if isinstance(about, Summary):
        tables = [_cards(about, speech), _invoices(about, company, public_url, speech)]
        return tuple(table for table in tables if table.rows)
    if isinstance(about, Plans) and letter.type is T.UPCOMING_PAYMENTS:
        return (_upcoming(about, speech),)
    return ()


def _cards(summary: Summary, speech: Speech) -> Table:
    words = speech.words

    def row(card: Method) -> Row:
        status = words.card_expired if card.expired else words.card_expires_soon
        expires = speech.short_month(card.expires_year, card.expires_month)
        return Row((status, method_name(card, speech), expires), alarming=card.expired)

    return Table(
        title=words.cards,
        columns=(Column(words.status), Column(words.payment_method), Column(words.expires, figures=True)),
        rows=tuple(map(row, summary.methods)),
    )


def _invoices(summary: Summary, company: Company, public_url: str, speech: Speech) -> Table:
    words, shown = speech.words, summary.lines[:MOST_ROWS]

    def row(line: SummaryLine) -> Row:
        invoice = line.invoice
        cells = (
            words.line_status[line.status],
            invoice.number,
            speech.short_day(invoice.issued_on),
            speech.short_day(invoice.due_on),
            speech.money(invoice.amount_minor, invoice.currency),
            speech.money(invoice.balance_minor, invoice.currency),
        )
        link = Link(words.pay, pay_link(invoice, company, public_url), f"{words.pay} {invoice.number}")
        return Row(cells, link if company.pay_links else None, alarming=line.is_past_due)

    totals = [Fact(words.total, speech.money(one.open_minor, one.currency), True) for one in summary.totals]
    totals += [
        Fact(words.past_due_total, speech.money(one.past_due_minor, one.currency)) for one in summary.totals
    ]
    more = len(summary.lines) - len(shown) + summary.more_invoices
    columns = (words.status, words.invoice, words.issued, words.due)
    return Table(
        title=words.open_invoices,
        columns=(*map(Column, columns), Column(words.amount, True), Column(words.balance, True)),
        rows=tuple(map(row, shown)),
        more=speech.more_invoices(more) if more else "",
        totals=tuple(totals),
    )


def _upcoming(plans: Plans, speech: Speech) -> Table:
    words, shown = speech.words, plans.plans[:MOST_ROWS]

    def row(plan: Plan) -> Row:
        by = words.autopay if plan.by_autopay else words.scheduled
        method = speech.method(plan.method_label)
        return Row(
            (
                speech.short_day(plan.pays_on),
                plan.invoice.number,
                f"{by}: {method}" if method else by,
                speech.money(plan.amount_minor, plan.invoice.currency),
            )
        )

    more = len(plans.plans) - len(shown) + plans.more_plans
    columns = (words.date, words.invoice, words.paid_by)
    return Table(
        title=words.upcoming_payments,
        columns=(*map(Column, columns), Column(words.amount, figures=True)),
        rows=tuple(map(row, shown)),
        more=speech.more_payments(more) if more else "",
        totals=(Fact(words.total, speech.total(plans), True),),
    )
