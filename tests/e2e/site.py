"""The site as a program without scripts sees it: forms, cookies, redirects."""

from __future__ import annotations

import html
import http.cookiejar
import re
import urllib.error
import urllib.parse
import urllib.request
import uuid
from dataclasses import dataclass
from typing import Self

import lxml.html

from tests.e2e.company import Company


@dataclass(frozen=True)
class Page:
    """What came back in the end."""

    status: int
    address: str
    source: str

    @property
    def text(self) -> str:
        """What a reader sees, in one line."""
        shown = re.sub(r"<(script|style)\b.*?</\1>", " ", self.source, flags=re.DOTALL)
        return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", shown)).split())

    @property
    def form_token(self) -> str:
        (first, *_) = re.findall(r'name="csrf_token"[^>]* value="([^"]+)"', self.source)
        return html.unescape(first)


class Site:
    """One browser: keeps cookies, follows redirects, and puts the token of the last form into each post."""

    def __init__(self, address: str) -> None:
        self._address = address
        cookies = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        self._opener = urllib.request.build_opener(cookies)

    @classmethod
    def of_staff(cls, company: Company) -> Self:
        """A browser that has signed in."""
        return cls.signed_in(company.address, company.login)

    @classmethod
    def signed_in(cls, address: str, login: tuple[str, str]) -> Self:
        """The same for a site and an account that are known by other ways."""
        site = cls(address)
        email, password = login
        form = site.get("/login")
        page = site.post("/login", {"email": email, "password": password}, form=form)
        assert page.status == 200, page.text
        assert "Sign out" in page.text
        return site

    def get(self, path: str) -> Page:
        return self._open(path)

    def post(self, path: str, fields: dict[str, str], *, form: Page) -> Page:
        body = urllib.parse.urlencode({"csrf_token": form.form_token, **fields}).encode()
        return self._open(path, body)

    def send(self, page: Page, action: str, **values: str) -> Page:
        """Sends the only form of the page whose action contains the text, with some fields filled in."""
        tree = lxml.html.fromstring(page.source)
        (form,) = [form for form in tree.forms if action in (form.action or "")]
        for name, value in values.items():
            form.fields[name] = value
        return self._open(form.action, urllib.parse.urlencode(form.form_values()).encode())

    def upload(self, path: str, fields: dict[str, str], name: str, content: bytes, *, form: Page) -> Page:
        """Posts a form with one file, as a browser does."""
        line = f"--{uuid.uuid4().hex}"
        parts = b"".join(
            f'{line}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'.encode()
            for key, value in {"csrf_token": form.form_token, **fields}.items()
        )
        head = f'{line}\r\nContent-Disposition: form-data; name="{name}"; filename="list.csv"\r\n'
        body = b"".join(
            (parts, head.encode(), b"Content-Type: text/csv\r\n\r\n", content, f"\r\n{line}--\r\n".encode())
        )
        headers = {"Content-Type": f"multipart/form-data; boundary={line[2:]}"}
        return self._open(path, body, headers)

    def _open(self, path: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> Page:
        url = path if path.startswith("http://") else self._address + path
        request = urllib.request.Request(url, body, headers or {})  # noqa: S310 - always http
        try:
            with self._opener.open(request, timeout=60) as answer:
                return Page(answer.status, answer.url, answer.read().decode())
        except urllib.error.HTTPError as answer:
            with answer:
                return Page(answer.code, answer.url, answer.read().decode())
