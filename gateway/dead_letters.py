"""Dead letters: news from other programs that could not be handled, to be tried again or given up."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import grpc
from dunlin.operations.v1.operations_pb2 import (
    DeadLetter,
    DropDeadLettersRequest,
    ListDeadLettersRequest,
    RetryDeadLettersRequest,
)
from dunlin.operations.v1.operations_pb2_grpc import OperationsServiceStub
from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from gateway.clients import clients
from gateway.site.company_time import PATIENCE_SECONDS
from gateway.site.flashes import say
from gateway.site.listing import page_links
from gateway.site.words import count

TAKES_FACTS = "scheduler"
"""The one program that others tell their news to; the rest have no dead letters."""

PAGE = 50
MOST_AT_ONCE = 500
LONGEST_BODY = 20_000
UNREADABLE = "unreadable"

blueprint = Blueprint("dead_letters", __name__, url_prefix="/dead-letters")


@dataclass(frozen=True)
class Kind:
    """A kind of news in words, and what is missing as long as it is not handled."""

    title: str
    missing: str


KINDS = {
    "payment_succeeded": Kind("A payment succeeded", "The payer has not been sent the receipt."),
    "payment_failed": Kind("A payment failed", "The payer has not been told that nothing was taken."),
    "message_sent": Kind(
        "An email was sent", "Its notice is not marked as sent. The email itself did go out."
    ),
    "message_failed": Kind(
        "An email could not be sent", "Its notice is not marked as failed. The email did not go out."
    ),
    UNREADABLE: Kind(
        "Unreadable", "Nobody can say what it was about. Trying it again helps only after Dunlin was updated."
    ),
}

# What the first words of an error mean to somebody who has not written the program.
_ERRORS = (
    (("OperationalError", "InterfaceError", "TimeoutError"), "The database did not answer."),
    (("IntegrityError", "DataError"), "The database would not store it."),
    (
        ("KeyError", "JSONDecodeError", "ValueError", "TypeError", "AttributeError"),
        "It is not built as it should be.",
    ),
    (("_InactiveRpcError", "RpcError", "Busy"), "Another program did not answer."),
    (("Missing",), "What it is about is not known here."),
)


@dataclass(frozen=True)
class Shown:
    """One dead letter as the pages show it."""

    letter: DeadLetter
    kind: Kind
    subject: str
    """What it is about, such as "Invoice 0042 of ACME"; may be empty."""
    trouble: str
    """The error for people."""
    body: str
    """Laid out for reading where it is JSON."""

    @classmethod
    def of(cls, letter: DeadLetter) -> "Shown":
        try:
            body = json.loads(letter.body)
        except (ValueError, RecursionError):
            body = None
        text = letter.body if body is None else json.dumps(body, ensure_ascii=False, indent=2)
        if len(text) > LONGEST_BODY:
            text = f"{text[:LONGEST_BODY]}\N{HORIZONTAL ELLIPSIS}"
        kind = KINDS.get(letter.name) or Kind(letter.name.replace("_", " ").capitalize() or "Unknown", "")
        trouble = "It could not be read." if letter.name == UNREADABLE else in_words(letter.error)
        return cls(letter, kind, _subject(body), trouble, text)


def _subject(body: object) -> str:
    if not isinstance(body, dict):
        return ""
    payment = body.get("payment")
    facts = payment if isinstance(payment, dict) else body
    invoice, organization = facts.get("invoice_number"), facts.get("organization_id")
    if invoice and organization:
        return f"Invoice {invoice} of {organization}"
    notice = facts.get("notice_id")
    return f"Notice {notice}" if notice else ""


def in_words(error: str) -> str:
    """What an error of a program means; its own words follow in the details."""
    name = error.partition(":")[0].rsplit(".", 1)[-1].strip()
    return next((text for names, text in _ERRORS if name in names), "It ran into an error.")


def waiting() -> int | None:
    """How many there are, for the dashboard; None while the program is away."""
    try:
        found = _operations().ListDeadLetters(ListDeadLettersRequest(page_size=1), timeout=PATIENCE_SECONDS)
    except grpc.RpcError:
        return None
    return found.total


def _operations() -> OperationsServiceStub:
    return clients().operations[TAKES_FACTS]


@blueprint.get("")
def index() -> ResponseReturnValue:
    """The list, the one given up last first."""
    token = request.args.get("page", "")
    found = _operations().ListDeadLetters(ListDeadLettersRequest(page_size=PAGE, page_token=token))
    return render_template(
        "dead_letters/index.html",
        shown=[Shown.of(letter) for letter in found.dead_letters],
        total=found.total,
        token=token,
        links=page_links(found.next_page_token),
    )


@dataclass(frozen=True)
class Act:
    """What can be done with dead letters."""

    endpoint: str
    button: str
    done: str
    send: Callable[[list[int]], int]


def _retry(ids: list[int]) -> int:
    return _operations().RetryDeadLetters(RetryDeadLettersRequest(dead_letter_ids=ids)).retried


def _drop(ids: list[int]) -> int:
    return _operations().DropDeadLetters(DropDeadLettersRequest(dead_letter_ids=ids)).dropped


ACTS = {
    "retry": Act("dead_letters.retry", "Retry", "tried again now", _retry),
    "drop": Act("dead_letters.drop", "Drop", "given up", _drop),
}


@blueprint.post("/ask")
def ask() -> ResponseReturnValue:
    """Asks once more and says what will happen. Changes nothing."""
    act, _, which = request.form.get("act", "").partition("-")
    if act not in ACTS:
        abort(400)
    token = request.form.get("page", "")
    chosen = set(_ids(request.form.getlist("on_page" if which == "all" else "dead_letter_id")))
    found = _operations().ListDeadLetters(ListDeadLettersRequest(page_size=PAGE, page_token=token))
    shown = [Shown.of(letter) for letter in found.dead_letters if letter.dead_letter_id in chosen]
    if not shown:
        text = "Those are no dead letters any more." if chosen else "Choose at least one dead letter."
        say(text, "note" if chosen else "bad")
        return redirect(url_for(".index", page=token or None), 303)
    return render_template("dead_letters/ask.html", act=act, shown=shown, back=token)


def _do(act: Act) -> ResponseReturnValue:
    ids = _ids(request.form.get("dead_letter_ids", "").split())[:MOST_AT_ONCE]
    done = act.send(ids) if ids else 0
    if done:
        say(f"{count(done, 'dead letter')} {'is' if done == 1 else 'are'} {act.done}.")
    if done < len(ids):
        say(f"{count(len(ids) - done, 'dead letter')} had been dealt with already.", "note")
    return redirect(url_for(".index"), 303)


@blueprint.post("/retry")
def retry() -> ResponseReturnValue:
    """Has exactly those of the question tried again, from the first attempt on."""
    return _do(ACTS["retry"])


@blueprint.post("/drop")
def drop() -> ResponseReturnValue:
    """Gives exactly those of the question up for good."""
    return _do(ACTS["drop"])


def _ids(texts: Iterable[str]) -> list[int]:
    """The numbers among the texts that the wire can carry, each once."""
    fits = (int(text) for text in texts if text.isascii() and text.isdigit() and len(text) < 19)
    return list(dict.fromkeys(fits))
