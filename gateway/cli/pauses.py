"""`dunlin pauses`: until when no reminders go to an organization, or about an invoice."""

from uuid import uuid4

import click
from dunlin.scheduler.v1 import pauses_pb2 as pb

from gateway.cli.company import open_company
from gateway.cli.exits import Exit
from gateway.cli.output import json_option, name_of, print_json, print_table, remark, say, utc

_REASONS = {
    "dispute": pb.PAUSE_REASON_DISPUTE,
    "promise": pb.PAUSE_REASON_PROMISE_TO_PAY,
    "plan": pb.PAUSE_REASON_PAYMENT_PLAN,
    "other": pb.PAUSE_REASON_OTHER,
}
_VIEWS = {
    "all": pb.PAUSE_VIEW_UNSPECIFIED,
    "in-force": pb.PAUSE_VIEW_IN_FORCE,
    "broken": pb.PAUSE_VIEW_BROKEN_PROMISES,
}


@click.group()
def pauses() -> None:
    """Pause reminders to an organization or about an invoice, end it, and list pauses.

    While it lasts no due notice goes, no account summary to the organization, no notification of the invoice.
    Receipts and all other mails go. After it at most the latest rule that an invoice has reached goes out; an
    account summary or a notification whose day fell into the pause does not.
    """


@pauses.command("list")
@click.option(
    "--organization", "organization_id", default="", metavar="ID", help="Only of this organization."
)
@click.option("--show", type=click.Choice(list(_VIEWS)), default="in-force", show_default=True,
              help="Those that hold, promises to pay that were broken, or all.")  # fmt: skip
@json_option
def list_pauses(organization_id: str, show: str, *, as_json: bool) -> None:
    """List pauses, the newest first."""
    stub = open_company().pauses
    request = pb.ListPausesRequest(organization_id=organization_id, view=_VIEWS[show], page_size=200)
    rows = []
    while True:
        page = stub.ListPauses(request)
        for pause in page.pauses:
            if as_json:
                print_json(_as_json(pause))
            rows.append(
                (pause.pause_id, pause.organization_id, pause.invoice_number, _reason(pause),
                 pause.resumes_on, _state(pause), pause.added_by)
            )  # fmt: skip
        if not page.next_page_token:
            break
        request.page_token = page.next_page_token
    columns = ("Pause", "Organization", "Invoice", "Reason", "Reminders again on", "State", "By")
    if not rows:
        remark("There is no such pause.")
    elif not as_json:
        print_table(columns, rows)


@pauses.command()
@click.option(
    "--organization", "organization_id", metavar="ID", help="Pause due notices and account summaries to it."
)
@click.option(
    "--invoice",
    "invoice_id",
    type=click.IntRange(1),
    metavar="ID",
    help="Pause due notices and the invoice notification of one invoice.",
)
@click.option("--reason", type=click.Choice(list(_REASONS)), required=True, help="Why.")
@click.option("--until", "resumes_on", required=True, metavar="YYYY-MM-DD",
              help="The first date on which reminders go again; of a promise, the day after it.")  # fmt: skip
@click.option("--note", default="", help="For staff.")
@click.option("--replaces", default="", metavar="PAUSE", help="The pause whose place it takes.")
@click.option("--id", "pause_id", default="", metavar="ID", help="Makes a repeat harmless.")
@json_option
def add(
    *, organization_id: str | None, invoice_id: int | None, reason: str, resumes_on: str, note: str,
    replaces: str, pause_id: str, as_json: bool,
) -> None:  # fmt: skip
    """Pause reminders, from this moment on and also those that are queued.

    Ends with exit code 1 if a repeat, by its --id, finds that the pause does not hold any more.
    """
    if (organization_id is None) == (invoice_id is None):
        raise click.UsageError("Name either --organization or --invoice.")
    request = pb.AddPauseRequest(
        pause_id=pause_id or str(uuid4()),
        reason=_REASONS[reason],
        note=note,
        resumes_on=resumes_on,
        added_by="dunlin",
        replaces=replaces,
    )
    if invoice_id is not None:
        request.invoice_id = invoice_id
    elif organization_id is not None:
        request.organization_id = organization_id
    pause = open_company().pauses.AddPause(request)
    if as_json:
        print_json(_as_json(pause))
    elif pause.state != pb.PAUSE_STATE_IN_FORCE:
        say(f"Pause {pause.pause_id} was added before and does not hold any more: {_state(pause)}.")
    else:
        say(f"Pause {pause.pause_id}: no reminders {_about(pause)} until {pause.resumes_on}.")
    if pause.state != pb.PAUSE_STATE_IN_FORCE:
        raise click.exceptions.Exit(Exit.LEFT_OVER)


@pauses.command()
@click.argument("pause_id")
@json_option
def end(pause_id: str, *, as_json: bool) -> None:
    """End a pause at once; the next run decides anew. One that is over stays as it is."""
    pause = open_company().pauses.EndPause(pb.EndPauseRequest(pause_id=pause_id, ended_by="dunlin"))
    if as_json:
        print_json(_as_json(pause))
    elif pause.state == pb.PAUSE_STATE_ENDED:
        say(f"Reminders {_about(pause)} go again from the next run on.")
    else:
        say(f"It did not hold any more: {_state(pause)}.")


def _about(pause: pb.Pause) -> str:
    if pause.invoice_id:
        return f"about invoice {pause.invoice_number} of {pause.organization_id}"
    return f"to {pause.organization_id}"


def _reason(pause: pb.Pause) -> str:
    return next(name for name, value in _REASONS.items() if value == pause.reason)


def _state(pause: pb.Pause) -> str:
    return name_of(pb.PauseState, pause.state, "PAUSE_STATE_")


def _as_json(pause: pb.Pause) -> dict[str, object]:
    return {
        "pause_id": pause.pause_id,
        "organization_id": pause.organization_id,
        "invoice_id": pause.invoice_id or None,
        "invoice_number": pause.invoice_number or None,
        "reason": _reason(pause),
        "note": pause.note,
        "resumes_on": pause.resumes_on,
        "state": _state(pause),
        "added_by": pause.added_by,
        "added_at": utc(pause.added_at),
        "ended_by": pause.ended_by or None,
        "ended_at": utc(pause.ended_at) if pause.HasField("ended_at") else None,
    }
