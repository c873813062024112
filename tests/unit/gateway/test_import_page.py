"""Import: a list is taken in with a report, or refused as a whole with the place and the cure."""

import io
import shutil
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from dunlin.paynow.v1 import ledger_pb2
from sqlalchemy import bindparam, text, update

from gateway.identity import MIGRATIONS, add_staff
from gateway.identity.tables import jobs
from gateway.imports import PRESETS
from gateway.site.jobs import CUT_SHORT, RUNNING, JobLog
from services.shared.database import Database, UtcDateTime
from services.shared.migrate import migrate
from tests.fakes.gateway_clients import FakeServices
from tests.fakes.gateway_rpc import away
from tests.fakes.gateway_visitor import Page, Visitor

HEADER = ",".join(PRESETS["dunlin"].required)
LINE = "ACME,Acme Corporation,Dana Reyes,dana@acme.example,0007,2026-01-01,2026-01-31,USD,100.00,40.00,open"


def upload(staff: Visitor, content: str | bytes, name: str = "invoices.csv", preset: str = "dunlin") -> Page:
    token = staff.get("/import").form("/import").fields["csrf_token"]
    data = content if isinstance(content, bytes) else content.encode()
    values: dict[str, Any] = {"csrf_token": token, "preset": preset, "file": (io.BytesIO(data), name)}
    return staff.post("/import", values)


def figures(page: Page) -> dict[str, str]:
    return {
        found.xpath("string(dt)"): found.xpath("string(dd[1])")
        for found in page.tree.xpath("//div[@class='figure']")
    }


def test_a_list_is_sent_to_the_ledger_and_the_report_shown(staff: Visitor, services: FakeServices) -> None:
    page = upload(staff, f"{HEADER}\n{LINE}\n")
    assert figures(page) == {"Added": "2", "Changed": "1", "Unchanged": "4", "Refused": "0"}
    [record] = services.ledger.synced
    assert (record.organization_id, record.invoice_number, record.balance) == ("ACME", "0007", "40.00")


def test_refused_lines_are_shown_with_line_column_and_reason(staff: Visitor, services: FakeServices) -> None:
    services.ledger.report = ledger_pb2.SyncReport(
        added=1,
        refused=1500,
        refusals=[
            ledger_pb2.LineRefusal(
                line=1207,
                field="balance",
                reason="BALANCE_ABOVE_AMOUNT",
                message="The balance 5.00 is above the amount <b>4.00</b>.",
            )
        ],
    )
    page = upload(staff, f"{HEADER}\n{LINE}\n")
    row = page.one("//tbody/tr")
    assert [" ".join(cell.text_content().split()) for cell in row] == [
        "1,207",
        "balance",
        "The balance 5.00 is above the amount <b>4.00</b>.",
    ]
    assert "The first 1 of 1,500 are shown." in page.text


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "is empty"),
        (HEADER.replace("due_on,", "") + "\n", "due_on"),
        (HEADER.replace(",", ";") + "\n", "semicolons"),
        (f"{HEADER}\n{LINE},surplus\n", "Line 2"),
        (b"\xff\xfe" + HEADER.encode("utf-16-le"), "UTF-16"),
    ],
)
def test_a_malformed_file_changes_nothing_and_says_where_it_is_wrong(
    staff: Visitor, services: FakeServices, content: str | bytes, words: str
) -> None:
    page = upload(staff, content)
    assert page.status == 400
    alert = page.one("//div[@role='alert']").text_content()
    assert "Nothing was changed." in alert
    assert words.lower() in alert.lower()
    assert services.ledger.requests("SyncBooks") == []


def test_without_a_file_the_page_asks_for_one(staff: Visitor) -> None:
    page = upload(staff, "", name="")
    assert page.status == 400
    assert page.one("//p[@id='file-error']").text_content() == "Choose a file."


def test_a_file_above_50_mb_is_refused(staff: Visitor, services: FakeServices) -> None:
    page = upload(staff, b"x" * (51 * 1024 * 1024))
    assert page.status == 413
    assert services.ledger.requests("SyncBooks") == []


def test_an_unknown_format_is_refused(staff: Visitor) -> None:
    assert upload(staff, f"{HEADER}\n", preset="excel").status == 400


def test_a_ledger_that_goes_away_says_to_import_again(staff: Visitor, services: FakeServices) -> None:
    services.ledger.refuse["SyncBooks"] = away()
    page = upload(staff, f"{HEADER}\n{LINE}\n")
    assert "Import the same file again" in page.text
    assert "failed to connect" not in page.html


def test_a_path_in_the_file_name_is_dropped(staff: Visitor) -> None:
    page = upload(staff, f"{HEADER}\n{LINE}\n", name="/home/ada/<invoices>.csv")
    assert "<invoices>.csv, 1 line," in page.text
    assert "home" not in page.text


def test_past_imports_are_listed(staff: Visitor) -> None:
    upload(staff, f"{HEADER}\n{LINE}\n", name="january.csv")
    listed = staff.get("/import")
    link = listed.tree.xpath("//a[.='january.csv']")[0].get("href")
    assert figures(staff.get(link))["Added"] == "2"


def test_an_import_that_takes_long_shows_progress_and_may_be_left(
    staff: Visitor, services: FakeServices, database: Database
) -> None:
    import_id = JobLog(database, "import").begin(1, "large.csv", 200_000)
    JobLog(database, "import").progress(import_id, 50_000, 200_000)
    page = staff.get(f"/import/{import_id}")
    assert page.headers["Refresh"] == "1"
    assert "50,000 of 200,000 lines" in page.text
    bar = page.one("//progress")
    assert (bar.get("value"), bar.get("max")) == ("50000", "200000")


def test_an_import_whose_process_died_says_so(own_database: Database) -> None:
    log = JobLog(own_database, "import")
    import_id = log.begin(1, "large.csv", 10)
    found = log.find(import_id)
    assert found is not None
    assert found.state == RUNNING
    with own_database.write() as connection:
        connection.execute(update(jobs).values(updated_at=datetime.now(UTC) - timedelta(minutes=5)))
    found = log.find(import_id)
    assert found is not None
    assert found.state == CUT_SHORT


def test_a_slow_ledger_does_not_hold_the_page(staff: Visitor, services: FakeServices) -> None:
    may_go_on = threading.Event()
    answer = services.ledger.SyncBooks

    def slow(requests: Any, timeout: float | None = None) -> Any:
        assert may_go_on.wait(30)
        return answer(requests)

    services.ledger.SyncBooks = slow  # type: ignore[method-assign]
    page = upload(staff, f"{HEADER}\n{LINE}\n")
    assert "You may leave this page" in page.text
    may_go_on.set()
    [thread] = [one for one in threading.enumerate() if one.name.startswith("import-")] or [None]
    if thread is not None:
        thread.join(30)
    assert figures(staff.get(page.path))["Added"] == "2"


def test_a_report_that_does_not_exist_is_not_found(staff: Visitor) -> None:
    assert staff.get("/import/nothing").status == 404


IBM_HEADER = "customerID,invoiceNumber,InvoiceDate,DueDate,InvoiceAmount,SettledDate"


def test_a_history_is_read_as_of_the_companys_date_and_not_the_machines(
    staff: Visitor, services: FakeServices
) -> None:
    services.scheduler.calendar.today = "2013-01-14"
    upload(staff, f"{IBM_HEADER}\nC-1,7,1/2/2013,2/1/2013,55.94,1/15/2013\n", preset="ibm-late-payments")
    [record] = services.ledger.synced
    assert (record.status, record.balance) == ("open", "55.94")


def test_imports_from_before_the_log_of_jobs_are_still_listed(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'identity.sqlite'}"
    old = shutil.copytree(MIGRATIONS, tmp_path / "migrations")
    for later in (old / "versions").glob("000[2-9]_*.py"):
        later.unlink()
    migrate(url, old)
    database = Database(url)
    add_staff(database, "ada@harbor.example", "correct horse battery staple", "Ada")
    values = {"id": "a1", "name": "january.csv", "outcome": '{"added": "3"}', "at": datetime.now(UTC)}
    with database.write() as connection:
        connection.execute(
            text(
                "INSERT INTO imports (import_id, staff_id, file_name, preset, state, lines_done, lines_total,"
                " outcome, started_at, updated_at)"
                " VALUES (:id, 1, :name, 'dunlin', 'done', 3, 3, :outcome, :at, :at)"
            ).bindparams(bindparam("at", type_=UtcDateTime)),
            values,
        )
    migrate(url, MIGRATIONS)
    [found] = JobLog(database, "import").newest(10)
    assert (found.subject, found.state, found.total, found.outcome) == (
        "january.csv", "done", 3, {"added": "3"},
    )  # fmt: skip
    database.dispose()


@pytest.mark.parametrize(
    ("content", "kept"),
    [
        ("organization_id,method_id,kind,expires\nO-1,M-1,card,2027-09\n", "M-1"),
        ("organization_id,plan,scheduled_id\nO-1,scheduled,S-1\n", "S-1"),
    ],
)
def test_lists_of_methods_and_plans_are_known_by_their_columns(
    staff: Visitor, services: FakeServices, content: str, kept: str
) -> None:
    page = upload(staff, content)
    assert figures(page)["Added"] == "1"
    (record,) = services.accounts.synced
    assert kept in str(record)
    assert services.ledger.synced == []
