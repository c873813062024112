"""The links of a mail, read from its HTML."""

from html.parser import HTMLParser
from typing import NamedTuple
from urllib.parse import urlsplit


class MailLink(NamedTuple):
    """One link and the words that it is under."""

    text: str
    url: str


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.links: list[MailLink] = []
        self._url = ""
        self._words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self._end()
            self._url = (dict(attrs).get("href") or "").strip()

    def handle_data(self, data: str) -> None:
        if self._url:
            self._words.append(data)

    def handle_endtag(self, tag: str) -> None:
        if tag == "a":
            self._end()

    def close(self) -> None:
        super().close()
        self._end()

    def _end(self) -> None:
        if _is_followable(self._url):
            text = " ".join("".join(self._words).split())
            self.links.append(MailLink(text or self._url, self._url))
        self._url, self._words = "", []


def _is_followable(url: str) -> bool:
    try:
        return urlsplit(url).scheme in ("http", "https", "mailto")
    except ValueError:
        return False


def links_of(html: str) -> list[MailLink]:
    """The links in their order, each once. Only http, https and mailto: a mail could carry anything."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return list(dict.fromkeys(reader.links))
