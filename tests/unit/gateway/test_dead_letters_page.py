"""Dead letters: what is stuck is seen, understood, tried again or given up; nothing changes unasked."""

import json

import pytest

from gateway.dead_letters import in_words
from tests.fakes.gateway_clients import FakeServices
from tests.fakes.gateway_operations import FakeOperations
from tests.fakes.gateway_visitor import Page, Visitor

PAYMENT = {"payment": {"organization_id": "ACME", "invoice_number": "INV-0042", "amount_minor": 2**60}}


@pytest.fixture
def scheduler(services: FakeServices) -> FakeOperations:
    return services.operations["scheduler"]


@pytest.fixture
def three(scheduler: FakeOperations) -> FakeOperations:
    """Two of known kinds, and the last one unreadable."""
    scheduler.park("payment_succeeded", json.dumps(PAYMENT), "KeyError: 'method_label'")
    scheduler.park("message_failed", '{"notice_id": "n-1", "reason": "550"}', "OperationalError: gone", 21)
    scheduler.park("unreadable", "<script>alert(1)</script>\x01\N{REPLACEMENT CHARACTER}", "")
    return scheduler


def ask(staff: Visitor, act: str, *ids: int, path: str = "/dead-letters") -> Page:
    page = staff.get(path)
    form = page.form("/dead-letters/ask")
    fields = {**{name: form.fields[name] for name in ("csrf_token", "page")}, "act": act}
    on_page = form.xpath(".//input[@name='on_page']/@value")
    return staff.post(
        "/dead-letters/ask", {**fields, "on_page": on_page, "dead_letter_id": [str(number) for number in ids]}
    )


def test_without_dead_letters_the_page_says_what_would_be_here(staff: Visitor) -> None:
    page = staff.get("/dead-letters")
    assert "Nothing is stuck" in page.text
    assert "20 tries" in page.text
    assert page.tree.xpath("//main//form") == []


def test_the_list_says_what_when_how_often_and_why(staff: Visitor, three: FakeOperations) -> None:
    found = staff.get("/dead-letters").tree.xpath("//li[@class='letter']")
    rows = [" ".join(row.text_content().split()) for row in found]
    assert len(rows) == 3
    assert rows[0].startswith("Unreadable")
    assert "It could not be read." in rows[0]
    assert "An email could not be sent Notice n-1" in rows[1]
    assert "The database did not answer." in rows[1]
    assert "21 attempts" in rows[1]
    assert "A payment succeeded Invoice INV-0042 of ACME" in rows[2]
    assert "The payer has not been sent the receipt." in rows[2]
    assert "KeyError: 'method_label'" in rows[2]
    assert "Jan 31, 2026" in rows[2]


def test_the_content_is_text_and_stays_closed_until_it_is_asked_for(
    staff: Visitor, three: FakeOperations
) -> None:
    page = staff.get("/dead-letters")
    assert "<script>alert(1)" not in page.html
    shown = page.tree.xpath("//details[@class='letter-more']")
    assert [one.get("open") for one in shown] == [None, None, None]
    assert "alert(1)" in shown[0].xpath("string(pre)")
    assert json.loads(shown[2].xpath("string(pre)")) == PAYMENT


@pytest.mark.parametrize("body", ["[" * 100_000, "x" * 1_000_000, '{"payment": []}', "null", ""])
def test_a_content_of_any_build_is_shown(staff: Visitor, scheduler: FakeOperations, body: str) -> None:
    scheduler.park("payment_succeeded", body)
    page = staff.get("/dead-letters")
    assert page.status == 200
    assert len(page.html) < 60_000


def test_retrying_asks_first_and_then_does_exactly_what_was_asked(
    staff: Visitor, three: FakeOperations
) -> None:
    question = ask(staff, "retry-chosen", 1, 3)
    assert "Retry 2 dead letters?" in question.text
    assert "INV-0042" in question.text
    assert "n-1" not in question.text
    assert three.retried == []
    page = staff.send(question.form("/dead-letters/retry"))
    assert sorted(three.retried) == [1, 3]
    assert "2 dead letters are tried again now." in page.text
    assert list(three.letters) == [2]


def test_dropping_says_that_it_cannot_be_undone_and_what_stays_missing(
    staff: Visitor, three: FakeOperations
) -> None:
    question = ask(staff, "drop-chosen", 1)
    assert "Drop 1 dead letter?" in question.text
    assert "cannot be undone" in question.text
    assert "has not been sent the receipt" in question.text
    page = staff.send(question.form("/dead-letters/drop"))
    assert three.dropped == [1]
    assert "1 dead letter is given up." in page.text


def test_all_means_all_on_the_page(staff: Visitor, scheduler: FakeOperations) -> None:
    for _ in range(60):
        scheduler.park("message_sent", "{}")
    second = staff.get("/dead-letters").one("//a[@rel='next']").get("href")
    question = ask(staff, "drop-all", path=second)
    assert "Drop 10 dead letters?" in question.text
    staff.send(question.form("/dead-letters/drop"))
    assert sorted(scheduler.dropped) == list(range(1, 11))


def test_without_a_choice_nothing_is_asked(staff: Visitor, three: FakeOperations) -> None:
    page = ask(staff, "drop-chosen")
    assert page.path == "/dead-letters"
    assert "Choose at least one dead letter." in page.text


def test_what_somebody_else_has_dealt_with_is_said(staff: Visitor, three: FakeOperations) -> None:
    question = ask(staff, "retry-chosen", 1, 2)
    del three.letters[1]
    page = staff.send(question.form("/dead-letters/retry"))
    assert "1 dead letter is tried again now." in page.text
    assert "1 dead letter had been dealt with already." in page.text
    assert "no dead letters any more" in ask(staff, "retry-chosen", 1).text


@pytest.mark.parametrize("ids", ["", "abc", "-1", "9" * 30, "1.5", "\N{SUPERSCRIPT TWO}"])
def test_numbers_that_are_none_do_nothing(staff: Visitor, three: FakeOperations, ids: str) -> None:
    form = ask(staff, "drop-chosen", 1).form("/dead-letters/drop")
    page = staff.send(form, dead_letter_ids=ids)
    assert page.status == 200
    assert three.dropped == []


def test_an_unknown_act_is_refused(staff: Visitor, three: FakeOperations) -> None:
    assert ask(staff, "explode-all").status == 400


def test_a_page_that_emptied_leads_to_the_first(staff: Visitor, three: FakeOperations) -> None:
    assert "This page is empty now" in staff.get("/dead-letters?page=1").text


def test_while_the_scheduler_is_away_the_page_says_to_come_again(
    staff: Visitor, scheduler: FakeOperations
) -> None:
    scheduler.is_away = True
    assert staff.get("/dead-letters").status == 503


def test_the_dashboard_tells_of_them_only_while_there_are_some(
    staff: Visitor, scheduler: FakeOperations
) -> None:
    assert "dead letter" not in staff.get("/").text
    scheduler.park("message_sent", "{}")
    page = staff.get("/")
    assert "1 dead letter:" in page.text
    assert page.tree.xpath("//main//a[@href='/dead-letters']")


def test_the_dashboard_does_without_the_count(staff: Visitor, scheduler: FakeOperations) -> None:
    scheduler.is_away = True
    page = staff.get("/")
    assert page.status == 200
    assert "dead letter" not in page.text


def test_the_page_belongs_to_the_settings(staff: Visitor) -> None:
    page = staff.get("/dead-letters")
    assert {link.text_content() for link in page.tree.xpath("//a[@aria-current='page']")} == {
        "Settings", "Dead letters",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("error", "words"),
    [
        ("OperationalError: (psycopg.OperationalError) server closed", "The database did not answer."),
        ("sqlalchemy.exc.IntegrityError: x", "The database would not store it."),
        ("KeyError: 'payment'", "It is not built as it should be."),
        ("JSONDecodeError: Expecting value", "It is not built as it should be."),
        ("Something: else", "It ran into an error."),
        ("", "It ran into an error."),
    ],
)
def test_an_error_is_told_in_words(error: str, words: str) -> None:
    assert in_words(error) == words
