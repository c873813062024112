"""`dunlin exclusions`: organizations that never get a type of notice."""

import click
from dunlin.scheduler.v1 import notices_pb2, scheduler_pb2

from gateway.cli.company import open_company
from gateway.cli.output import json_option, name_of, print_json, print_table, say, utc

_TYPES = {
    "due_notice": notices_pb2.NOTICE_TYPE_DUE_NOTICE,
    "account_summary": notices_pb2.NOTICE_TYPE_ACCOUNT_SUMMARY,
    "upcoming_payments": notices_pb2.NOTICE_TYPE_UPCOMING_PAYMENTS,
}


class _Type(click.ParamType[notices_pb2.NoticeType.ValueType]):
    """A type of notice; due-notices and the like are understood too."""

    name = "TYPE"

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> notices_pb2.NoticeType.ValueType:
        asked = value.lower().replace("-", "_")
        found = _TYPES.get(asked) or _TYPES.get(asked.removesuffix("s"))
        if found is None:
            self.fail(
                f"{value!r} is no type that organizations can be excluded from: {', '.join(_TYPES)}.",
                param,
                ctx,
            )
        return found


@click.group()
def exclusions() -> None:
    """List and change who gets no mails of a TYPE: due_notice, account_summary, upcoming_payments.

    Who gets no account summary hears of no new invoice either.
    """


@exclusions.command("list")
@click.argument("notice_type", metavar="[TYPE]", type=_Type(), default="due_notice")
@json_option
def list_exclusions(notice_type: notices_pb2.NoticeType.ValueType, *, as_json: bool) -> None:
    """List the organizations that are excluded."""
    scheduler = open_company().scheduler
    request = scheduler_pb2.ListExclusionsRequest(type=notice_type, page_size=1000)
    rows = []
    while True:
        page = scheduler.ListExclusions(request)
        for exclusion in page.exclusions:
            if as_json:
                print_json(_as_json(exclusion))
            rows.append((exclusion.organization_id, utc(exclusion.created_at)))
        if not page.next_page_token:
            break
        request.page_token = page.next_page_token
    if not as_json:
        print_table(("Organization", "Since"), rows) if rows else say("Nobody is excluded.")


@exclusions.command()
@click.argument("notice_type", metavar="TYPE", type=_Type())
@click.argument("organization_id")
@json_option
def add(notice_type: notices_pb2.NoticeType.ValueType, organization_id: str, *, as_json: bool) -> None:
    """Exclude an organization, from this moment on and also from what is queued. A repeat changes nothing."""
    request = scheduler_pb2.AddExclusionRequest(type=notice_type, organization_id=organization_id)
    exclusion = open_company().scheduler.AddExclusion(request)
    if as_json:
        print_json(_as_json(exclusion))
    else:
        say(f"Organization {organization_id} is excluded.")


@exclusions.command()
@click.argument("notice_type", metavar="TYPE", type=_Type())
@click.argument("organization_id")
@json_option
def remove(notice_type: notices_pb2.NoticeType.ValueType, organization_id: str, *, as_json: bool) -> None:
    """Take an organization off the list."""
    request = scheduler_pb2.RemoveExclusionRequest(type=notice_type, organization_id=organization_id)
    exclusion = open_company().scheduler.RemoveExclusion(request)
    if as_json:
        print_json(_as_json(exclusion))
    else:
        say(f"Organization {organization_id} is no longer excluded.")


def _as_json(exclusion: scheduler_pb2.Exclusion) -> dict[str, str]:
    return {
        "type": name_of(notices_pb2.NoticeType, exclusion.type, "NOTICE_TYPE_"),
        "organization_id": exclusion.organization_id,
        "created_at": utc(exclusion.created_at),
    }
