"""Invoice lists that are broken: each gets an error that names the place, and nothing changes by halves."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from dunlin.paynow.v1 import ledger_pb2

from tests.e2e.acts import invoice, pay
from tests.e2e.bad_lists import BROKEN_CELLS, BROKEN_FILES, COLUMNS, GOOD, line, text_of
from tests.e2e.company import Company, running_company
from tests.e2e.site import Site

REFUSED, LEFT_OVER = 3, 1
MEGABYTE = 1024 * 1024


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    with running_company(tmp_path_factory.mktemp("lists") / "home") as company:
        yield company


@pytest.fixture(scope="module")
def staff(company: Company) -> Site:
    return Site.of_staff(company)


def known(company: Company) -> int:
    """How many invoices the ledger knows."""
    return company.clients.ledger.ListInvoices(ledger_pb2.ListInvoicesRequest(page_size=1)).total


def upload(staff: Site, content: bytes) -> tuple[int, str]:
    form = staff.get("/import")
    page = staff.upload("/import", {"preset": "dunlin", "as_of": ""}, "file", content, form=form)
    return page.status, page.text


@pytest.mark.parametrize("what", BROKEN_FILES)
def test_a_file_that_is_broken_is_refused_whole_on_the_command_line(
    company: Company, tmp_path: Path, what: str
) -> None:
    content, names_the_place = BROKEN_FILES[what]
    (tmp_path / "list.csv").write_bytes(content)
    before = known(company)
    result = company.run("sync", str(tmp_path / "list.csv"))
    assert result.code == REFUSED, result
    assert re.search(names_the_place, result.err, re.IGNORECASE), result.err
    assert "Traceback" not in result.err
    assert result.out == ""
    assert known(company) == before


@pytest.mark.parametrize("what", BROKEN_FILES)
def test_a_file_that_is_broken_is_refused_whole_in_the_browser(
    company: Company, staff: Site, what: str
) -> None:
    content, names_the_place = BROKEN_FILES[what]
    before = known(company)
    status, text = upload(staff, content)
    assert status == 400
    assert "Nothing was changed" in text or "Choose a file" in text
    assert re.search(names_the_place, text, re.IGNORECASE), text
    assert known(company) == before


def test_each_wrong_cell_refuses_its_own_line_and_no_other(company: Company, tmp_path: Path) -> None:
    lines, places = [], {}
    for at, (what, cells, column) in enumerate(BROKEN_CELLS):
        lines += [line(f"fine-{at}"), line(**({"invoice_number": f"wrong-{at}"} | cells))]
        places[what] = column
    path = tmp_path / "list.csv"
    path.write_text(text_of(lines), newline="")
    # Cells of several lines move those below, so the lines are counted as a reader of the file does.
    begins, at = {}, 2
    for each in lines:
        begins[at] = each
        at += 1 + sum(cell.count("\n") for cell in each.values())
    wrong = [number for number, each in begins.items() if not each["invoice_number"].startswith("fine-")]

    result = company.run("sync", str(path), "--json")
    assert result.code == LEFT_OVER, result.err
    report = result.json
    assert (report["added"], report["refused"]) == (len(BROKEN_CELLS), len(BROKEN_CELLS))
    refused = [(refusal["line"], refusal["field"]) for refusal in report["refusals"]]
    assert refused == list(zip(wrong, places.values(), strict=True))
    assert all(len(refusal["message"]) > 10 and refusal["reason"] for refusal in report["refusals"])
    for at in range(len(BROKEN_CELLS)):
        assert invoice(company.clients, f"fine-{at}").balance_minor == 250_00


def test_a_number_twice_within_one_organization_is_refused_and_across_two_is_not(
    company: Company, tmp_path: Path
) -> None:
    path = tmp_path / "list.csv"
    path.write_text(
        text_of(
            [
                line("twice", organization_id="T-1", balance="1.00"),
                line("twice", organization_id="T-2", organization_name="Other", balance="2.00"),
                line("twice", organization_id="T-1", balance="3.00"),
            ]
        )
    )
    result = company.run("sync", str(path), "--json")
    assert result.code == LEFT_OVER
    (refusal,) = result.json["refusals"]
    assert (refusal["line"], refusal["field"]) == (4, "invoice_number")
    assert "2" in refusal["message"], "it says where the number is already"
    found = company.clients.ledger.ListInvoices(ledger_pb2.ListInvoicesRequest(number="twice")).invoices
    assert sorted(each.balance_minor for each in found) == [100, 200]


def test_a_byte_order_mark_and_windows_line_ends_are_no_fault(company: Company, tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_bytes(b"\xef\xbb\xbf" + text_of([line("bom-1")]).replace("\n", "\r\n").encode())
    assert company.must("sync", str(path), "--json").json["added"] == 1


def test_columns_in_another_order_mean_the_same(company: Company, tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text(text_of([line("turned-1")], COLUMNS[::-1]))
    assert company.must("sync", str(path), "--json").json["added"] == 1


def test_a_name_that_is_a_formula_is_taken_and_exported_as_harmless_text(
    company: Company, tmp_path: Path
) -> None:
    formula = '=HYPERLINK("http://evil.test","Click")'
    path = tmp_path / "list.csv"
    hostile = line("+1+1", organization_name=formula, contact_email="accounts@formula.test")
    path.write_text(text_of([hostile | {"organization_id": "@SUM(A1)"}]))
    assert company.must("sync", str(path), "--json").json["added"] == 1
    pay(company.clients, "Formula", "+1+1", "10.00")
    (row,) = csv.DictReader(io.StringIO(company.must("export", "payments").out))
    assert row["organization_name"] == f"'{formula}"
    assert row["organization_id"] == "'@SUM(A1)"
    assert row["invoice_number"] == "'+1+1"


def test_a_file_above_50_megabytes_is_refused_before_anything_is_sent(
    company: Company, staff: Site, tmp_path: Path
) -> None:
    path = tmp_path / "large.csv"
    head, first, _ = GOOD.split("\n", 2)
    with path.open("w") as out:
        out.write(f"{head}\n")
        for at in range(50 * MEGABYTE // len(first) + 1):
            out.write(first.replace("1001", f"L{at}") + "\n")
    before = known(company)
    result = company.run("sync", str(path))
    assert result.code == REFUSED
    assert "50 MB" in result.err
    status, text = upload(staff, path.read_bytes())
    assert status == 413
    assert "50 MB" in text
    assert known(company) == before


@pytest.mark.timeout(300)
def test_200_000_lines_are_taken_in_and_a_repeat_changes_nothing(company: Company, tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    with path.open("w", newline="") as out:
        writer = csv.DictWriter(out, COLUMNS)
        writer.writeheader()
        for at in range(200_000):
            client = f"B-{at % 2000}"
            writer.writerow(line(f"{at:06}", organization_id=client, organization_name=f"Client {client}"))
    first = company.run("sync", str(path), "--json", timeout=240)
    assert (first.code, first.json["added"], first.json["refused"]) == (0, 200_000, 0)
    again = company.run("sync", str(path), "--json", timeout=240)
    assert (again.code, again.json["unchanged"], again.json["added"]) == (0, 200_000, 0)
