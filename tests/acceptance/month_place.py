"""Places to live a month in: a company on SQLite, and the same programs on PostgreSQL."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from email.message import EmailMessage
from pathlib import Path
from typing import TYPE_CHECKING

import grpc
from dunlin.operations.v1 import operations_pb2

from embedded.child import leashed
from embedded.programs import Site, programs, python
from gateway.clients import over
from services.shared.grpc_channel import open_channel
from tests.e2e.acts import drain, wait_until
from tests.e2e.company import REPOSITORY, Company, prepared_company, running_company
from tests.servers import PostgresServer

if TYPE_CHECKING:
    from dunlin.operations.v1.operations_pb2_grpc import OperationsServiceStub

    from gateway.clients import Clients

SERVICES = ("paynow", "mailer", "scheduler")
DATABASES = (*SERVICES, "sandbox", "identity")


class Place:
    """Where the programs run."""

    def __init__(self, company: Company) -> None:
        self._company = company

    @property
    def clients(self) -> Clients:
        """Stubs for all services."""
        return self._company.clients

    def drain(self) -> None:
        """Waits until no work is left in any program."""
        drain(self.clients)

    def mails(self) -> list[EmailMessage]:
        """Every mail that went out."""
        return self._company.mails()


@contextmanager
def on_sqlite(folder: Path) -> Iterator[Place]:
    """As `dunlin up` runs it."""
    with running_company(folder / "home") as company:
        yield Place(company)


@contextmanager
def on_postgresql(folder: Path, server: PostgresServer) -> Iterator[Place]:
    """The same programs with a database of PostgreSQL each; the home holds their secrets and the mails."""
    urls = {name: server.empty() for name in DATABASES}
    company = prepared_company(folder / "home")
    company.home.prepare()
    databases = {f"DUNLIN_{name.upper()}_DATABASE_URL": url for name, url in urls.items()}
    wanted = {"mail-sink", *SERVICES}
    all_programs = programs(company.home, Site.read(company.env), company.env)
    with ExitStack() as running:
        for program in (one for one in all_programs if one.name in wanted):
            env = {**program.env, **{name: url for name, url in databases.items() if name in program.env}}
            if program.migration:
                subprocess.run(python(program.migration), env=env, cwd=REPOSITORY, check=True)
            log = running.enter_context((folder / f"{program.name}.log").open("wb"))
            command = leashed(program.arguments)
            process = subprocess.Popen(command, env=env, cwd=REPOSITORY, stdout=log, stderr=log)
            running.callback(process.wait, 20)
            running.callback(process.terminate)
        token = company.home.secret("service-token").read_text(encoding="utf-8").strip()
        channels = {
            one.name: open_channel(one.address, token) for one in all_programs if one.name in SERVICES
        }
        for channel in channels.values():
            running.callback(channel.close)
        place = PlaceOfPrograms(company, over(channels))
        wait_until(
            lambda: all(map(_answers, place.clients.operations.values())), what="they answer", seconds=60
        )
        yield place
    for url in urls.values():
        server.drop(url)


class PlaceOfPrograms(Place):
    """Programs that no supervisor has started."""

    def __init__(self, company: Company, clients: Clients) -> None:
        super().__init__(company)
        self._clients = clients

    @property
    def clients(self) -> Clients:
        """Stubs for all services."""
        return self._clients


def _answers(stub: OperationsServiceStub) -> bool:
    try:
        stub.GetBacklog(operations_pb2.GetBacklogRequest())
    except grpc.RpcError:
        return False
    return True
