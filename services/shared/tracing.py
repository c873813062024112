"""Traces, for whoever collects them: off, and nothing of it loaded, unless DUNLIN_TRACES_URL is set.

A trace leads through the calls of all programs. Where facts and queues stand in between, another one begins;
each span names the request that it belongs to, as the logs do.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from services.shared.plaintext import Plaintext
from services.shared.settings import SettingWrong

if TYPE_CHECKING:
    from services.shared.tracing_otlp import Tracing

URL = "DUNLIN_TRACES_URL"
HEADER = "traceparent"

_tracing: "Tracing | None" = None


class Span:
    """What is under way."""

    def drop(self) -> None:
        """It was not worth telling."""

    def mark(self, **attributes: str | int) -> None:
        """Adds what is known only now."""


_NONE = Span()


def configure(service: str, env: Mapping[str, str]) -> None:
    """To be called once, at the start. `SettingWrong` if traces are wanted and cannot be sent."""
    global _tracing  # noqa: PLW0603 - a process has one place that its traces go to
    url = env.get(URL, "")
    if not url:
        return
    scheme, host = _way_of(url)
    if scheme == "http":
        Plaintext.read(env).check(host, f"{URL} leads to {host}", "make it https://")
    try:
        from services.shared.tracing_otlp import Tracing
    except ImportError as error:
        raise SettingWrong(
            f"{URL} is set, and {error.name} is not installed: install the extra with"
            " `pip install 'dunlin[tracing]'`, or unset it."
        ) from error
    _tracing = Tracing(service, url)


def _way_of(url: str) -> tuple[str, str]:
    """The scheme and the host. What is wrong is not repeated: a URL may hold a password."""
    try:
        parts = urlsplit(url)
        scheme, host, _port = parts.scheme, parts.hostname, parts.port
    except ValueError:
        scheme, host = "", None
    if scheme not in ("http", "https") or not host:
        raise SettingWrong(f"{URL} must be like http://collector:4318/v1/traces.")
    return scheme, host


def shut_down() -> None:
    """Sends what has not been sent yet; to be called at the end."""
    if _tracing is not None:
        _tracing.shut_down()


@contextmanager
def span(name: str, kind: str = "internal", *, parent: str = "", **attributes: str | int) -> Iterator[Span]:
    """A piece of work, below the one under way here or the caller's, whose `traceparent` is `parent`.

    `kind` is server, client or internal.
    """
    if _tracing is None:
        yield _NONE
        return
    with _tracing.span(name, kind, parent, attributes) as found:
        yield found


def point(name: str, **attributes: str) -> None:
    """Something that has just happened, as a span without length."""
    if _tracing is not None:
        with _tracing.span(name, "internal", "", attributes):
            pass


def metadata() -> list[tuple[str, str]]:
    """What a call carries so that the other side can go on with the trace."""
    return [] if _tracing is None else _tracing.metadata()
