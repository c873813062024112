"""A company that has worked on SQLite moves to PostgreSQL and works on there, with the same answers."""

import subprocess
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import date, timedelta
from pathlib import Path

import pytest

from embedded.child import leashed
from embedded.ports import free_ports
from tests.e2e.acts import drain, pay, record, set_calendar, set_rules, sync, tick, wait_until
from tests.e2e.company import REPOSITORY, Company, running_company
from tests.servers import PostgresServer

pytestmark = [pytest.mark.postgresql, pytest.mark.timeout(600)]

DATABASES = ("scheduler", "mailer", "paynow", "sandbox", "identity")
SERVICES = ("paynow", "mailer", "scheduler")
TODAY = date.today()
QUESTIONS = (
    ("notices", "--json"),
    ("why", "N-1", "--json"),
    ("why", "N-4", "--json"),
    ("rules", "list", "--json"),
    ("exclusions", "list", "--json"),
    ("export", "payments"),
    ("tick", "--dry-run", "--as-of", (TODAY + timedelta(days=15)).isoformat(), "--json"),
)


def test_after_the_move_every_question_has_the_same_answer_and_the_work_goes_on(
    postgres: PostgresServer, tmp_path: Path
) -> None:
    urls = {name: postgres.empty() for name in DATABASES}
    with running_company(tmp_path / "home") as company:
        work(company)
        before = [company.must(*words).out for words in QUESTIONS]
    named = {f"DUNLIN_{name.upper()}_DATABASE_URL": url for name, url in urls.items()}
    company.env |= named
    said = company.must("migrate", "--from-sqlite", str(company.home.root)).out
    assert "both sides hold the same" in said
    assert company.run("up").code == 3, "the home no longer starts"

    with services_on(company, named, tmp_path):
        assert [company.must(*words).out for words in QUESTIONS] == before
        again = company.must("tick", "--as-of", TODAY.isoformat(), "--json").json
        assert again["queued"] == 0, "what the ledger knows goes out no second time"
        later = (TODAY + timedelta(days=15)).isoformat()
        assert company.must("tick", "--as-of", later, "--json").json["queued"] > 0
    for url in urls.values():
        postgres.drop(url)


def work(company: Company) -> None:
    """Notices sent, superseded and skipped; payments that succeeded, failed and are pending."""
    clients = company.clients
    set_calendar(clients)
    set_rules(clients, 15, 30)
    names = ["O0", "O1", "Caf\N{LATIN SMALL LETTER E WITH ACUTE}", "O3", "O4", "O5"]
    lines = [record(name, f"N-{n}", TODAY - timedelta(days=10 * n)) for n, name in enumerate(names)]
    assert sync(clients, *lines).added == 6
    company.must("exclusions", "add", "due_notice", "O5")
    tick(clients, TODAY)
    for number, method in ((1, "sandbox_approve"), (3, "sandbox_decline"), (4, "sandbox_ach_returns")):
        pay(clients, f"O{number}", f"N-{number}", "10.00", method)
    drain(clients)


@contextmanager
def services_on(company: Company, databases: Mapping[str, str], folder: Path) -> Iterator[None]:
    """The three services on these databases, with the secrets of the home; commands find them."""
    ports = free_ports(SERVICES)
    company.env |= {
        **{f"DUNLIN_{name.upper()}_ADDRESS": f"127.0.0.1:{ports[name]}" for name in SERVICES},
        **{f"DUNLIN_{name.upper()}_LISTEN": f"127.0.0.1:{ports[name]}" for name in SERVICES},
        "DUNLIN_SERVICE_TOKEN_FILE": str(company.home.secret("service-token")),
        "DUNLIN_LINK_KEY_FILE": str(company.home.secret("link-key")),
        "DUNLIN_PUBLIC_URL": company.address,
        "DUNLIN_SMTP_HOST": "127.0.0.1",
        "DUNLIN_SMTP_PORT": "9",
        **databases,
    }
    with ExitStack() as running:
        for name in SERVICES:
            log = running.enter_context((folder / f"{name}.log").open("wb"))
            command = leashed(("-m", f"services.{name}", "serve"))
            process = subprocess.Popen(command, env=company.env, cwd=REPOSITORY, stdout=log, stderr=log)
            running.callback(process.wait, 20)
            running.callback(process.terminate)
        wait_until(lambda: company.run("status").code == 0, what="the services answer", seconds=120)
        yield
