"""The pieces of work that take reports in."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace

import structlog

from services.mailer.ports import Begin
from services.mailer.reports.imap import POLL_SECONDS, ImapMailbox
from services.mailer.reports.lmtp import LmtpListener
from services.mailer.reports.reading import read_report
from services.mailer.reports.settings import Reporting
from services.mailer.use_cases.bounces import Taken, take_report
from services.shared import metrics
from services.shared.clock import Clock
from services.shared.worker import Worker

log = structlog.get_logger()

LOOK_SECONDS = 5.0
"""How often it is seen to that somebody listens."""


def report_workers(reporting: Reporting, *, begin: Begin, clock: Clock, ends: ExitStack) -> Iterator[Worker]:
    """A worker for each way in; none if nobody takes reports in."""
    paths = reporting.paths
    if paths is None:
        return

    def take(mail: bytes, addresses: tuple[str, ...] = ()) -> Taken:
        report = read_report(mail)
        # Whom the mail server has taken it for is more certain than what the mail says of itself.
        report = replace(report, names=(*addresses, *report.names))
        taken = take_report(report, paths, begin=begin, clock=clock)
        metrics.REPORTS.labels(taken.value).inc()
        log.info("report", outcome=taken.value)
        return taken

    if reporting.lmtp is not None:
        listener = LmtpListener(*reporting.lmtp, takes=paths.takes, take=take)
        ends.callback(listener.close)
        yield Worker("bounces-lmtp", listener.keep_open, idle_seconds=LOOK_SECONDS)
    if reporting.imap is not None:
        mailbox = ImapMailbox(reporting.imap, take)
        yield Worker("bounces-imap", mailbox.fetch_some, idle_seconds=POLL_SECONDS)
