"""What saving settings of a type that is on would send at once, which is asked before it is done."""

import hashlib
from dataclasses import dataclass

from dunlin.scheduler.v1.emails_pb2 import EmailCount, EmailType
from google.protobuf.message import Message

from gateway.client_emails.counts import count
from gateway.client_emails.wording import INVOICE, at_words
from gateway.site.words import count as counted
from gateway.site.words import sentence


@dataclass(frozen=True)
class Question:
    """What is asked before settings are saved."""

    words: str
    button: str
    """What saving them all the same is called."""
    answer: str
    """What the form says once it has been agreed to; for these settings alone."""


def question(saved: EmailType, typed: EmailType) -> Question | None:
    """What is to be asked before `typed` takes the place of `saved`; None where it makes no mail due.

    `Invalid` as CountEmails says.
    """
    # New invoices bring theirs when they come in, so none is due.
    if not typed.enabled or typed == saved or typed.type == INVOICE:
        return None
    found = count(typed)
    if found is not None and found.at_least and not found.at_next_run:
        words = "Nobody among those looked at would get an email at the next run, but there are more."
        return Question(words, "Save all the same", answer_for(typed))
    before = count(saved) if found is not None and found.at_next_run else None
    if found is None or (found.at_next_run and before is None):
        words = "What this brings cannot be counted at this moment. Emails may go out at the next run."
        return Question(words, "Save all the same", answer_for(typed))
    if before is None or (found.at_next_run <= before.at_next_run and not found.at_least):
        return None
    mails = counted(found.at_next_run, "email", at_least=found.at_least)
    as_it_is = (
        counted(before.at_next_run, "email", at_least=before.at_least) if before.at_next_run else "none"
    )
    words = f"{mails} would go out {_run(found)}. With the settings as they are it would be {as_it_is}."
    return Question(sentence(words), f"Save, and send {mails} at the next run", answer_for(typed))


def _run(found: EmailCount) -> str:
    return f"at the next run, {at_words(found.next_at)}" if found.HasField("next_at") else "at the next run"


def answer_for(typed: Message) -> str:
    """What agreeing to these settings, and to no others, is called in the form."""
    written = typed.SerializeToString(deterministic=True)
    return f"sure-{hashlib.sha256(written).hexdigest()[:16]}"
