"""Accounts over the wire: a real server on loopback, each real database, the stubs that others use."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import grpc
import pytest
from dunlin.paynow.v1 import accounts_pb2, accounts_pb2_grpc, ledger_pb2, ledger_pb2_grpc, plans_pb2
from google.protobuf.timestamp_pb2 import Timestamp

from services.paynow.__main__ import CALLERS
from services.paynow.domain.links import PayLinks
from services.paynow.repository.accounts_writer import SqlAccounts
from services.paynow.repository.books import SqlLedger
from services.paynow.servicer_accounts import NAME, AccountsServicer
from services.paynow.servicer_ledger import LedgerServicer
from services.shared.clock import SystemClock
from services.shared.database import Database
from services.shared.grpc_channel import open_channel
from services.shared.grpc_errors import refusal_of
from services.shared.grpc_server import Server
from services.shared.migrate import migrate
from services.shared.wire import timestamp
from tests.contracts.test_paynow_ledger_grpc import a_record, batch, reason_of
from tests.fakes.paynow_payments import MIGRATIONS
from tests.servers import DATABASES

TOKEN = "a token that is long enough"
LINKS = PayLinks("a key that is long enough")
AT = datetime(2026, 3, 2, 8, tzinfo=UTC)


@dataclass(frozen=True)
class Running:
    """Ways to a server whose books hold two organizations, cards and plans."""

    ledger: ledger_pb2_grpc.LedgerServiceStub
    accounts: accounts_pb2_grpc.AccountsServiceStub


@pytest.fixture(scope="module", params=DATABASES)
def running(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres").migrated(MIGRATIONS)
    else:
        url = f"sqlite:///{tmp_path_factory.mktemp('accounts') / 'paynow.sqlite'}"
        migrate(url, MIGRATIONS)
    database = Database(url)
    ledger = LedgerServicer(ledger=SqlLedger(database), tokens=LINKS, clock=SystemClock())
    accounts = AccountsServicer(accounts=SqlAccounts(database), tokens=LINKS, clock=SystemClock())

    def add(server: grpc.Server) -> None:
        ledger_pb2_grpc.add_LedgerServiceServicer_to_server(ledger, server)
        accounts_pb2_grpc.add_AccountsServiceServicer_to_server(accounts, server)

    server = Server("127.0.0.1:0", TOKEN, servicers=add, names=[NAME])
    channel = open_channel(server.start(), TOKEN, timeout=30)
    stubs = Running(
        ledger_pb2_grpc.LedgerServiceStub(channel), accounts_pb2_grpc.AccountsServiceStub(channel)
    )
    fill(stubs)
    yield stubs
    channel.close()
    server.stop(1)
    database.dispose()


def fill(stubs: Running) -> None:
    german = ledger_pb2.OrganizationDetails(time_zone="Europe/Berlin", language="de", currency="EUR")
    invoices = batch(
        a_record(1, "O-1", "1001", contact_profile="billing"),
        a_record(2, "O-1", "1002", due_on="2026-03-20"),
        a_record(3, "O-2", "2001", organization=german),
    )
    assert stubs.ledger.SyncBooks(iter([invoices])).added == 3
    methods = accounts_pb2.SyncMethodsRequest(
        records=[
            accounts_pb2.MethodRecord(
                line=1, organization_id="O-1", method_id="M-1", kind="card", brand="Visa", last_four="4242",
                expires="2026-04",
            ),
            accounts_pb2.MethodRecord(
                line=2, organization_id="O-2", method_id="M-2", kind="bank", status="failed"
            ),
        ]
    )  # fmt: skip
    assert stubs.accounts.SyncMethods(iter([methods])).added == 2
    plans = accounts_pb2.SyncPlansRequest(
        records=[
            accounts_pb2.PlanRecord(
                line=1,
                organization_id="O-1",
                autopay=accounts_pb2.AutopayRecord(status="on", method_id="M-1", days_after_due="1"),
            ),
            accounts_pb2.PlanRecord(
                line=2,
                organization_id="O-2",
                scheduled=accounts_pb2.ScheduledRecord(
                    scheduled_id="S-1", invoice_number="2001", pays_on="2026-03-05", amount="12.50"
                ),
            ),
            accounts_pb2.PlanRecord(line=3, organization_id="O-2"),
        ]
    )
    report = stubs.accounts.SyncPlans(iter([plans]))
    assert (report.added, report.refused) == (2, 1)
    assert (report.refusals[0].line, report.refusals[0].reason) == (3, "STATUS_UNKNOWN")


def test_an_account_comes_whole(running: Running) -> None:
    asked = accounts_pb2.ReadAccountsRequest(
        organization_ids=["O-1", "O-9"], with_pay_tokens=True, today="2026-03-02"
    )
    (account,) = running.accounts.ReadAccounts(asked).accounts
    assert [one.email for one in account.addressees] == ["ana@o-1.test"]
    assert [one.number for one in account.invoices] == ["1001", "1002"]
    links = [LINKS.open(token, datetime.now(UTC)) for token in account.pay_tokens]
    assert [link.invoice_id for link in links] == [one.invoice_id for one in account.invoices]
    (total,) = account.totals
    assert (total.open_minor, total.past_due_minor, total.past_due_invoices) == (50_000, 25_000, 1)
    (method,) = account.methods
    assert (method.label, method.expires_month, method.expires_year) == ("Visa ending 4242", 4, 2026)
    assert (method.kind, method.status) == (
        plans_pb2.METHOD_KIND_CARD,
        plans_pb2.METHOD_STATUS_ACTIVE,
    )
    assert [(plan.pays_on, plan.by_autopay) for plan in account.plans] == [
        ("2026-03-02", True),
        ("2026-03-21", True),
    ]
    later = accounts_pb2.ReadAccountsRequest(organization_ids=["O-1"], today="2026-03-03")
    assert [plan.pays_on for plan in running.accounts.ReadAccounts(later).accounts[0].plans] == ["2026-03-21"]


def test_addressees_come_without_their_accounts(running: Running) -> None:
    asked = accounts_pb2.ReadAddresseesRequest(organization_ids=["O-1", "O-2", "O-9"])
    found = {
        one.organization_id: [(to.name, to.email) for to in one.addressees]
        for one in running.accounts.ReadAddressees(asked).organizations
    }
    whole = running.accounts.ReadAccounts(
        accounts_pb2.ReadAccountsRequest(organization_ids=asked.organization_ids)
    ).accounts
    assert found == {
        one.organization.organization_id: [(to.name, to.email) for to in one.addressees]
        for one in whole
        if one.addressees
    }
    assert set(found) == {"O-1", "O-2"}


def test_a_subject_tells_zone_language_and_plan(running: Running) -> None:
    due = running.ledger.ListDueInvoices(
        ledger_pb2.ListDueInvoicesRequest(due_on_or_before="2026-12-31", time_zones=["Europe/Berlin"])
    )
    (invoice,) = due.invoices
    assert (invoice.number, invoice.time_zone, due.total) == ("2001", "Europe/Berlin", 1)
    asked = ledger_pb2.ReadSubjectsRequest(invoice_ids=[invoice.invoice_id], today="2026-03-02")
    (subject,) = running.ledger.ReadSubjects(asked).subjects
    assert (subject.time_zone, subject.language) == ("Europe/Berlin", "de")
    assert (subject.plan.scheduled_id, subject.plan.pays_on, subject.plan.amount_minor) == (
        "S-1", "2026-03-05", 1250,
    )  # fmt: skip
    asked.today = "2026-03-06"
    (late,) = running.ledger.ReadSubjects(asked).subjects
    assert not late.HasField("plan")


def test_lists_for_a_run(running: Running) -> None:
    accounts = running.accounts
    assert list(accounts.ListTimeZones(accounts_pb2.ListTimeZonesRequest()).time_zones) == ["Europe/Berlin"]
    debtors = accounts.ListDebtors(accounts_pb2.ListDebtorsRequest(batch_size=1))
    assert [(one.organization_id, one.reachable) for one in debtors.debtors] == [("O-1", True)]
    assert debtors.total == 2
    moved = accounts_pb2.ListDebtorsRequest(moved_since=timestamp(datetime(2026, 1, 1, tzinfo=UTC)))
    assert not accounts.ListDebtors(moved).debtors, "they are new to the books"
    cards = accounts.ListExpiringMethods(accounts_pb2.ListExpiringMethodsRequest(expires_by="2026-04-02"))
    assert [(one.method.method_id, one.reachable) for one in cards.methods] == [("M-1", True)]
    days = accounts.ListUpcomingPayments(
        accounts_pb2.ListUpcomingPaymentsRequest(**{"from": "2026-03-01", "to": "2026-03-31"})
    ).days
    assert [(one.organization_id, one.pays_on, one.payments) for one in days] == [
        ("O-1", "2026-03-02", 1),
        ("O-1", "2026-03-21", 1),
        ("O-2", "2026-03-05", 1),
    ]
    methods = accounts.ListMethods(accounts_pb2.ListMethodsRequest(organization_id="O-2")).methods
    assert [(one.label, one.failure_reason) for one in methods] == [("Bank account", "PROVIDER_ERROR")]
    plans = accounts.ListPlans(
        accounts_pb2.ListPlansRequest(organization_id="O-2", **{"from": "2026-03-01"})
    ).plans
    assert [plan.scheduled_id for plan in plans] == ["S-1"]


def test_contacts_and_their_profiles(running: Running) -> None:
    accounts = running.accounts
    found = accounts.FindContacts(accounts_pb2.FindContactsRequest(email=" ANA@o-2.test "))
    (contact,) = found.contacts
    assert (contact.organization_id, contact.organization_name, contact.language) == (
        "O-2", "Name of O-2", "de",
    )  # fmt: skip
    assert not contact.HasField("signed_in_at")
    signed_in = accounts_pb2.RecordSignInRequest(contact_id=contact.contact_id, signed_in_at=timestamp(AT))
    assert accounts.RecordSignIn(signed_in).signed_in_at.ToDatetime(tzinfo=UTC) == AT
    listed = accounts.ListContacts(accounts_pb2.ListContactsRequest(profile_id="billing"))
    assert ([one.organization_id for one in listed.contacts], listed.total) == (["O-1"], 1)
    everybody = accounts_pb2.CountContactsRequest()
    counted = {one.profile_id: one.contacts for one in accounts.CountContacts(everybody).counts}
    assert counted["billing"] == 1
    others = accounts_pb2.ListContactsRequest(other_profile_than="billing")
    assert accounts.ListContacts(others).total == sum(counted.values()) - 1
    given = accounts_pb2.ContactProfile(contact_id=contact.contact_id, profile_id="viewer")
    before = accounts.SetProfiles(accounts_pb2.SetProfilesRequest(contacts=[given])).before
    assert [one.profile_id for one in before] == [""]
    (again,) = accounts.BatchGetContacts(
        accounts_pb2.BatchGetContactsRequest(contact_ids=[contact.contact_id])
    ).contacts
    assert again.profile_id == "viewer"
    saved = accounts_pb2.Profile(profile_id="board", name="Board", sees_invoices=True)
    accounts.SaveProfile(accounts_pb2.SaveProfileRequest(profile=saved))
    names = [one.name for one in accounts.ListProfiles(accounts_pb2.ListProfilesRequest()).profiles]
    assert names == ["Billing", "Board", "Full access", "View only"]
    accounts.RemoveProfile(accounts_pb2.RemoveProfileRequest(profile_id="board"))


Call = Callable[[accounts_pb2_grpc.AccountsServiceStub], Any]
REFUSALS: list[tuple[Call, grpc.StatusCode, str]] = [
    (
        lambda s: s.ListDebtors(accounts_pb2.ListDebtorsRequest(batch_size=5001)),
        grpc.StatusCode.INVALID_ARGUMENT, "PAGE_SIZE_INVALID",
    ),
    (
        lambda s: s.ListContacts(accounts_pb2.ListContactsRequest(batch_size=-1)),
        grpc.StatusCode.INVALID_ARGUMENT, "PAGE_SIZE_INVALID",
    ),
    (
        lambda s: s.ListContacts(accounts_pb2.ListContactsRequest(without_types=map(str, range(101)))),
        grpc.StatusCode.INVALID_ARGUMENT, "TOO_MANY",
    ),
    (
        lambda s: s.ReadAccounts(accounts_pb2.ReadAccountsRequest(organization_ids=["O"] * 201)),
        grpc.StatusCode.INVALID_ARGUMENT, "TOO_MANY",
    ),
    (
        lambda s: s.ReadAddressees(accounts_pb2.ReadAddresseesRequest(organization_ids=["O"] * 5001)),
        grpc.StatusCode.INVALID_ARGUMENT, "TOO_MANY",
    ),
    (
        lambda s: s.RecordSignIn(
            accounts_pb2.RecordSignInRequest(contact_id=1, signed_in_at=Timestamp(seconds=253402300800))
        ),
        grpc.StatusCode.INVALID_ARGUMENT, "INSTANT_OUT_OF_RANGE",
    ),
    (
        lambda s: s.ReadAccounts(accounts_pb2.ReadAccountsRequest(today="tomorrow")),
        grpc.StatusCode.INVALID_ARGUMENT, "DATE_MALFORMED",
    ),
    (
        lambda s: s.ListExpiringMethods(accounts_pb2.ListExpiringMethodsRequest()),
        grpc.StatusCode.INVALID_ARGUMENT, "DATE_MISSING",
    ),
    (
        lambda s: s.FindContacts(accounts_pb2.FindContactsRequest(email="nobody")),
        grpc.StatusCode.INVALID_ARGUMENT, "EMAIL_MALFORMED",
    ),
    (
        lambda s: s.BatchGetContacts(accounts_pb2.BatchGetContactsRequest(contact_ids=range(1001))),
        grpc.StatusCode.INVALID_ARGUMENT, "TOO_MANY",
    ),
    (
        lambda s: s.RecordSignIn(
            accounts_pb2.RecordSignInRequest(contact_id=999, signed_in_at=timestamp(AT))
        ),
        grpc.StatusCode.NOT_FOUND, "CONTACT_MISSING",
    ),
    (
        lambda s: s.SaveProfile(
            accounts_pb2.SaveProfileRequest(profile=accounts_pb2.Profile(profile_id="x", name="billing"))
        ),
        grpc.StatusCode.ALREADY_EXISTS, "NAME_TAKEN",
    ),
    (
        lambda s: s.RemoveProfile(accounts_pb2.RemoveProfileRequest(profile_id="billing")),
        grpc.StatusCode.FAILED_PRECONDITION, "PROFILE_IN_USE",
    ),
    (
        lambda s: s.RemoveProfile(accounts_pb2.RemoveProfileRequest(profile_id="none")),
        grpc.StatusCode.NOT_FOUND, "PROFILE_MISSING",
    ),
    (
        lambda s: s.SyncPlans(
            iter([accounts_pb2.SyncPlansRequest(records=[accounts_pb2.PlanRecord()] * 1001)])
        ),
        grpc.StatusCode.INVALID_ARGUMENT, "TOO_MANY",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("call", "code", "reason"), REFUSALS)
def test_what_is_refused_is_refused_by_name(
    running: Running, call: Call, code: grpc.StatusCode, reason: str
) -> None:
    with pytest.raises(grpc.RpcError) as refused:
        call(running.accounts)
    assert refusal_of(refused.value) is not None
    assert (refused.value.code(), reason_of(refused.value)) == (code, reason)


def test_the_scheduler_may_read_and_only_the_gateway_may_change() -> None:
    methods = accounts_pb2.DESCRIPTOR.services_by_name["AccountsService"].methods_by_name
    changing = {"SyncMethods", "SyncPlans", "RecordSignIn", "SaveProfile", "RemoveProfile"}
    changing |= {"SetProfiles", "StarContacts"}
    assert changing < set(methods)
    for name in methods:
        callers = CALLERS.get(f"/{NAME}/{name}", CALLERS[f"/{NAME}/"])
        assert callers == (("gateway",) if name in changing else ("gateway", "scheduler"))
