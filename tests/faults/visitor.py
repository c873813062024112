"""Somebody who reads the staff pages while the network is bad."""

from __future__ import annotations

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

PATHS = ("/", "/client-emails/due-notices", "/history", "/payments", "/organizations")
LONGEST_SECONDS = 30.0
EMAIL, PASSWORD = "visitor@company.test", "a password that is long"


class Visitor:
    """Reads page after page; every one has to come, as it is or as a page that says what is away."""

    def __init__(self, fleet: Fleet) -> None:
        self._site = fleet.site
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
        form = self._open("/login")[1]
        token = re.findall(r'name="csrf_token"[^>]* value="([^"]+)"', form)[0]
        status, _ = self._open("/login", {"csrf_token": token, "email": EMAIL, "password": PASSWORD})
        assert status == 200

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
                began = time.monotonic()
                try:
                    status, _ = self._open(path)
                except OSError as error:
                    self.complaints.append(f"{path}: {error} after {time.monotonic() - began:.1f} s")
                    continue
                self.pages[status] = self.pages.get(status, 0) + 1
                if status not in (200, 503):
                    self.complaints.append(f"{path}: {status} after {time.monotonic() - began:.1f} s")

    def _open(self, path: str, fields: dict[str, str] | None = None) -> tuple[int, str]:
        body = urllib.parse.urlencode(fields).encode() if fields else None
        try:
            with self._opener.open(self._site + path, body, timeout=LONGEST_SECONDS) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as answer:
            with answer:
                return answer.code, answer.read().decode()
