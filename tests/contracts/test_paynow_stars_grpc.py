"""Stars by hand over the wire, on each real database: notices follow them, and a sync undoes none."""

from typing import Any
from uuid import uuid4

import grpc
import pytest
from dunlin.paynow.v1 import accounts_pb2, books_pb2, ledger_pb2

from services.shared.grpc_errors import refusal_of
from tests.contracts.test_paynow_accounts_grpc import Running, running
from tests.contracts.test_paynow_ledger_grpc import a_record, batch, reason_of

__all__ = ["running"]

ORGANIZATION = "O-S"


@pytest.fixture
def contacts(running: Running) -> dict[str, int]:
    """Ana, the accounting primary, Bob and Cy without an address; nobody is starred by hand. Ids by name."""
    sync(running)
    ask(running, exactly=accounts_pb2.StarredContacts())
    return {one.name: one.contact_id for one in books_of(running).contacts}


def sync(running: Running, **of_bob: Any) -> None:
    """The list as it was before; what it says of Bob may be new."""
    lines = (
        a_record(1, ORGANIZATION, "S-1", contact_name="Ana", contact_emails=["ana@s.test"]),
        a_record(2, ORGANIZATION, "S-2", contact_name="Bob", contact_emails=["bob@s.test"], **of_bob),
        a_record(3, ORGANIZATION, "S-3", contact_name="Cy", contact_emails=[]),
    )
    assert not running.ledger.SyncBooks(iter([batch(*lines)])).refused


def ask(running: Running, **asked: Any) -> accounts_pb2.StarContactsResponse:
    order = {"request_id": uuid4().hex, "organization_id": ORGANIZATION} | asked
    return running.accounts.StarContacts(accounts_pb2.StarContactsRequest(**order))


def books_of(running: Running) -> books_pb2.Organization:
    return running.ledger.GetOrganization(ledger_pb2.GetOrganizationRequest(organization_id=ORGANIZATION))


def notices_go_to(running: Running) -> list[str]:
    """The addresses that a mail about an invoice and one about the account go to, which are the same."""
    listed = running.ledger.ListInvoices(ledger_pb2.ListInvoicesRequest(organization_id=ORGANIZATION))
    of_invoice = ledger_pb2.ReadSubjectsRequest(invoice_ids=[listed.invoices[0].invoice_id])
    (subject,) = running.ledger.ReadSubjects(of_invoice).subjects
    of_account = accounts_pb2.ReadAccountsRequest(organization_ids=[ORGANIZATION])
    (account,) = running.accounts.ReadAccounts(of_account).accounts
    assert list(subject.addressees) == list(account.addressees)
    return [to.email for to in account.addressees]


def reasons(running: Running) -> list[tuple[str, int, int]]:
    """Of each contact why it gets mails, and why it would without stars by hand."""
    return [(one.name, one.default_by, one.default_by_imports) for one in books_of(running).contacts]


def test_notices_go_to_whom_staff_have_starred_also_after_a_sync(
    running: Running, contacts: dict[str, int]
) -> None:
    assert notices_go_to(running) == ["ana@s.test"]
    done = ask(running, star=contacts["Bob"])
    assert list(done.before.contact_ids) == []
    assert list(done.by_hand.contact_ids) == [contacts["Ana"], contacts["Bob"]]
    assert notices_go_to(running) == ["ana@s.test", "bob@s.test"]
    done = ask(running, unstar=contacts["Ana"])
    assert (list(done.default_contact_ids), done.reachable) == ([contacts["Bob"]], True)
    sync(running, contact_default=False)
    assert notices_go_to(running) == ["bob@s.test"]


def test_going_back_lets_the_imports_decide_again(running: Running, contacts: dict[str, int]) -> None:
    ask(running, star=contacts["Bob"])
    sync(running, contact_default=True)
    assert notices_go_to(running) == ["ana@s.test", "bob@s.test"]
    back = ask(running, exactly=accounts_pb2.StarredContacts())
    assert notices_go_to(running) == ["bob@s.test"]
    ask(running, exactly=back.before)
    assert notices_go_to(running) == ["ana@s.test", "bob@s.test"]
    sync(running, contact_default=False)


def test_a_contact_says_why_it_gets_mails_and_why_it_would_without_stars_by_hand(
    running: Running, contacts: dict[str, int]
) -> None:
    nobody, by_hand = books_pb2.DEFAULT_BY_UNSPECIFIED, books_pb2.DEFAULT_BY_HAND
    by_crm, primary = books_pb2.DEFAULT_BY_CRM, books_pb2.DEFAULT_BY_PRIMARY
    assert reasons(running) == [
        ("Ana", primary, primary), ("Bob", nobody, nobody), ("Cy", nobody, nobody),
    ]  # fmt: skip
    sync(running, contact_default=True)
    assert reasons(running)[:2] == [("Ana", nobody, nobody), ("Bob", by_crm, by_crm)]
    ask(running, exactly=accounts_pb2.StarredContacts(contact_ids=[contacts["Ana"]]))
    assert reasons(running)[:2] == [("Ana", by_hand, nobody), ("Bob", nobody, by_crm)]
    sync(running, contact_default=False)


def test_a_repeat_gets_the_same_answer(running: Running, contacts: dict[str, int]) -> None:
    once = {"request_id": uuid4().hex, "star": contacts["Bob"]}
    first = ask(running, **once)
    ask(running, unstar=contacts["Bob"])
    assert ask(running, **once) == first
    assert notices_go_to(running) == ["ana@s.test"]


REFUSALS: list[tuple[dict[str, Any], grpc.StatusCode, str]] = [
    ({"request_id": "", "star": 1}, grpc.StatusCode.INVALID_ARGUMENT, "REQUEST_ID_MALFORMED"),
    ({}, grpc.StatusCode.INVALID_ARGUMENT, "CHANGE_MISSING"),
    (
        {"exactly": accounts_pb2.StarredContacts(contact_ids=range(1001))},
        grpc.StatusCode.INVALID_ARGUMENT, "TOO_MANY",
    ),
    ({"organization_id": "O-9", "star": 1}, grpc.StatusCode.NOT_FOUND, "ORGANIZATION_MISSING"),
    ({"star": 999}, grpc.StatusCode.NOT_FOUND, "CONTACT_MISSING"),
    ({"unstar": "Ana"}, grpc.StatusCode.FAILED_PRECONDITION, "NOBODY_LEFT"),
    ({"request_id": "taken", "star": "Ana"}, grpc.StatusCode.ALREADY_EXISTS, "REQUEST_REUSED"),
]  # fmt: skip


@pytest.mark.parametrize(("asked", "code", "reason"), REFUSALS, ids=[reason for _, _, reason in REFUSALS])
def test_what_is_refused_is_refused_by_name_and_changes_nothing(
    running: Running, contacts: dict[str, int], asked: dict[str, Any], code: grpc.StatusCode, reason: str
) -> None:
    ask(running, request_id="taken", unstar=contacts["Bob"])
    with pytest.raises(grpc.RpcError) as refused:
        ask(running, **{name: contacts.get(value, value) if isinstance(value, str) else value
                        for name, value in asked.items()})  # fmt: skip
    assert refusal_of(refused.value) is not None
    assert (refused.value.code(), reason_of(refused.value)) == (code, reason)
    assert notices_go_to(running) == ["ana@s.test"]
