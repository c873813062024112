"""The site over services in memory, somebody signed in, and somebody who is not."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from services.shared.database import Database
from tests.fakes.gateway_clients import FakeServices, a_story
from tests.fakes.gateway_visitor import Visitor, a_site, an_identity


@pytest.fixture
def services() -> FakeServices:
    return a_story()


@pytest.fixture(scope="session")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """One staff member, shared because hashing takes a moment; for tests that change no account."""
    database = an_identity(tmp_path_factory.mktemp("identity"))
    yield database
    database.dispose()


@pytest.fixture
def own_database(tmp_path: Path) -> Iterator[Database]:
    """The same for one test alone."""
    database = an_identity(tmp_path)
    yield database
    database.dispose()


@pytest.fixture
def site(services: FakeServices, database: Database) -> Flask:
    return a_site(services, database)


@pytest.fixture
def stranger(site: Flask) -> Visitor:
    return Visitor(site)


@pytest.fixture
def staff(site: Flask) -> Visitor:
    return Visitor(site).sign_in()
