"""Accepting batches and reading the history."""

from datetime import timedelta

import pytest

from services.mailer.domain.message import (
    BatchInvalid,
    MessageMissing,
    MessageNotRendered,
    Request,
    State,
)
from services.mailer.ports import Filter
from services.mailer.use_cases.accept import Accepted, accept_messages
from services.mailer.use_cases.history import count_messages, get_message, get_mime, list_messages
from services.shared.errors import Invalid
from tests.fakes.clock import SetClock
from tests.fakes.mailer import FakeStore, requests


def _accept(store: FakeStore, batch: list[Request]) -> Accepted:
    woken: list[bool] = []
    answer = accept_messages(batch, begin=store.write, clock=SetClock(), wake=lambda: woken.append(True))
    assert woken == [True]
    return answer


def test_a_batch_accepted_twice_is_queued_once() -> None:
    store = FakeStore()
    assert _accept(store, requests(3)) == Accepted(3, 0)
    assert _accept(store, requests(4)) == Accepted(1, 3)


def test_a_notice_twice_in_one_batch_counts_once() -> None:
    assert _accept(FakeStore(), requests(2) + requests(1)) == Accepted(2, 1)


@pytest.mark.parametrize(
    ("request_", "field", "reason"),
    [
        (Request("", "o"), "notice_id", "NOTICE_ID_MALFORMED"),
        (Request("a\r\nb", "o"), "notice_id", "NOTICE_ID_MALFORMED"),
        (Request("a@b", "o"), "notice_id", "NOTICE_ID_MALFORMED"),
        (Request("x" * 65, "o"), "notice_id", "NOTICE_ID_MALFORMED"),
        (Request("n", ""), "organization_id", "ORGANIZATION_ID_MALFORMED"),
        (Request("n", "o\0"), "organization_id", "ORGANIZATION_ID_MALFORMED"),
        (Request("n", "o", "9\0"), "invoice_number", "CONTROL_CHARACTER"),
        (Request("n", "o", "9" * 201), "invoice_number", "INVOICE_NUMBER_TOO_LONG"),
    ],
)
def test_a_batch_with_a_mistake_is_refused_whole(request_: Request, field: str, reason: str) -> None:
    store = FakeStore()
    with pytest.raises(BatchInvalid) as caught:
        accept_messages([*requests(1), request_], begin=store.write, clock=SetClock(), wake=lambda: None)
    assert [(v.field, v.reason) for v in caught.value.violations] == [(f"messages[1].{field}", reason)]
    assert store.work.messages.rows == {}


def test_a_batch_has_its_limit() -> None:
    with pytest.raises(BatchInvalid, match="at most 500"):
        accept_messages(requests(501), begin=FakeStore().write, clock=SetClock(), wake=lambda: None)


def test_pages_follow_each_other_until_the_last() -> None:
    store = FakeStore()
    _accept(store, requests(5))
    seen, token = [], ""
    for _ in range(3):
        messages, token = list_messages(Filter(), 2, token, begin=store.read)
        seen += [message.notice_id for message in messages]
    assert seen == [f"notice-{n}" for n in (5, 4, 3, 2, 1)]
    assert token == ""


def test_a_page_token_of_another_query_is_refused() -> None:
    store = FakeStore()
    _accept(store, requests(5))
    _messages, token = list_messages(Filter(), 2, "", begin=store.read)
    with pytest.raises(Invalid) as caught:
        list_messages(Filter(state=State.SENT), 2, token, begin=store.read)
    assert caught.value.reason == "PAGE_TOKEN_INVALID"


def test_a_search_has_its_limit() -> None:
    with pytest.raises(Invalid) as caught:
        list_messages(Filter(query="x" * 201), 2, "", begin=FakeStore().read)
    assert caught.value.reason == "QUERY_TOO_LONG"


def test_a_message_that_is_not_there_is_missing_and_one_not_written_has_no_body() -> None:
    store = FakeStore()
    _accept(store, requests(1))
    with pytest.raises(MessageMissing):
        get_message("notice-9", begin=store.read)
    with pytest.raises(MessageMissing):
        get_mime("notice-9", begin=store.read)
    with pytest.raises(MessageNotRendered):
        get_mime("notice-1", begin=store.read)


def test_messages_are_counted() -> None:
    store, now = FakeStore(), SetClock().now()
    _accept(store, requests(2))
    day = timedelta(days=1)
    assert count_messages(now - day, now + day, begin=store.read) == {State.QUEUED: 2}
    assert count_messages(now + day, now + 2 * day, begin=store.read) == {}
