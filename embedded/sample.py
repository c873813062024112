"""The sample company: `python -m embedded.sample` fills empty books, so that there is something to see.

The books are `sample_company.csv` beside this module, whose dates are written as days from today
("today-16"). They go in by the same sync that any invoice list goes in by.
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
from dunlin.paynow.v1.ledger_pb2_grpc import LedgerServiceStub
from dunlin.scheduler.v1 import scheduler_pb2
from dunlin.scheduler.v1.scheduler_pb2_grpc import SchedulerServiceStub

from gateway.imports import PRESETS, read_invoice_list, sync
from services.shared.grpc_channel import open_channel
from services.shared.settings import required, secret_file
from services.shared.tls import Tls

TEMPLATE = Path(__file__).with_name("sample_company.csv")

COMPANY = mailer_pb2.Company(
    name="Dunlin & Daughters IT",
    address="40 Ferry Street\nPort Ellery, ME 04101",
    phone="+1 207 555 0142",
    reply_to="billing@example.test",
    from_address="billing@example.test",
    accent_color="#0b5c6b",
)
CALENDAR = scheduler_pb2.Calendar(time_zone="America/New_York", send_at="09:00", sandbox=True, automatic=True)


def sample_books(today: date, template: Path = TEMPLATE) -> bytes:
    """The sample's invoice list with real dates."""

    def day(match: re.Match[str]) -> str:
        return (today + timedelta(days=int(match[1] or "0"))).isoformat()

    return re.sub(r"\btoday([+-]\d+)?", day, template.read_text(encoding="utf-8")).encode()


def seed(env: Mapping[str, str]) -> str:
    """Sets up the company and its books if the books are empty; says what it did.

    The books come last: if it is cut short before, the next start does it all again.
    """
    token, tls = secret_file(env, "DUNLIN_SERVICE_TOKEN_FILE"), Tls.read(env)
    ledger = LedgerServiceStub(open_channel(required(env, "DUNLIN_PAYNOW_ADDRESS"), token, tls=tls))
    summary = ledger.GetBooksSummary(ledger_pb2.GetBooksSummaryRequest(today="2000-01-01"))
    if summary.organizations:
        return f"The books hold {summary.organizations} organizations; the sample company is left out."
    scheduler = SchedulerServiceStub(open_channel(required(env, "DUNLIN_SCHEDULER_ADDRESS"), token, tls=tls))
    mailer = MailerServiceStub(open_channel(required(env, "DUNLIN_MAILER_ADDRESS"), token, tls=tls))
    mailer.UpdateCompany(mailer_pb2.UpdateCompanyRequest(company=COMPANY))
    calendar = scheduler.UpdateCalendar(scheduler_pb2.UpdateCalendarRequest(calendar=CALENDAR))
    books = sample_books(date.fromisoformat(calendar.today))
    report = sync(ledger, read_invoice_list(io.BytesIO(books), PRESETS["dunlin"]))
    if report.refused:
        raise RuntimeError(f"The sample's books were refused: {report.refusals}")
    done = f"The sample company has {report.added} invoices"
    if not env.get("DUNLIN_HOME"):
        return f"{done}."
    # A copy with its dates, for whoever wants to change a line and send it again.
    copy = Path(env["DUNLIN_HOME"]) / "sample-invoices.csv"
    copy.write_bytes(books)
    return f"{done}; they are also in {copy}, to change and upload."


if __name__ == "__main__":
    sys.stdout.write(seed(os.environ) + "\n")
