"""Client emails: every kind of mail, whether it is on, when it last went out, and where to change it."""

from collections.abc import Mapping
from dataclasses import dataclass

from dunlin.mailer.v1.mailer_pb2 import ListTemplatesRequest
from dunlin.mailer.v1.templates_pb2 import Template, TemplateType
from dunlin.scheduler.v1.notices_pb2 import NOTICE_TYPE_DUE_NOTICE
from dunlin.scheduler.v1.scheduler_pb2 import ListExclusionsRequest, ListRulesRequest, Rule
from flask import Blueprint, render_template, url_for

from gateway import words
from gateway.clients import clients

blueprint = Blueprint("client_emails", __name__, url_prefix="/client-emails")

SLUGS = {
    "payment-succeeded": TemplateType.TEMPLATE_TYPE_PAYMENT_SUCCEEDED,
    "payment-failed": TemplateType.TEMPLATE_TYPE_PAYMENT_FAILED,
    "due-notice-before": TemplateType.TEMPLATE_TYPE_DUE_NOTICE_BEFORE,
    "due-notice-after": TemplateType.TEMPLATE_TYPE_DUE_NOTICE_AFTER,
}
"""What addresses of pages call each template."""

RECEIPTS = ("payment-succeeded", "payment-failed")
DUE_NOTICES = ("due-notice-before", "due-notice-after")
MEANINGS = {
    "payment-succeeded": "The receipt, once a payment has gone through.",
    "payment-failed": "Says that a payment did not go through and that nothing was taken.",
    "due-notice-before": "Some days before an invoice is due.",
    "due-notice-after": "Some days after an invoice was due.",
}


@dataclass(frozen=True)
class Kind:
    """One kind of mail as the list shows it."""

    name: str
    meaning: str
    is_on: bool
    status: str
    template: Template
    edit_url: str


def _kind(slug: str, templates: Mapping[int, Template], is_on: bool, status: str) -> Kind:
    type_ = SLUGS[slug]
    return Kind(
        name=words.template_type(type_),
        meaning=MEANINGS[slug],
        is_on=is_on,
        status=status,
        template=templates.get(type_, Template(type=type_)),
        edit_url=url_for("template_editor.edit", slug=slug),
    )


def _due_notice(slug: str, templates: Mapping[int, Template], rules: list[Rule]) -> Kind:
    is_before = slug == "due-notice-before"
    enabled = [
        rule.threshold_days for rule in rules if rule.enabled and (rule.threshold_days < 0) == is_before
    ]
    days = ", ".join(str(abs(threshold)) for threshold in sorted(enabled, key=abs))
    status = f"On: {days} {'day' if days == '1' else 'days'} {'before' if is_before else 'past due'}"
    return _kind(slug, templates, bool(enabled), status if enabled else "Off")


@blueprint.get("")
def index() -> str:
    """The kinds of mail in their groups."""
    templates: dict[int, Template] = {
        template.type: template
        for template in clients().mailer.ListTemplates(ListTemplatesRequest()).templates
    }
    rules = list(clients().scheduler.ListRules(ListRulesRequest()).rules)
    exclusions = clients().scheduler.ListExclusions(
        ListExclusionsRequest(type=NOTICE_TYPE_DUE_NOTICE, page_size=1)
    )
    return render_template(
        "client_emails/index.html",
        receipts=[_kind(slug, templates, True, "Always on") for slug in RECEIPTS],
        due_notices=[_due_notice(slug, templates, rules) for slug in DUE_NOTICES],
        excluded=exclusions.total,
    )
