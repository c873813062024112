"""The crash checks see what they are there to see."""

from __future__ import annotations

from tests.faults.aftermath import (
    Ban,
    Charge,
    Delivery,
    History,
    LedgerPayment,
    OwedInvoice,
    balance_complaints,
    ban_complaints,
    charge_complaints,
    extra_copies,
    history_complaints,
    mail_complaints,
    receipt_complaints,
    rewritten_histories,
    unexplained_copies,
    unknowable,
)

PAID = LedgerPayment("p1", "007", 500, "SUCCEEDED")
DECLINED = LedgerPayment("p2", "007", 300, "FAILED")


def test_extra_copies_are_those_beyond_the_first() -> None:
    assert extra_copies(["a", "b", "b", "b", "c", "c"]) == 3


def test_a_complete_sink_brings_no_complaint() -> None:
    assert mail_complaints({"a": "A", "b": "B"}, ["b", "a", "a"], copies_allowed=1) == []


def test_a_lost_a_foreign_and_a_doubled_mail_are_seen() -> None:
    complaints = mail_complaints({"a": "A", "b": "B"}, ["a", "a", "x"], copies_allowed=0)
    assert len(complaints) == 3
    assert "never sent: B" in complaints
    assert "nobody decided x" in complaints


def test_books_that_agree_bring_no_complaint() -> None:
    charges = [Charge("p1", 500, True), Charge("p2", 300, False)]
    assert charge_complaints([PAID, DECLINED], charges) == []
    assert charge_complaints([PAID, DECLINED], charges[:1]) == [], "a charge may fail before it is made"


def test_each_way_in_which_ledger_and_provider_can_differ_is_seen() -> None:
    good = Charge("p1", 500, True)
    assert charge_complaints([PAID], [good, good]) == ["charged 2 times: p1"]
    assert charge_complaints([PAID], []) != []
    assert charge_complaints([PAID], [Charge("p1", 500, False)]) != []
    assert charge_complaints([PAID], [Charge("p1", 499, True)]) != []
    assert charge_complaints([DECLINED], [Charge("p2", 300, True)]) != []
    assert charge_complaints([], [good]) != []
    assert charge_complaints([LedgerPayment("p1", "007", 500, "UNKNOWN")], [good]) != []


def test_a_balance_must_be_the_amount_less_what_was_paid() -> None:
    assert balance_complaints([OwedInvoice("007", 900, 400, 0)], [PAID, DECLINED]) == []
    assert balance_complaints([OwedInvoice("007", 900, 900, 0)], [PAID]) != []
    assert balance_complaints([OwedInvoice("007", 900, 400, 1)], [PAID]) != []


def test_each_payment_has_exactly_one_notice_of_how_it_ended() -> None:
    right = [("p1", "PAYMENT_SUCCEEDED"), ("p2", "PAYMENT_FAILED")]
    assert receipt_complaints([PAID, DECLINED], right) == []
    assert receipt_complaints([PAID, DECLINED], right[:1]) != []
    assert receipt_complaints([PAID], right) != []
    assert receipt_complaints([PAID], [right[0], right[0]]) != []
    assert receipt_complaints([DECLINED], [("p2", "PAYMENT_SUCCEEDED")]) != []


def test_a_copy_is_explained_by_a_connection_that_was_cut_right_after_it() -> None:
    first, again = Delivery("a", 1, 0.0), Delivery("a", 2, 5.0)
    assert unexplained_copies([first, again], orderly=[]) == []
    assert unexplained_copies([first, again], orderly=[1]) != [], "that connection heard the answer"
    assert unexplained_copies([first, Delivery("b", 1, 1.0), again], orderly=[]) != [], "it went on"
    assert unexplained_copies([first, Delivery("b", 2, 1.0)], orderly=[1, 2]) == []


def test_a_forbidden_mail_that_was_begun_too_late_is_seen() -> None:
    ban = Ban("exclusion of acme", 100.0, frozenset({"a"}))
    assert ban_complaints([Delivery("a", 1, 100.9), Delivery("b", 1, 200.0)], [ban], holds=1.0) == []
    assert len(ban_complaints([Delivery("a", 1, 101.1)], [ban], holds=1.0)) == 1


def test_a_history_agrees_with_the_server_or_is_named() -> None:
    once = History("a", True, ("QUEUED", "PROCESSED", "SENT"))
    assert history_complaints([once], ["a"]) == []
    assert history_complaints([once], []) != [], "said to be sent, but it was not"
    assert history_complaints([once], ["a", "a"]) != [], "a try that nobody wrote down"
    assert history_complaints([], ["a"]) != []
    twice = History("a", True, ("QUEUED", "PROCESSED", "PROCESSED", "SENT"))
    assert history_complaints([twice], ["a", "a"]) == []
    assert history_complaints([History("a", False, ("QUEUED", "PROCESSED", "FAILED"))], []) == []
    assert history_complaints([History("a", False, ("QUEUED", "PROCESSED", "FAILED"))], ["a"]) != []


def test_only_a_mail_whose_answer_was_cut_off_may_be_unknown_to_its_sender() -> None:
    cut, heard, went_on = Delivery("a", 1, 0.0), Delivery("b", 2, 0.0), Delivery("c", 3, 0.0)
    assert unknowable([cut, heard, went_on, Delivery("d", 3, 1.0)], orderly=[2]) == {"a", "d"}
    assert unknowable([cut, Delivery("a", 2, 1.0)], orderly=[2]) == set(), "the second time it was heard"
    withheld = History("a", False, ("QUEUED", "PROCESSED", "DEFERRED", "WITHHELD"))
    assert history_complaints([withheld], ["a"], {"a"}) == []
    assert history_complaints([withheld], ["a"]) != []
    assert history_complaints([withheld], ["a", "a"], {"a"}) != [], "more than was tried"


def test_a_history_may_only_grow() -> None:
    was = History("a", False, ("QUEUED", "PROCESSED"))
    assert rewritten_histories([was], [History("a", True, ("QUEUED", "PROCESSED", "SENT"))]) == []
    assert rewritten_histories([was], [History("a", True, ("QUEUED", "SENT"))]) != []
    assert rewritten_histories([was], []) != []
