"""Which payments will be made by themselves, and what is told when that changes."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.paynow.domain.books import Invoice
from services.paynow.domain.on_file import StoredMethod
from services.paynow.domain.plans import (
    Autopay,
    PlannedPayment,
    ScheduledPayment,
    Span,
    change,
    planned,
)

DUE = date(2026, 3, 10)
DAY = timedelta(days=1)


def invoice(**values: object) -> Invoice:
    good = Invoice(1, "O-1", "Harbor", "1001", None, DUE, "USD", 25_000, 25_000, 0, "open")
    return good._replace(**values)


def method(status: str = "active") -> StoredMethod:
    return StoredMethod("O-1", "M-1", "card", "Visa", "4242", date(2027, 9, 1), "", status, "")


def by_hand(number: int = 1, **values: object) -> ScheduledPayment:
    fields: dict[str, object] = {
        "organization_id": "O-1",
        "scheduled_id": f"S-{number}",
        "invoice_id": 1,
        "method_id": "",
        "pays_on": date(2026, 3, 12),
        "amount_minor": None,
        "status": "scheduled",
    }
    return ScheduledPayment(**(fields | values))  # type: ignore[arg-type]  # a test's own values


def dates(found: list[PlannedPayment]) -> list[str]:
    return [f"{plan.pays_on:%m-%d} {plan.amount_minor}" for plan in found]


ON = Autopay("O-1", True)


@pytest.mark.parametrize(
    ("invoices", "scheduled", "autopay", "found"),
    [
        ([invoice()], [], None, []),
        ([invoice()], [], Autopay("O-1", False), []),
        ([invoice()], [], ON, ["03-10 25000"]),
        ([invoice()], [], Autopay("O-1", True, "", 5), ["03-15 25000"]),
        ([invoice()], [], Autopay("O-1", True, "", -10), ["02-28 25000"]),
        ([invoice()], [], Autopay("O-1", True, "M-1"), ["03-10 25000"]),
        ([invoice()], [], Autopay("O-1", True, "gone"), []),
        ([invoice(due_on=None)], [], ON, []),
        ([invoice(balance_minor=0)], [], ON, []),
        ([invoice(status="third_party")], [], ON, []),
        ([invoice(organization_id="O-2")], [], ON, []),
        ([invoice()], [by_hand()], None, ["03-12 25000"]),
        ([invoice()], [by_hand()], ON, ["03-12 25000"]),
        ([invoice()], [by_hand(status="cancelled")], ON, ["03-10 25000"]),
        ([invoice()], [by_hand(status="done")], ON, ["03-10 25000"]),
        ([invoice()], [by_hand(method_id="gone")], ON, []),
        ([invoice(due_on=None)], [by_hand(amount_minor=700)], None, ["03-12 700"]),
        ([invoice(balance_minor=500)], [by_hand(amount_minor=700)], None, ["03-12 500"]),
        ([invoice(status="paid", balance_minor=0)], [by_hand()], None, []),
        (
            [invoice()],
            [by_hand(2, pays_on=DUE, amount_minor=1), by_hand(1, amount_minor=2)],
            ON,
            ["03-10 1", "03-12 2"],
        ),
        (
            [invoice()],
            [by_hand(1, amount_minor=15_000), by_hand(2, amount_minor=15_000)],
            None,
            ["03-12 15000", "03-12 10000"],
        ),
        ([invoice()], [by_hand(1, pays_on=DUE), by_hand(2)], ON, ["03-10 25000"]),
        (
            [invoice()],
            [by_hand(1), by_hand(2, pays_on=DUE, amount_minor=100)],
            ON,
            ["03-10 100", "03-12 24900"],
        ),
        ([invoice()], [by_hand(1, pays_on=DUE, method_id="gone"), by_hand(2)], ON, ["03-12 25000"]),
        ([invoice()], [by_hand(1, status="cancelled"), by_hand(2), by_hand(3)], ON, ["03-12 25000"]),
    ],
)
def test_an_invoice_is_paid_as_planned(
    invoices: list[Invoice], scheduled: list[ScheduledPayment], autopay: Autopay | None, found: list[str]
) -> None:
    of_all = {autopay.organization_id: autopay} if autopay else {}
    assert dates(planned(invoices, scheduled, of_all, {method().key: method()})) == found


@pytest.mark.parametrize("status", ["deleted", "failed"])
def test_with_a_method_that_cannot_be_used_nothing_is_promised(status: str) -> None:
    methods = {method().key: method(status)}
    assert planned([invoice()], [by_hand(method_id="M-1")], {}, methods) == []
    assert planned([invoice()], [], {"O-1": Autopay("O-1", True, "M-1")}, methods) == []


@pytest.mark.parametrize(
    ("span", "holds"),
    [
        (Span(), True),
        (Span(DUE), True),
        (Span(DUE, DUE), True),
        (Span(None, DUE), True),
        (Span(DUE + timedelta(days=1)), False),
        (Span(None, DUE - timedelta(days=1)), False),
    ],
)
def test_both_ends_of_a_span_belong_to_it(span: Span, holds: bool) -> None:
    assert bool(planned([invoice()], [], {"O-1": ON}, {}, span)) is holds


def test_a_payment_whose_day_has_passed_takes_from_no_other() -> None:
    scheduled = [by_hand(1, pays_on=DUE, amount_minor=20_000), by_hand(2, amount_minor=15_000)]
    assert dates(planned([invoice()], scheduled, {}, {}, Span(DUE))) == ["03-10 20000", "03-12 5000"]
    assert dates(planned([invoice()], scheduled, {}, {}, Span(DUE + DAY))) == ["03-12 15000"]


def test_what_is_used_is_told_in_words_that_are_safe() -> None:
    (plan,) = planned([invoice()], [by_hand(method_id="M-1")], {}, {method().key: method()})
    assert (plan.method_label, plan.by_autopay, plan.scheduled_id) == ("Visa ending 4242", False, "S-1")


# Whatever the books hold

INVOICES = st.builds(
    lambda number, due, balance, status: invoice(
        invoice_id=number, due_on=due, balance_minor=balance, status=status
    ),
    st.integers(1, 6),
    st.none() | st.dates(date(2026, 1, 1), date(2026, 12, 31)),
    st.integers(0, 3),
    st.sampled_from(["open", "open", "paid", "third_party"]),
)
SCHEDULED = st.builds(
    lambda number, of, day, amount, status, used: by_hand(
        number, invoice_id=of, pays_on=day, amount_minor=amount, status=status, method_id=used
    ),
    st.integers(1, 9),
    st.integers(1, 6),
    st.dates(date(2026, 1, 1), date(2026, 12, 31)),
    st.none() | st.integers(1, 5),
    st.sampled_from(["scheduled", "scheduled", "cancelled", "done"]),
    st.sampled_from(["", "M-1", "gone"]),
)
PLANS = st.builds(Autopay, st.just("O-1"), st.booleans(), st.sampled_from(["", "M-1"]), st.integers(-60, 60))


@given(
    st.lists(INVOICES, max_size=6, unique_by=lambda one: one.invoice_id),
    st.lists(SCHEDULED, max_size=6, unique_by=lambda one: one.scheduled_id),
    PLANS,
)
def test_no_invoice_is_paid_more_than_it_owes_and_the_earlier_ones_are_served_first(
    invoices: list[Invoice], scheduled: list[ScheduledPayment], autopay: Autopay
) -> None:
    found = planned(invoices, scheduled, {"O-1": autopay}, {method().key: method()})
    assert found == sorted(found, key=lambda plan: plan.place)
    for one in invoices:
        plans = [plan for plan in found if plan.invoice.invoice_id == one.invoice_id]
        of_it = [s for s in scheduled if s.invoice_id == one.invoice_id and s.status == "scheduled"]
        assert sum(plan.amount_minor for plan in plans) <= one.balance_minor
        assert all(plan.amount_minor > 0 for plan in plans)
        assert not plans or one.status == "open"
        if of_it:
            assert not any(plan.by_autopay for plan in plans)
            if one.status == "open":
                assert [(p.scheduled_id, p.amount_minor) for p in plans] == served(of_it, one.balance_minor)
        else:
            assert len(plans) <= 1


def served(scheduled: list[ScheduledPayment], left: int) -> list[tuple[str, int]]:
    """Who gets how much, coin by coin."""
    usable = [one for one in scheduled if one.method_id in ("", "M-1")]
    found: list[tuple[str, int]] = []
    for one in sorted(usable, key=lambda one: (one.pays_on, one.scheduled_id)):
        got = 0
        while left and (one.amount_minor is None or got < one.amount_minor):
            left, got = left - 1, got + 1
        if got:
            found.append((one.scheduled_id, got))
    return found


@given(st.lists(SCHEDULED.map(lambda one: by_hand(1, **{
    name: getattr(one, name) for name in ("invoice_id", "pays_on", "amount_minor", "status", "method_id")
})), min_size=1, max_size=6))  # fmt: skip
def test_news_come_once_and_revisions_count_up(lines: list[ScheduledPayment]) -> None:
    kept: ScheduledPayment | None = None
    revisions = []
    for line in lines:
        for _ in range(2):
            found = change(kept, line)
            if found is not None:
                assert (found.moved_from is not None) == (found.fact == "payment_rescheduled")
                kept = found.payment
                revisions.append(kept.revision)
        assert change(kept, line) is None
    assert revisions == list(range(1, len(revisions) + 1))
