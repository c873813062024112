"""The sample company: `python -m embedded.sample` fills empty books, so that there is something to see.

The books are `sample_company.csv` beside this module, with `sample_methods.csv` and `sample_plans.csv`. Their
dates are written as days from today ("today-16"), months as months from this one ("month+7"). They go in by
the same syncs that any list goes in by.
"""

import io
import os
import re
import sys
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path

from dunlin.mailer.v1 import mailer_pb2
from dunlin.mailer.v1.mailer_pb2_grpc import MailerServiceStub
from dunlin.paynow.v1 import ledger_pb2
from dunlin.paynow.v1.accounts_pb2_grpc import AccountsServiceStub
from dunlin.paynow.v1.ledger_pb2_grpc import LedgerServiceStub
from dunlin.scheduler.v1 import scheduler_pb2
from dunlin.scheduler.v1.scheduler_pb2_grpc import SchedulerServiceStub

from gateway.imports import METHODS, PLANS, PRESETS, read_invoice_list, sync, sync_methods, sync_plans
from services.shared.grpc_channel import open_channel
from services.shared.settings import required, secret_file
from services.shared.tls import Tls

TEMPLATE = Path(__file__).with_name("sample_company.csv")
OF_METHODS = Path(__file__).with_name("sample_methods.csv")
OF_PLANS = Path(__file__).with_name("sample_plans.csv")

COMPANY = mailer_pb2.Company(
    name="Dunlin & Daughters IT",
    address="40 Ferry Street\nPort Ellery, ME 04101",
    phone="+1 207 555 0142",
    reply_to="billing@example.test",
    from_address="billing@example.test",
    accent_color="#0b5c6b",
    language="en",
    pay_links=True,
)
CALENDAR = scheduler_pb2.Calendar(time_zone="America/New_York", send_at="09:00", sandbox=True, automatic=True)


def sample_books(today: date, template: Path = TEMPLATE) -> bytes:
    """One of the sample's lists with real dates."""

    def day(match: re.Match[str]) -> str:
        return (today + timedelta(days=int(match[1] or "0"))).isoformat()

    def month(match: re.Match[str]) -> str:
        years, months = divmod(today.month - 1 + int(match[1] or "0"), 12)
        return f"{today.year + years:04}-{months + 1:02}"

    text = re.sub(r"\btoday([+-]\d+)?", day, template.read_text(encoding="utf-8"))
    return re.sub(r"\bmonth([+-]\d+)?", month, text).encode()


def seed(env: Mapping[str, str]) -> str:
    """Sets up the company and its books if the books are empty; says what it did.

    The books come after the settings: if it is cut short before, the next start does it all again.
    """
    token, tls = secret_file(env, "DUNLIN_SERVICE_TOKEN_FILE"), Tls.read(env)
    paynow = open_channel(required(env, "DUNLIN_PAYNOW_ADDRESS"), token, tls=tls)
    ledger = LedgerServiceStub(paynow)
    summary = ledger.GetBooksSummary(ledger_pb2.GetBooksSummaryRequest(today="2000-01-01"))
    if summary.organizations:
        return f"The books hold {summary.organizations} organizations; the sample company is left out."
    scheduler = SchedulerServiceStub(open_channel(required(env, "DUNLIN_SCHEDULER_ADDRESS"), token, tls=tls))
    mailer = MailerServiceStub(open_channel(required(env, "DUNLIN_MAILER_ADDRESS"), token, tls=tls))
    mailer.UpdateCompany(mailer_pb2.UpdateCompanyRequest(company=COMPANY))
    calendar = scheduler.UpdateCalendar(scheduler_pb2.UpdateCalendarRequest(calendar=CALENDAR))
    today = date.fromisoformat(calendar.today)
    books = sample_books(today)
    report = sync(ledger, read_invoice_list(io.BytesIO(books), PRESETS["dunlin"]))
    _must_be_whole(report)
    _seed_accounts(AccountsServiceStub(paynow), today)
    done = f"The sample company has {report.added} invoices"
    if not env.get("DUNLIN_HOME"):
        return f"{done}."
    # A copy with its dates, for whoever wants to change a line and send it again.
    copy = Path(env["DUNLIN_HOME"]) / "sample-invoices.csv"
    copy.write_bytes(books)
    return f"{done}; they are also in {copy}, to change and upload."


def _seed_accounts(accounts: AccountsServiceStub, today: date) -> None:
    """Cards, AutoPay and a scheduled payment."""
    methods = io.BytesIO(sample_books(today, OF_METHODS))
    _must_be_whole(sync_methods(accounts, read_invoice_list(methods, METHODS)))
    plans = io.BytesIO(sample_books(today, OF_PLANS))
    _must_be_whole(sync_plans(accounts, read_invoice_list(plans, PLANS)))


def _must_be_whole(report: ledger_pb2.SyncReport) -> None:
    if report.refused:
        raise RuntimeError(f"The sample's books were refused: {report.refusals}")


if __name__ == "__main__":
    sys.stdout.write(seed(os.environ) + "\n")
