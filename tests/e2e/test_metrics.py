"""What the running programs tell about themselves is what docs/metrics.md says, and true."""

from __future__ import annotations

import json
import re
import socket
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from datetime import date, timedelta
from pathlib import Path

import pytest

from services.shared.queue_metrics import QUEUES
from tests.e2e.acts import (
    APPROVE,
    DECLINE,
    drain,
    pay,
    record,
    set_calendar,
    set_rules,
    sync,
    tick,
    wait_until,
)
from tests.e2e.company import Company, running_company
from tests.e2e.site import Site

DOCUMENT = Path(__file__).parents[2] / "docs" / "metrics.md"
TODAY = date(2025, 6, 16)
DUE = TODAY - timedelta(days=20)
PROGRAMS = ("paynow", "mailer", "scheduler", "gateway")


def four_ports_in_a_row() -> int:
    """The first of them."""
    for first in range(39_000, 60_000, 10):
        with ExitStack() as taken:
            try:
                for port in range(first, first + 4):
                    taken.enter_context(socket.socket()).bind(("127.0.0.1", port))
            except OSError:
                continue
            return first
    raise AssertionError("no four ports in a row are free")


class Told:
    """What one program told at one scrape."""

    def __init__(self, text: str) -> None:
        self.names = set(re.findall(r"^# TYPE (dunlin_\w+) ", text, re.MULTILINE))
        found = re.findall(r"^(dunlin_\w+(?:\{.*\})?) (\S+)$", text, re.MULTILINE)
        self.values = {name: float(value) for name, value in found}

    def value(self, name: str) -> float:
        """0 for a label that was not seen yet."""
        return self.values.get(name, 0.0)


class Watcher:
    """Asks all programs."""

    def __init__(self, first: int) -> None:
        self._ports = {name: first + number for number, name in enumerate(PROGRAMS)}

    def page(self, program: str, page: str) -> str:
        url = f"http://127.0.0.1:{self._ports[program]}/{page}"
        with urllib.request.urlopen(url, timeout=10) as answer:
            return str(answer.read().decode())

    def all(self) -> Mapping[str, Told]:
        return {program: Told(self.page(program, "metrics")) for program in PROGRAMS}


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Company, Watcher]]:
    home, first = tmp_path_factory.mktemp("metrics") / "home", four_ports_in_a_row()
    with running_company(home, DUNLIN_METRICS_LISTEN=f"127.0.0.1:{first}") as company:
        set_calendar(company.clients)
        set_rules(company.clients, 15)
        yield company, Watcher(first)


def test_every_name_is_documented_and_every_documented_name_is_told(
    watched: tuple[Company, Watcher],
) -> None:
    told = set().union(*(told.names for told in watched[1].all().values()))
    # A histogram's and a counter's samples have endings of their own; client libraries add times of birth.
    told = {name for name in told if not name.endswith("_created")}
    tables = "\n".join(line for line in DOCUMENT.read_text().splitlines() if line.startswith("| `dunlin"))
    assert told == set(re.findall(r"`(dunlin_\w+)`", tables))


def test_every_gauge_is_told_by_one_program_at_least(watched: tuple[Company, Watcher]) -> None:
    told = set().union(*(told.names for told in watched[1].all().values()))
    assert set(QUEUES) <= told


def test_what_happens_is_counted(watched: tuple[Company, Watcher]) -> None:
    company, watcher = watched
    clients = company.clients
    before = watcher.all()
    sync(clients, record("Kite", "K-1", DUE), record("Wren", "W-1", DUE))
    tick(clients, TODAY)
    pay(clients, "Kite", "K-1", "50.00", APPROVE)
    pay(clients, "Kite", "K-1", "60.00", DECLINE)
    drain(clients)
    Site(company.address).get("/pay?x=secret")
    after = watcher.all()

    def more(program: str, name: str) -> float:
        return after[program].value(name) - before[program].value(name)

    assert more("mailer", 'dunlin_mails_total{outcome="sent"}') == 4, "two notices, a receipt, a refusal"
    assert more("paynow", 'dunlin_charges_total{outcome="approved"}') == 1
    assert more("paynow", 'dunlin_charges_total{outcome="declined"}') == 1
    assert more("mailer", "dunlin_facts_published_total") == 4
    assert more("paynow", "dunlin_facts_published_total") == 3, "two payments, and the new invoices"
    assert more("scheduler", "dunlin_facts_taken_in_total") == 7
    assert more("scheduler", 'dunlin_worker_rounds_total{worker="dispatch"}') > 0
    charged = 'dunlin_rpc_seconds_count{code="OK",method="paynow.v1.PayNowService/ConfirmPayment"}'
    assert more("paynow", charged) == 2
    paged = 'dunlin_http_seconds_count{method="GET",route="/pay",status="200"}'
    assert more("gateway", paged) == 1
    for program in ("paynow", "mailer", "scheduler"):
        assert after[program].value("dunlin_queues_known") == 1


def test_no_label_takes_a_value_from_outside(watched: tuple[Company, Watcher]) -> None:
    company, watcher = watched
    for path in ("/pay/secret-token", "/nothing/secret", "/.secret?secret"):
        Site(company.address).get(path)
    assert not [name for told in watcher.all().values() for name in told.values if "secret" in name]


def test_all_are_alive_and_ready(watched: tuple[Company, Watcher]) -> None:
    def ready() -> bool:
        return all(json.loads(watched[1].page(program, "readyz"))["status"] == "ok" for program in PROGRAMS)

    wait_until(ready, what="all are ready")
    for program in PROGRAMS:
        assert json.loads(watched[1].page(program, "livez")) == {"status": "ok"}
