"""Client emails: every kind of mail in four groups, whether it is on, when it goes and to whom."""

from dataclasses import dataclass

import grpc
from dunlin.scheduler.v1.emails_pb2 import EmailType, ListEmailTypesRequest, ListUnreachableRequest
from dunlin.scheduler.v1.scheduler_pb2 import ListRulesRequest
from flask import Blueprint, render_template

from gateway.client_emails import kinds
from gateway.client_emails.due_notices import effect
from gateway.client_emails.kinds import EmailKind
from gateway.client_emails.wording import recipients_words, schedule_words
from gateway.clients import clients
from gateway.site import company_time
from gateway.site.client_profiles import profiles_or_none
from gateway.template_editor.types import ACCOUNT, PORTAL, RECEIPTS

blueprint = Blueprint("client_emails", __name__, url_prefix="/client-emails")


@dataclass(frozen=True)
class Row:
    """One kind of mail as the page shows it."""

    kind: EmailKind
    settings: EmailType
    schedule: str
    recipients: str


def _cannot_be_reached() -> int:
    """How many organizations; 0 while it cannot be told, which the page does without."""
    order = ListUnreachableRequest(page_size=1)
    try:
        return clients().emails.ListUnreachable(order, timeout=company_time.PATIENCE_SECONDS).total
    except grpc.RpcError:
        return 0


@blueprint.get("")
def index() -> str:
    """All kinds of mail, and the rules of the due notices."""
    found = {one.type: one for one in clients().emails.ListEmailTypes(ListEmailTypesRequest()).email_types}
    profiles = profiles_or_none() if any(one.profile_ids for one in found.values()) else None
    calendar = company_time.calendar()

    def row(kind: EmailKind) -> Row:
        settings = found.get(kind.type, EmailType(type=kind.type))
        return Row(
            kind, settings, schedule_words(settings, calendar), recipients_words(kind, settings, profiles)
        )

    return render_template(
        "client_emails/index.html",
        receipts=[row(kind) for kind in kinds.of_group(RECEIPTS)],
        portal=[row(kind) for kind in kinds.of_group(PORTAL)],
        notifications=[row(kind) for kind in kinds.of_group(ACCOUNT)],
        due=row(kinds.KINDS["due-notices"]),
        rules=clients().scheduler.ListRules(ListRulesRequest()).rules,
        effect=effect,
        cannot_be_reached=_cannot_be_reached(),
    )
