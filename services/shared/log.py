"""Structured logs: one JSON object a line on standard error, each with the request that it belongs to."""

import contextlib
import logging
import re
import sys
import uuid
from collections.abc import MutableMapping
from contextvars import ContextVar
from typing import Any, TextIO, cast

import structlog

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")

request_id: ContextVar[str] = ContextVar("request_id", default="")
"""The request being worked on: made by the gateway, carried as metadata by every call."""


_REQUEST = re.compile(r"[A-Za-z0-9._-]{1,64}")


def known_request(text: str) -> str:
    """The request id that somebody has sent, if it is one that logs and tables can take; else empty."""
    return text if _REQUEST.fullmatch(text) else ""


class Unfailing:
    """A stream for logs: a line that cannot be written is lost, and whoever logs goes on.

    A full disk must not turn the report of a failure into a second failure.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Writes, if it can."""
        with contextlib.suppress(OSError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        """Flushes, if it can."""
        with contextlib.suppress(OSError):
            self._stream.flush()


def new_request_id() -> str:
    """A request id for work that nobody outside asked for."""
    return uuid.uuid4().hex[:16]


def configure(service: str, level: str = "INFO") -> None:
    """Sets up logging for a whole process; to be called once, before anything logs."""

    def add_context(_logger: Any, _method: str, entry: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        entry["service"] = service
        if current := request_id.get():
            entry.setdefault("request_id", current)
        return entry

    processors: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        add_context,
        structlog.processors.format_exc_info,
    ]
    stream = cast(TextIO, Unfailing(sys.stderr))
    threshold = logging.getLevelNamesMapping().get(level.upper(), logging.INFO)
    structlog.configure(
        processors=[*processors, structlog.processors.JSONRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.PrintLoggerFactory(stream),
        cache_logger_on_first_use=True,
    )
    # Libraries log through the standard module; they come out in the same form.
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processor=structlog.processors.JSONRenderer(), foreign_pre_chain=processors
        )
    )
    logging.basicConfig(handlers=[handler], level=max(threshold, logging.WARNING), force=True)
