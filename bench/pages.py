"""Staff and Pay Now pages of a company with a million invoices, beside the same pages with a thousand.

Both companies run as processes of their own on one PostgreSQL server, which is started for this and counts
the statements. The pages are asked for in turns.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import psycopg
from testcontainers.core.container import DockerContainer

from bench.figures import Figure, at_most, limit
from bench.pages_books import PASSWORD, STAFF, company
from bench.pages_site import Answer, RunningSite, Visitor, running_site
from services.paynow.domain.links import PayLinks
from tests.servers import LABEL, POSTGRES_IMAGE, TEST_RUN, wait_until

if TYPE_CHECKING:
    from bench.run import Scale

SMALL, LARGE = 1_000, 1_000_000
MOST_TIMES = 2.0
MOST_MS = 200.0
MOST_QUERIES = 100
DEEP = 40
"""How many pages "deep" lies behind the first one, where there are so many."""

SERVER = (
    "shared_preload_libraries=pg_stat_statements",
    "pg_stat_statements.track_utility=off",
    "shared_buffers=512MB",
    "max_connections=200",
    "max_wal_size=8GB",
    "random_page_cost=1.1",
    "fsync=off",
    "synchronous_commit=off",
    "full_page_writes=off",
)


@dataclass(frozen=True)
class Page:
    """A page by its name; `ask` gets it, and may prepare beforehand what is not to be measured."""

    name: str
    ask: Callable[[Customer], Answer]


class Billed(NamedTuple):
    """An invoice as a Pay link names it."""

    invoice_id: int
    organization_id: str
    number: str


class Customer:
    """Somebody who looks at one company's pages: a visitor with a session, and what addresses they need."""

    def __init__(self, site: RunningSite, invoices: int) -> None:
        self.visitor = Visitor(site.port)
        self.visitor.sign_in(STAFF, PASSWORD)
        self.stranger = Visitor(site.port)
        self.invoices = invoices
        self._links = PayLinks(site.link_key)
        self._deep: dict[str, str] = {}
        self._payer = 0

    def deep(self, path: str) -> str:
        """A page far behind the first."""
        if path not in self._deep:
            here = path
            for _ in range(DEEP):
                following = self.visitor.get(here).next_page()
                if not following:
                    break
                here = following
            self._deep[path] = here
        return self._deep[path]

    def link(self) -> str:
        """A Pay link for one of the open invoices."""
        return self._links.make(
            Billed(1, f"O-{self._organization(1)}", "INV-1"), self._email(1), datetime.now(UTC)
        )

    def pay_form(self) -> dict[str, str]:
        """The three fields for an invoice, another one each time, and the form's token."""
        self._payer += 1
        number = 1 + (self._payer * 7) % (self.invoices - 1)
        number += number % 10 == 9  # these are paid
        token = self.stranger.get("/pay").token()
        return {
            "csrf_token": token,
            "email": self._email(number),
            "invoice_number": f"INV-{number}",
            "amount": "1.00",
        }

    def quote(self) -> str:
        """The path of a fresh quote."""
        answer = self.stranger.post("/pay", self.pay_form())
        assert answer.status == 303, f"no quote: {answer.status}"
        return answer.location

    def _email(self, number: int) -> str:
        return f"ap{self._organization(number)}@client.example"

    def _organization(self, number: int) -> int:
        return 1 + number % max(1, self.invoices // 20)


def _get(path: str) -> Callable[[Customer], Answer]:
    return lambda who: who.visitor.get(path)


def _deep(path: str) -> Callable[[Customer], Answer]:
    return lambda who: who.visitor.get(who.deep(path))


def _post_pay(who: Customer) -> Answer:
    return who.stranger.post("/pay", who.pay_form())


def _review(who: Customer) -> Answer:
    method = who.quote()
    token = who.stranger.get(method).token()
    path = method.replace("/method/", "/review/")
    return who.stranger.post(path, {"csrf_token": token, "method": "sandbox_approve"})


PAGES = (
    Page("Dashboard", _get("/")),
    Page("Client emails", _get("/client-emails")),
    Page("Due notices", _get("/client-emails/due-notices")),
    Page("Exclusions", _get("/client-emails/due-notices/exclusions")),
    Page("Exclusions, search", _get("/client-emails/due-notices/exclusions?q=acme")),
    Page("Organizations", _get("/organizations")),
    Page("Organizations, deep page", _deep("/organizations")),
    Page("Organizations, search", _get("/organizations?q=acme+dental")),
    Page("Organizations, search without a find", _get("/organizations?q=nobody+here")),
    Page("An organization", _get("/organizations/O-7")),
    Page("An organization, all invoices", _get("/organizations/O-7?invoices=all")),
    Page("An invoice", _get("/invoices/7")),
    Page("Payments", _get("/payments")),
    Page("Payments, deep page", _deep("/payments")),
    Page("Payments, failed ones", _get("/payments?state=5")),
    Page("Payments, of an organization", _get("/payments?organization=O-6")),
    Page("Payments, waiting", _get("/payments?tab=waiting")),
    Page("History", _get("/history")),
    Page("History, deep page", _deep("/history")),
    Page("History, search", _get("/history?q=INV-42")),
    Page("History, search by address", _get("/history?q=ap7@client.example")),
    Page("History, search without a find", _get("/history?q=nobody@here.example")),
    Page("History, failed ones", _get("/history?state=5")),
    Page("A message", _get("/history/n-42")),
    Page("A message's mail", _get("/history/n-42/body")),
    Page("Import", _get("/import")),
    Page("Settings, company", _get("/settings/company")),
    Page("Settings, calendar", _get("/settings/calendar")),
    Page("Dead letters", _get("/dead-letters")),
    Page("Pay Now", lambda who: who.stranger.get("/pay")),
    Page("Pay Now, a Pay link", lambda who: who.stranger.get(f"/pay/{who.link()}")),
    Page("Pay Now, the form sent", _post_pay),
    Page("Pay Now, ways to pay", lambda who: who.stranger.get(who.quote())),
    Page("Pay Now, review", _review),
    # Last, since larger books are counted behind it.
    Page("Due notices, before a run", _get("/client-emails/due-notices/run")),
)


@contextmanager
def own_postgres() -> Iterator[str]:
    """A server that counts statements."""
    container = DockerContainer(POSTGRES_IMAGE).with_exposed_ports(5432)
    container.with_kwargs(shm_size="1g", labels={LABEL: TEST_RUN})
    container.with_env("POSTGRES_PASSWORD", "for-tests-only").with_env("POSTGRES_USER", "dunlin")
    container.with_command(["postgres", *(word for setting in SERVER for word in ("-c", setting))])
    with container:
        host, port = container.get_container_host_ip(), container.get_exposed_port(5432)
        url = f"postgresql://dunlin:for-tests-only@{host}:{port}/dunlin"
        wait_until(lambda: psycopg.connect(url, connect_timeout=2).close(), psycopg.OperationalError)
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("CREATE EXTENSION pg_stat_statements")
        yield url


class Statements:
    """Counts the statements that a server has run, but for those that only ask whether it is there."""

    def __init__(self, server: str) -> None:
        self._connection = psycopg.connect(server, autocommit=True)

    def during(self, act: Callable[[], object]) -> int:
        """How many it ran meanwhile."""
        self._connection.execute("SELECT pg_stat_statements_reset()")
        act()
        query = (
            "SELECT coalesce(sum(calls), 0)::int FROM pg_stat_statements"
            " WHERE query NOT LIKE '%pg_stat_statements%' AND query !~* '^select \\$?1$'"
        )
        found = self._connection.execute(query).fetchone()
        assert found is not None
        return int(found[0])


def p95(samples: Sequence[float]) -> float:
    """The 95th percentile: no more than one in twenty took longer."""
    return sorted(samples)[max(0, math.ceil(len(samples) * 0.95) - 1)]


@dataclass(frozen=True)
class Measured:
    """A page's p95 in milliseconds on both sides, and its statements on the large one."""

    page: str
    small: float
    large: float
    queries: int


def measure(page: Page, small: Customer, large: Customer, statements: Statements, rounds: int) -> Measured:
    """Asks both in turns."""
    for who in (small, large):
        for _ in range(2):
            answer = page.ask(who)
            assert answer.status in (200, 303), f"{page.name} answers {answer.status}"
    taken: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds):
        for who, samples in zip((small, large), taken, strict=True):
            samples.append(page.ask(who).ms)
    return Measured(page.name, p95(taken[0]), p95(taken[1]), statements.during(lambda: page.ask(large)))


def figures(found: Sequence[Measured]) -> list[Figure]:
    """A figure for each page, and the worst of all against the limits."""
    slowest = max(found, key=lambda one: one.large)
    busiest = max(found, key=lambda one: one.queries)
    pages = [
        at_most(
            f"{one.page}: p95 with 1,000,000 invoices",
            "with 1,000",
            "ms",
            ours=one.large,
            peer=one.small,
            goal=MOST_TIMES,
            note=f"{one.queries} statements",
        )
        for one in found
    ]
    worst_time = limit(
        "Slowest page: p95 with 1,000,000 invoices",
        "ms",
        ours=slowest.large,
        most=MOST_MS,
        note=slowest.page,
    )
    worst_count = limit(
        "Most statements for a page",
        "statements",
        ours=busiest.queries,
        most=MOST_QUERIES,
        note=busiest.page,
    )
    return [worst_time, worst_count, *pages]


def run(scale: Scale) -> list[Figure]:
    """Measures every page."""
    large = LARGE // 50 if scale.quick else LARGE
    with own_postgres() as server, tempfile.TemporaryDirectory(prefix="dunlin-pages-") as folder:
        urls = {"small": company(server, "small", SMALL), "large": company(server, "large", large)}
        with (
            running_site(Path(folder) / "small", urls["small"]) as small_site,
            running_site(Path(folder) / "large", urls["large"]) as large_site,
        ):
            small, many = Customer(small_site, SMALL), Customer(large_site, large)
            statements = Statements(server)
            rounds = 8 if scale.quick else 60
            return figures([measure(page, small, many, statements, rounds) for page in PAGES])
