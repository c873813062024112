"""Somebody with a browser, without the browser: pages as trees, forms filled in as they were sent."""

from collections.abc import Mapping
from pathlib import Path
from tempfile import mkdtemp
from typing import Any
from uuid import uuid4

import lxml.html
from flask import Flask
from jinja2 import FileSystemBytecodeCache
from werkzeug.test import TestResponse

from gateway import identity
from gateway.app import create_app
from gateway.settings import Settings
from gateway.site.security import limiter
from services.shared.database import Database
from tests.fakes.gateway_clients import FakeServices

PORTAL_KEY = "a portal key for tests"

# Each site would compile the templates anew, which takes longer than all else.
_compiled_templates = FileSystemBytecodeCache(mkdtemp(prefix="dunlin-templates-"))


class Page:
    """An answer, and what can be read off it."""

    def __init__(self, response: TestResponse, path: str) -> None:
        self.status = response.status_code
        self.headers = response.headers
        self.path = path
        self.data = response.get_data()
        self.html = self.data.decode("utf-8", "replace")
        response.close()

    @property
    def tree(self) -> Any:
        return lxml.html.fromstring(self.html)

    @property
    def text(self) -> str:
        """What is to be read, with single spaces."""
        return " ".join(self.tree.text_content().split())

    def one(self, selector: str) -> Any:
        """The only element that the XPath finds."""
        found = self.tree.xpath(selector)
        assert len(found) == 1, f"{len(found)} elements for {selector} on {self.path}"
        return found[0]

    def form(self, action: str = "") -> Any:
        """The only form whose action contains the text."""
        found = [form for form in self.tree.forms if action in (form.action or "")]
        assert len(found) == 1, f"{len(found)} forms for {action!r} on {self.path}"
        return found[0]


class Visitor:
    """One browser with its cookies. Follows redirects as browsers do."""

    def __init__(
        self, app: Flask, *, address: str = "203.0.113.7", scheme: str = "http", speaks: str = ""
    ) -> None:
        """`speaks` is what its browser says in Accept-Language."""
        self._client = app.test_client()
        self._environ = {"REMOTE_ADDR": address} | ({"HTTP_ACCEPT_LANGUAGE": speaks} if speaks else {})
        self._origin = f"{scheme}://localhost"

    def get(self, path: str, *, follow: bool = True) -> Page:
        return self._page(
            self._client.get(path, base_url=self._origin, environ_base=self._environ, follow_redirects=follow)
        )

    def head(self, path: str) -> Page:
        return self._page(self._client.head(path, base_url=self._origin, environ_base=self._environ))

    def post(self, path: str, values: Mapping[str, Any], *, follow: bool = True) -> Page:
        return self._page(
            self._client.post(
                path,
                data=dict(values),
                base_url=self._origin,
                environ_base=self._environ,
                follow_redirects=follow,
            )
        )

    def ask(self, path: str, values: Mapping[str, Any]) -> Any:
        """What a script of a page gets when it posts a form."""
        answer = self._client.post(
            path,
            data=dict(values),
            base_url=self._origin,
            environ_base=self._environ,
            headers={"Accept": "application/json"},
        )
        return answer.get_json()

    def send(
        self, form: Any, *, follow: bool = True, button: tuple[str, str] | None = None, **values: Any
    ) -> Page:
        """Sends a form of a page with some of its fields filled in."""
        for name, value in values.items():
            form.fields[name] = value
        fields: dict[str, Any] = {}
        for name, value in [*form.form_values(), *([button] if button else [])]:
            fields.setdefault(name, []).append(value)
        if form.method == "GET":
            raise AssertionError("send is for forms that post")
        return self.post(form.action, fields, follow=follow)

    def cookie(self, name: str = "dunlin_session", path: str = "/") -> str:
        """The session's cookie, as it could be copied."""
        found = self._client.get_cookie(name, path=path)
        assert found is not None
        return found.value

    def take_cookie(self, value: str, name: str = "dunlin_session", path: str = "/") -> None:
        """Takes over a session whose cookie was copied elsewhere."""
        self._client.set_cookie(name, value, path=path)

    def _page(self, response: TestResponse) -> Page:
        return Page(response, response.request.path)

    def sign_in(self, staff_id: int = 1, epoch: int = 0) -> "Visitor":
        """Becomes the staff member, without the password."""
        with self._client.session_transaction() as session:
            session["_user_id"] = f"{staff_id}.{epoch}.{uuid4().hex}"
            session["_fresh"] = True
        return self


def an_identity(folder: Path) -> Database:
    """A database with one staff member, whose id is 1. Making one takes a moment, so tests share it."""
    url = f"sqlite:///{folder / 'identity.sqlite'}"
    identity.migrate(url)
    database = Database(url)
    identity.add_staff(database, "staff@harbor.example", "correct horse battery staple", "Robin Staff")
    return database


def a_site(services: FakeServices, database: Database, *, public_url: str = "http://localhost") -> Flask:
    """The whole site over services in memory, with fresh rate limits."""
    settings = Settings(
        listen="127.0.0.1:0",
        public_url=public_url,
        identity_database_url="",
        session_key="a session key for tests",
        portal_key=PORTAL_KEY,
        service_token="",
        scheduler_address="",
        mailer_address="",
        paynow_address="",
        smtp_host="",
        smtp_port=25,
    )
    app = create_app(settings, services.clients(), database)
    app.jinja_env.bytecode_cache = _compiled_templates
    limiter.reset()
    return app
