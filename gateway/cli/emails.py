"""`dunlin emails`: the types of mail."""

from typing import Any, Literal
from uuid import uuid4

import click
from dunlin.scheduler.v1 import emails_pb2, notices_pb2

from gateway.cli.company import open_company
from gateway.cli.exits import Exit
from gateway.cli.output import json_option, name_of, print_json, print_table, say, utc

_SWITCHED = ("account_summary", "upcoming_payments", "method_expiration")

_type = click.argument("name", metavar="TYPE", type=click.Choice(_SWITCHED))


@click.group()
def emails() -> None:
    """List, count and switch the types of mail; send one by hand.

    Due notices are switched by their rules: see `dunlin rules`.
    """


@emails.command("list")
@json_option
def list_types(*, as_json: bool) -> None:
    """List all types."""
    found = _types()
    if as_json:
        for one in found:
            print_json(_as_json(one))
        return
    rows = [
        (
            _name(one),
            "on" if one.enabled else "off",
            _when(one, "last_sent_at", "never"),
            _when(one, "next_at", ""),
            str(one.excluded or ""),
        )
        for one in found
    ]
    print_table(("Type", "State", "Last sent", "Next", "Excluded"), rows, right=(4,))


@emails.command()
@_type
@click.option("--include-due", is_flag=True, help="Also send what is due already, with the next run.")
@json_option
def on(name: str, *, include_due: bool, as_json: bool) -> None:
    """Switch a type on. Nothing is sent before the next run."""
    _switch(name, enabled=True, include_due=include_due, as_json=as_json)


@emails.command()
@_type
@json_option
def off(name: str, *, as_json: bool) -> None:
    """Switch a type off; it holds also for mails that are queued."""
    _switch(name, enabled=False, include_due=False, as_json=as_json)


@emails.command()
@_type
@json_option
def count(name: str, *, as_json: bool) -> None:
    """Count who would get a type with its settings, whether or not it is on."""
    request = emails_pb2.CountEmailsRequest(email_type=_of_name(name))
    found = open_company().emails.CountEmails(request)
    if as_json:
        print_json(
            {
                "due_now": found.due_now,
                "organizations": found.organizations,
                "next_at": utc(found.next_at) if found.HasField("next_at") else None,
                "excluded": found.excluded,
                "paused": found.paused,
                "unreachable": found.unreachable,
                "suppressed": found.suppressed,
                "unsubscribed": found.unsubscribed,
                "at_least": found.at_least,
            }
        )
        return
    least = "at least " if found.at_least else ""
    when = f" at {utc(found.next_at)}" if found.HasField("next_at") else ""
    say(f"{least}{found.organizations} organizations would get it{when}, {found.due_now} are due now")
    say(f"{found.excluded} are excluded, {found.paused} paused, {found.unreachable} have no address")
    say(f"{found.suppressed} have no address that can be used, {found.unsubscribed} have unsubscribed")


@emails.command("send-summary")
@click.argument("organization_id")
@click.option("--request-id", default="", help="Names this request: the same once more sends nothing more.")
@json_option
def send_summary(organization_id: str, *, request_id: str, as_json: bool) -> None:
    """Send an account summary to one organization now, whether or not the type is on."""
    request = emails_pb2.SendSummaryRequest(
        request_id=request_id or str(uuid4()), organization_id=organization_id
    )
    notice = open_company().emails.SendSummary(request)
    state = name_of(notices_pb2.NoticeState, notice.state, "NOTICE_STATE_")
    if as_json:
        print_json({"notice_id": notice.notice_id, "state": state, "reason": notice.reason})
    else:
        say(f"{state}: {notice.explanation}")
    if notice.state == notices_pb2.NOTICE_STATE_SKIPPED:
        raise click.exceptions.Exit(Exit.LEFT_OVER)


def _types() -> list[emails_pb2.EmailType]:
    return list(open_company().emails.ListEmailTypes(emails_pb2.ListEmailTypesRequest()).email_types)


def _of_name(name: str) -> emails_pb2.EmailType:
    return next(one for one in _types() if _name(one) == name)


def _switch(name: str, *, enabled: bool, include_due: bool, as_json: bool) -> None:
    settings = _of_name(name)
    settings.enabled = enabled
    request = emails_pb2.UpdateEmailTypeRequest(email_type=settings, include_due=include_due)
    saved = open_company().emails.UpdateEmailType(request)
    if as_json:
        print_json(_as_json(saved))
        return
    coming = _when(saved, "next_at", "")
    say(f"{name} is {'on' if saved.enabled else 'off'}" + (f"; it next goes at {coming}" if coming else ""))


def _name(one: emails_pb2.EmailType) -> str:
    return name_of(notices_pb2.NoticeType, one.type, "NOTICE_TYPE_")


def _when(one: emails_pb2.EmailType, field: Literal["last_sent_at", "next_at"], otherwise: str) -> str:
    return utc(getattr(one, field)) if one.HasField(field) else otherwise


def _as_json(one: emails_pb2.EmailType) -> dict[str, Any]:
    return {
        "type": _name(one),
        "enabled": one.enabled,
        "last_sent_at": _when(one, "last_sent_at", "") or None,
        "next_at": _when(one, "next_at", "") or None,
        "excluded": one.excluded,
    }
