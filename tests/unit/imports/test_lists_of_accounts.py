"""Lists of methods, of AutoPay and scheduled payments become records, and go to the service for them."""

import io
from collections.abc import Iterator
from typing import Any, cast

import pytest
from dunlin.paynow.v1 import accounts_pb2, ledger_pb2
from dunlin.paynow.v1.accounts_pb2_grpc import AccountsServiceStub

from gateway.imports import (
    METHODS,
    PLANS,
    PRESETS,
    InvoiceListRefused,
    Preset,
    fits,
    read_invoice_list,
    sync_methods,
    sync_plans,
)

METHOD_LINES = (
    "organization_id,method_id,kind,expires,brand,last_four\n"
    "O-1,M-1,card,2027-09,Visa,4242\n"
    "O-1,M-2,bank,,First Bank,6789\n"
)
PLAN_LINES = (
    "organization_id,plan,status,method_id,days_after_due,scheduled_id,invoice_number,pays_on,amount\n"
    "O-1,AutoPay,on,M-1,-2,,,,\n"
    "O-1,scheduled,,M-2,,S-1,0007,2026-03-10,12.50\n"
)


class AccountsThatKeep:
    """Keeps what it is sent, and reports it as added."""

    def __init__(self) -> None:
        self.records: list[Any] = []

    def SyncMethods(
        self, requests: Iterator[accounts_pb2.SyncMethodsRequest], *, timeout: float
    ) -> ledger_pb2.SyncReport:
        return self._keep(requests)

    def SyncPlans(
        self, requests: Iterator[accounts_pb2.SyncPlansRequest], *, timeout: float
    ) -> ledger_pb2.SyncReport:
        return self._keep(requests)

    def _keep(self, requests: Iterator[Any]) -> ledger_pb2.SyncReport:
        for request in requests:
            self.records.extend(request.records)
        return ledger_pb2.SyncReport(added=len(self.records))


def test_methods_are_sent_as_they_stand() -> None:
    accounts = AccountsThatKeep()
    listed = read_invoice_list(io.BytesIO(METHOD_LINES.encode()), METHODS)
    assert sync_methods(cast(AccountsServiceStub, accounts), listed).added == 2
    card, bank = accounts.records
    assert card == accounts_pb2.MethodRecord(
        line=2, organization_id="O-1", method_id="M-1", kind="card", expires="2027-09", brand="Visa",
        last_four="4242",
    )  # fmt: skip
    assert (bank.line, bank.kind, bank.expires) == (3, "bank", "")


def test_plans_are_sent_as_what_their_line_says() -> None:
    accounts = AccountsThatKeep()
    listed = read_invoice_list(io.BytesIO(PLAN_LINES.encode()), PLANS)
    assert sync_plans(cast(AccountsServiceStub, accounts), listed).added == 2
    autopay, scheduled = accounts.records
    assert autopay == accounts_pb2.PlanRecord(
        line=2,
        organization_id="O-1",
        autopay=accounts_pb2.AutopayRecord(status="on", method_id="M-1", days_after_due="-2"),
    )
    assert scheduled == accounts_pb2.PlanRecord(
        line=3,
        organization_id="O-1",
        scheduled=accounts_pb2.ScheduledRecord(
            scheduled_id="S-1", invoice_number="0007", method_id="M-2", pays_on="2026-03-10", amount="12.50"
        ),
    )


def test_a_line_that_is_no_plan_is_refused_before_it_is_sent() -> None:
    accounts = AccountsThatKeep()
    listed = read_invoice_list(io.BytesIO(b"organization_id,plan,status\nO-1,monthly,on\nO-1,,on\n"), PLANS)
    report = sync_plans(cast(AccountsServiceStub, accounts), listed)
    assert accounts.records == []
    assert [(one.line, one.field, one.reason) for one in report.refusals] == [
        (2, "plan", "PLAN_UNKNOWN"),
        (3, "plan", "PLAN_UNKNOWN"),
    ]


def test_a_list_of_methods_that_names_no_expiry_is_refused_whole() -> None:
    with pytest.raises(InvoiceListRefused, match="'expires'"):
        read_invoice_list(io.BytesIO(b"organization_id,method_id,kind\n"), METHODS)


@pytest.mark.parametrize("preset", [PRESETS["dunlin"], METHODS, PLANS], ids=lambda preset: preset.name)
def test_a_file_fits_the_one_format_whose_columns_it_has(preset: Preset[Any]) -> None:
    header = io.BytesIO(",".join(preset.required).upper().encode() + b"\n")
    assert [one for one in (PRESETS["dunlin"], METHODS, PLANS) if fits(header, one)] == [preset]
    assert not fits(io.BytesIO(b""), preset)


def test_the_languages_and_profiles_of_a_list_are_sent() -> None:
    columns = (*PRESETS["dunlin"].required, "organization_currency", "language", "contact_profile")
    cells = dict.fromkeys(columns, "x") | {"organization_currency": "EUR", "language": "de"}
    text = ",".join(columns) + "\n" + ",".join({**cells, "contact_profile": "Billing"}.values()) + "\n"
    (record,) = read_invoice_list(io.BytesIO(text.encode()), PRESETS["dunlin"]).records()
    assert isinstance(record, ledger_pb2.SyncRecord)
    assert (record.organization.currency, record.organization.language) == ("EUR", "de")
    assert record.contact_profile == "Billing"
