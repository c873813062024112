"""The site over services in memory, for a browser: what pages do needs no running programs."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import expect
from waitress import create_server, wasyncore

from services.shared.database import Database
from tests.browser.visitors import Visitor
from tests.fakes.gateway_clients import FakeServices, a_story
from tests.fakes.gateway_visitor import a_site, an_identity

STAFF, PASSWORD = "staff@harbor.example", "correct horse battery staple"


@dataclass
class FakeSite:
    """Where it is, and what it stands on."""

    address: str
    services: FakeServices
    database: Database


@contextmanager
def fake_site(folder: Path) -> Iterator[FakeSite]:
    """Serves the story of the gateway's tests on a free port, with one staff member."""
    services, database = a_story(), an_identity(folder)
    sockets: dict[int, object] = {}
    server = create_server(a_site(services, database), map=sockets, listen="127.0.0.1:0", threads=4)
    worker = threading.Thread(target=server.run, daemon=True)
    worker.start()
    try:
        yield FakeSite(f"http://127.0.0.1:{server.effective_port}", services, database)
    finally:
        # First whoever answers, then the sockets, these by the thread that waits for them: closed by another
        # one they are missed there, and those that browsers keep open are waited for.
        server.task_dispatcher.shutdown()
        server.trigger.pull_trigger(lambda: wasyncore.close_all(sockets))
        worker.join(10)
        assert not worker.is_alive()
        database.dispose()


def sign_in(visitor: Visitor) -> None:
    """Signs the staff member in."""
    visitor.visit("/login")
    visitor.page.get_by_label("Email").fill(STAFF)
    visitor.page.get_by_label("Password").fill(PASSWORD)
    visitor.page.get_by_role("button", name="Sign in").click()
    expect(visitor.page.get_by_role("heading", level=1)).to_have_text("Dashboard")
