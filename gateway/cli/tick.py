"""`dunlin tick`: decides every mail that a day brings, or the due notices alone."""

from datetime import datetime, time
from zoneinfo import ZoneInfo

import click
from dunlin.scheduler.v1 import notices_pb2, scheduler_pb2

from gateway.cli.company import Company, open_company
from gateway.cli.exits import Broken
from gateway.cli.output import json_option, name_of, print_json, progress_bar, remark, say
from services.shared.iso_dates import day_of

# A tick over hundreds of thousands of invoices may take minutes.
_TIMEOUT_SECONDS = 3600.0
_NOON = time(12)
_OUTCOMES = ("queued", "held", "skipped", "superseded", "unchanged")


@click.command()
@click.option(
    "--as-of", metavar="INSTANT",
    help="Decide for this date or instant, in sandbox mode only. A date means noon in the company's zone.",
)  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Decide and count, but write nothing and send nothing.")
@click.option("--only-due-notices", is_flag=True, help="Leave all other types to their own time.")
@json_option
def tick(as_of: str | None, *, dry_run: bool, only_due_notices: bool, as_json: bool) -> None:
    """Decide now on everything that the day brings: due notices by the rules that are on, and account
    summaries, upcoming payments and expiring cards where their type is on.

    It does so at any time of day, also before the hour in the settings. How many decisions there were is
    printed by type and outcome. Mails go out in the background; `dunlin drain` waits for them.
    """
    company = open_company()
    request = scheduler_pb2.RunTickRequest(dry_run=dry_run, only_due_notices=only_due_notices)
    if as_of is not None:
        request.as_of.FromDatetime(instant_of(as_of, company.calendar.time_zone))
    last = _run(company, request)
    types = {name_of(notices_pb2.NoticeType, one.type, "NOTICE_TYPE_"): one.counts for one in last.types}
    if as_of is not None and not dry_run and company.calendar.automatic:
        remark("The automatic run rests until a tick without --as-of.")
    if as_json:
        told = {"today": last.today, "dry_run": dry_run, "only_due_notices": only_due_notices}
        by_type = {name: _by_outcome(counts) for name, counts in types.items()}
        print_json({**told, "examined": last.examined, **_by_outcome(last.counts), "types": by_type})
        return
    if dry_run:
        say("Dry run: nothing was written, and nothing will be sent.")
    nouns = "invoices" if only_due_notices else "invoices, organizations and cards"
    say(f"As of {last.today}, {last.examined} {nouns} looked at:")
    for name, counts in types.items():
        say(f"{name}: " + ", ".join(f"{count} {outcome}" for outcome, count in _by_outcome(counts).items()))
    if not types:
        say("nothing to decide on")


def _by_outcome(counts: scheduler_pb2.TickCounts) -> dict[str, int]:
    return {outcome: getattr(counts, outcome) for outcome in _OUTCOMES}


def _run(company: Company, request: scheduler_pb2.RunTickRequest) -> scheduler_pb2.TickProgress:
    last = None
    with progress_bar("Deciding") as progress:
        for last in company.scheduler.RunTick(request, timeout=_TIMEOUT_SECONDS):
            progress(last.examined, last.total)
    if last is None or not last.done:
        raise Broken("The tick ended before it was done; the scheduler's log says more. It may be run again.")
    return last


def instant_of(text: str, zone: str) -> datetime:
    """The instant that the text names; one without an offset is a time in the zone.

    Raises `click.BadParameter`.
    """
    try:
        day = day_of(text[: len("2026-01-31")])
        is_date = len(text) == len("2026-01-31")
        at = datetime.combine(day, _NOON, tzinfo=ZoneInfo(zone)) if is_date else datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(
            f"{text!r} is neither a date such as 2026-01-31 nor a date and time such as 2026-01-31T09:00.",
            param_hint="--as-of",
        ) from None
    if not 1900 <= at.year <= 2200:
        raise click.BadParameter("The clock can be set to the years 1900 to 2200.", param_hint="--as-of")
    return at if at.tzinfo is not None else at.replace(tzinfo=ZoneInfo(zone))
