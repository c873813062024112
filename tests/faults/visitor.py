"""Somebody who reads the staff pages while the network is bad, or while programs die."""

from __future__ import annotations

import http.client
import http.cookiejar
import re
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

from gateway.identity.repository import add_staff
from services.shared.database import Database
from tests.faults.fleet import Fleet

PATHS = ("/", "/client-emails/due-notices", "/history", "/payments", "/organizations", "/healthz")
LONGEST_SECONDS = 30.0
EMAIL, PASSWORD = "visitor@company.test", "a password that is long"


class Visitor:
    """Reads page after page; every one has to come, as it is or as a page that says what is away.

    Where the gateway itself is killed (`gateway_dies`) a page may be cut off; there the visitor also ends the
    other sessions of the account in each round, which the gateway has to write down.
    """

    def __init__(self, fleet: Fleet, *, gateway_dies: bool = False) -> None:
        self._site = fleet.site
        self._gateway_dies = gateway_dies
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._read_on, name="visitor", daemon=True)
        cookies = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        self._opener = urllib.request.build_opener(cookies)
        self.complaints: list[str] = []
        self.pages: dict[int, int] = {}
        """How many pages came, by status."""
        database = Database(fleet.url("identity"))
        add_staff(database, EMAIL, PASSWORD)
        database.dispose()
        self._act("/login", self._read("/login"), email=EMAIL, password=PASSWORD)
        assert self.pages == {200: 2}, self.complaints

    def begin(self) -> None:
        """Starts to read."""
        self._thread.start()

    def end(self) -> None:
        """Stops reading, after the page under way."""
        self._over.set()
        self._thread.join(2 * LONGEST_SECONDS)

    def _read_on(self) -> None:
        while not self._over.wait(0.05):
            for path in PATHS:
                self._read(path)
            if self._gateway_dies:
                self._sign_out_elsewhere()

    def _sign_out_elsewhere(self) -> None:
        """Or signs in again, where the gateway died before it could say who is still signed in."""
        page = self._read("/settings/account")
        if 'name="email"' in page:
            self._act("/login", page, email=EMAIL, password=PASSWORD)
        else:
            self._act("/settings/account/sign-out-everywhere", page)

    def _act(self, path: str, page: str, **fields: str) -> None:
        """Sends a form of the page, if it has come."""
        for token in re.findall(r'name="csrf_token"[^>]* value="([^"]+)"', page)[:1]:
            self._read(path, {"csrf_token": token, **fields})

    def _read(self, path: str, fields: dict[str, str] | None = None) -> str:
        """The page; empty if none came."""
        began = time.monotonic()
        try:
            status, page = self._open(path, fields)
        except (OSError, http.client.HTTPException) as error:
            if not self._gateway_dies:
                self.complaints.append(f"{path}: {error!r} after {time.monotonic() - began:.1f} s")
            return ""
        self.pages[status] = self.pages.get(status, 0) + 1
        if status not in (200, 503):
            self.complaints.append(f"{path}: {status} after {time.monotonic() - began:.1f} s")
        return page

    def _open(self, path: str, fields: dict[str, str] | None = None) -> tuple[int, str]:
        body = urllib.parse.urlencode(fields).encode() if fields else None
        try:
            with self._opener.open(self._site + path, body, timeout=LONGEST_SECONDS) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as answer:
            with answer:
                return answer.code, answer.read().decode()
