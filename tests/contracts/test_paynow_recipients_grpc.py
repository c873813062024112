"""Whom mails about an account go to, over the wire, on each real database."""

import pytest
from dunlin.paynow.v1 import accounts_pb2

from tests.contracts.test_paynow_accounts_grpc import Running, running
from tests.contracts.test_paynow_ledger_grpc import a_record, batch

__all__ = ["running"]

ORGANIZATION = "O-R"


@pytest.mark.parametrize(
    ("profile_ids", "expected"),
    [
        ([], ["ana@r.test"]),
        (["billing"], ["bob@r.test"]),
        (["billing", "viewer"], ["ana@r.test", "bob@r.test"]),
        (["full"], []),
    ],
)
def test_a_summary_goes_to_the_default_contacts_or_to_those_with_the_chosen_profiles(
    running: Running, profile_ids: list[str], expected: list[str]
) -> None:
    lines = (
        a_record(1, ORGANIZATION, "R-1", contact_name="Ana", contact_emails=["ana@r.test"],
                 contact_profile="viewer"),
        a_record(2, ORGANIZATION, "R-2", contact_name="Bob", contact_emails=["bob@r.test"],
                 contact_profile="billing"),
    )  # fmt: skip
    assert not running.ledger.SyncBooks(iter([batch(*lines)])).refused
    asked = accounts_pb2.ReadAccountsRequest(organization_ids=[ORGANIZATION], profile_ids=profile_ids)
    (account,) = running.accounts.ReadAccounts(asked).accounts
    assert [to.email for to in account.addressees] == expected
    debtors = running.accounts.ListDebtors(
        accounts_pb2.ListDebtorsRequest(profile_ids=profile_ids, after_organization_id="O-Q")
    ).debtors
    assert [(one.organization_id, one.reachable) for one in debtors] == [(ORGANIZATION, bool(expected))]
