"""Turning kinds of mail on and off: nothing is sent by surprise, so turning on says first what is due."""

from dunlin.scheduler.v1.emails_pb2 import EmailType, OnNewInvoice, UpdateEmailTypeRequest
from dunlin.scheduler.v1.notices_pb2 import NOTICE_TYPE_DUE_NOTICE
from dunlin.scheduler.v1.scheduler_pb2 import SetRuleEnabledRequest
from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from gateway.client_emails.counts import count, settings_of
from gateway.client_emails.due_notices import effect, next_day_run, next_run
from gateway.client_emails.kinds import KINDS, SWITCHED, EmailKind, one_of
from gateway.client_emails.wording import NEWS, SUMMARY, due_now_words, left_out_words, next_words
from gateway.clients import clients
from gateway.site import words
from gateway.site.flashes import say

blueprint = Blueprint("email_switches", __name__, url_prefix="/client-emails")


def _on(settings: EmailType) -> EmailType:
    turned = EmailType()
    turned.CopyFrom(settings)
    turned.enabled = True
    return turned


def _back() -> ResponseReturnValue:
    return redirect(url_for("client_emails.index"), 303)


def sends_nothing(settings: EmailType) -> bool:
    """Whether a summary with these settings never goes by itself."""
    return (
        settings.type == SUMMARY
        and settings.schedule.WhichOneof("day") in ("manual", None)
        and settings.on_new_invoice
        in (OnNewInvoice.ON_NEW_INVOICE_UNSPECIFIED, OnNewInvoice.ON_NEW_INVOICE_NOTHING)
    )


@blueprint.get(f"/{one_of(SWITCHED)}/turn-on")
def ask(slug: str) -> ResponseReturnValue:
    """Says what turning a kind on would bring now and next; changes nothing."""
    kind, settings = KINDS[slug], settings_of(KINDS[slug])
    if settings.enabled:
        say(f"{kind.name} is on already.", "note")
        return _back()
    turned = _on(settings)
    found = count(turned)
    return render_template(
        "client_emails/turn_on.html",
        kind=kind,
        sends_nothing=sends_nothing(turned),
        found=found,
        due_now=due_now_words(turned, found) if found else "",
        next=next_words(turned, found) if found else "",
        left_out=left_out_words(found) if found else "",
        news=NEWS.get(turned.on_new_invoice, ""),
    )


@blueprint.post(f"/{one_of(SWITCHED)}/turn-on")
def turn_on(slug: str) -> ResponseReturnValue:
    """Turns a kind on, with what is due already only if that was chosen."""
    kind = KINDS[slug]
    turned = _on(settings_of(kind))
    includes_due = request.form.get("include_due") == "yes"
    clients().emails.UpdateEmailType(UpdateEmailTypeRequest(email_type=turned, include_due=includes_due))
    if sends_nothing(turned):
        say(f"{kind.name} is on. It has no schedule, so it goes only when you send it.", "note")
    elif includes_due:
        say(f"{kind.name} is on. What is due already goes out {next_day_run()}.")
    else:
        say(f"{kind.name} is on, for what comes from now on. Nothing goes out at once.")
    return _back()


@blueprint.post(f"/{one_of(SWITCHED)}/turn-off")
def turn_off(slug: str) -> ResponseReturnValue:
    """Turns a kind off; the next page offers to turn it on again."""
    kind = KINDS[slug]
    off = settings_of(kind)
    off.enabled = False
    clients().emails.UpdateEmailType(UpdateEmailTypeRequest(email_type=off))
    _say_off(kind, off)
    return _back()


def _say_off(kind: EmailKind, settings: EmailType) -> None:
    news = " New invoices bring no email any more." if settings.on_new_invoice in NEWS else ""
    say(
        f"{kind.name} is off. Emails of it that wait to be sent are held back too; what has left has left."
        f"{news}",
        undo="Turn it on again",
        url=url_for("email_switches.turn_on", slug=kind.slug),
    )


@blueprint.get("/due-notices/rules/<int32(signed=True):threshold>/turn-on")
def ask_rule(threshold: int) -> str:
    """Says how many invoices have reached a due notice rule already; changes nothing."""
    counted = EmailType(type=NOTICE_TYPE_DUE_NOTICE, enabled=True)
    found = count(counted, threshold)
    return render_template(
        "client_emails/turn_on_rule.html",
        threshold=threshold,
        effect=effect(threshold),
        found=found,
        due_now=due_now_words(counted, found) if found else "",
        left_out=left_out_words(found) if found else "",
        next_run=next_run(),
    )


@blueprint.post("/due-notices/rules/<int32(signed=True):threshold>/turn-on")
def turn_on_rule(threshold: int) -> ResponseReturnValue:
    """Turns a rule on."""
    clients().scheduler.SetRuleEnabled(SetRuleEnabledRequest(threshold_days=threshold, enabled=True))
    say(
        f"The notice for {words.threshold(threshold)} is on. It {effect(threshold)}, first {next_run()}. "
        "Each invoice gets at most the latest rule it has reached."
    )
    return _back_to_rules()


@blueprint.post("/due-notices/rules/<int32(signed=True):threshold>/turn-off")
def turn_off_rule(threshold: int) -> ResponseReturnValue:
    """Turns a rule off; the next page offers to turn it on again."""
    clients().scheduler.SetRuleEnabled(SetRuleEnabledRequest(threshold_days=threshold, enabled=False))
    say(
        f"The notice for {words.threshold(threshold)} is off. Those that wait to be sent are held back too.",
        undo="Turn it on again",
        url=url_for("email_switches.turn_on_rule", threshold=threshold),
    )
    return _back_to_rules()


def _back_to_rules() -> ResponseReturnValue:
    if request.values.get("from") == "all":
        return redirect(url_for("client_emails.index", _anchor="due"), 303)
    return redirect(url_for("due_notices.index"), 303)
