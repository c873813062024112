"""Traces through the running programs, and that nothing of it is there unless it is wanted."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from datetime import date, timedelta

import pytest

from tests.e2e.acts import APPROVE, pay, record, set_calendar, set_rules, sync, wait_until
from tests.e2e.company import REPOSITORY, Company, running_company
from tests.e2e.site import Site
from tests.fakes.collector import Collector, Span


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    collector = Collector()
    yield collector
    collector.stop()


@pytest.fixture(scope="module")
def company(collector: Collector, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    home = tmp_path_factory.mktemp("traces") / "home"
    with running_company(home, DUNLIN_TRACES_URL=collector.url, OTEL_BSP_SCHEDULE_DELAY="100") as company:
        set_calendar(company.clients)
        set_rules(company.clients, 15)
        yield company


def named(collector: Collector, service: str, name: str) -> list[Span]:
    return [one for one in list(collector.spans) if (one.service, one.name) == (service, name)]


def test_one_trace_leads_from_a_page_through_the_scheduler_to_the_books(
    company: Company, collector: Collector
) -> None:
    sync(company.clients, record("Heron", "H-1", date.today() - timedelta(days=20)))
    site = Site.of_staff(company)
    form = site.get("/client-emails/due-notices/run")
    site.post("/client-emails/due-notices/run", {}, form=form)
    page = "POST /client-emails/due-notices/run"
    books = "dunlin.paynow.v1.LedgerService/ListDueInvoices"
    wait_until(lambda: bool(named(collector, "dunlin-gateway", page)), what="the click has come in")
    (click,) = named(collector, "dunlin-gateway", page)

    def own() -> list[Span]:
        return [one for one in list(collector.spans) if one.trace == click.trace]

    # Others ask the books as well, such as who counts ahead what the next run would send.
    wait_until(
        lambda: (
            any((one.service, one.name) == ("dunlin-paynow", books) for one in own())
            and any(one.service == "dunlin-scheduler" for one in own() if one.name.endswith("/RunTick"))
        ),
        what="both ends of this trace have come in, and its middle",
    )
    read = next(one for one in own() if (one.service, one.name) == ("dunlin-paynow", books))
    above = {one.span: one for one in own()}
    chain = [read]
    while chain[-1].parent in above:
        chain.append(above[chain[-1].parent])
    assert chain[-1] == click, "each span hangs below the one that caused it"
    assert {one.request_id for one in chain} == {click.request_id}


def test_a_mail_and_a_charge_are_spans_and_name_their_request(company: Company, collector: Collector) -> None:
    sync(company.clients, record("Ibis", "I-1", date.today() + timedelta(days=9)))
    pay(company.clients, "Ibis", "I-1", "10.00", APPROVE)
    wait_until(lambda: bool(named(collector, "dunlin-paynow", "provider.charge")), what="the charge")
    charge = named(collector, "dunlin-paynow", "provider.charge")[0]
    wait_until(
        lambda: charge.request_id in {one.request_id for one in named(collector, "dunlin-mailer", "mail")},
        what="the receipt, under the request of the payment",
    )
    assert named(collector, "dunlin-mailer", "smtp.send")


def python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=False, timeout=60
    )


def test_nothing_of_it_is_loaded_where_traces_are_not_wanted() -> None:
    code = "import sys, services.shared.process; print([n for n in sys.modules if 'opentelemetry' in n])"
    assert python(code).stdout.strip() == "[]"


def test_traces_without_the_extra_stop_the_start_with_the_cure() -> None:
    code = """
import sys
sys.modules["opentelemetry"] = None
from services.shared.process import main
env = {"DUNLIN_TRACES_URL": "http://127.0.0.1:4318/v1/traces"}
sys.exit(main("mailer", None, None, ["serve"], env))
"""
    result = python(code)
    assert result.returncode == 2
    assert "DUNLIN_TRACES_URL" in result.stderr
    assert "pip install 'dunlin[tracing]'" in result.stderr


@pytest.mark.parametrize(
    ("url", "cure"),
    [
        ("collector:4318", "http://collector:4318/v1/traces"),
        ("http://[::1:4318/", "http://collector:4318/v1/traces"),
        ("https://collector:port/v1/traces", "http://collector:4318/v1/traces"),
        ("https://collector:99999/v1/traces", "http://collector:4318/v1/traces"),
        ("ftp://me:hunter2@collector/", "http://collector:4318/v1/traces"),
        ("http://collector:4318/v1/traces", "DUNLIN_PLAINTEXT"),
        ("HTTP://collector:4318/v1/traces", "DUNLIN_PLAINTEXT"),
    ],
)
def test_an_address_of_no_collector_or_in_plain_text_beyond_this_machine_is_named(
    url: str, cure: str
) -> None:
    code = f"""
import sys
from services.shared.process import main
sys.exit(main("mailer", None, None, ["serve"], {{"DUNLIN_TRACES_URL": "{url}"}}))
"""
    result = python(code)
    assert result.returncode == 2
    assert "DUNLIN_TRACES_URL" in result.stderr
    assert cure in result.stderr
    assert "hunter2" not in result.stderr
