"""Reading reports: delivery status (RFC 3464), complaints (RFC 5965), what servers write in their own way.

They are written by strangers, and anybody may send one. So no more than `MOST_BYTES` of a mail are looked at,
nothing in it is trusted, and reading never fails: what makes no sense says nothing.
"""

import re
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import Message
from email.utils import getaddresses
from itertools import islice

import structlog

from services.mailer.domain.bounces import Complaint, status_in
from services.mailer.domain.report import Failure, Report

log = structlog.get_logger()

MOST_BYTES = 512 * 1024
"""Of a mail; what a report says stands before the mail that it brings back."""

MOST_PARTS = 40
MOST_FAILURES = 200
LONGEST_WORDS = 500
MOST_LOOSE = 10_000

# Headers in which servers write down to whom a mail was delivered.
_DELIVERED = ("Delivered-To", "X-Original-To", "Envelope-To", "X-Envelope-To", "To", "Cc")
_SPAM = frozenset({"abuse", "fraud"})
_DAEMON = re.compile(r"mailer-daemon|mail-daemon|postmaster|mail delivery (?:sub)?system", re.IGNORECASE)
_FAILED = re.compile(
    r"undeliver|not delivered|delivery (?:status|failure|has failed|problem)|delivery.{0,20}fail"
    r"|returned (?:mail|to sender)|failure notice|mail delivery failed|unzustellbar|konnte nicht zugestellt",
    re.IGNORECASE,
)
_COPY = re.compile(
    r"^-*\s*(?:below this line is a copy|this is a copy of|original message|the original message"
    r"|message header follows|returned message|begin(?:ning)? of forwarded)",
    re.IGNORECASE | re.MULTILINE,
)
_XTEXT = re.compile(r"\+([0-9A-F]{2})")


def read_report(mail: bytes) -> Report:
    """What the mail says; never raises."""
    try:
        return _read(message_from_bytes(mail[:MOST_BYTES], policy=policy.compat32))
    except Exception as error:
        # The parser meets hostile mails in odd ways, such as thousands of parts in each other; it is one mail
        # that says nothing, and no reason to stop for the others.
        log.warning("report not read", error=type(error).__name__)
        return Report()


def _read(mail: Message) -> Report:
    parts = list(islice(_parts(mail), MOST_PARTS))
    names = [*_names(mail)]
    failures: list[Failure] = []
    has_status, complaint = False, None
    for part in parts:
        kind = part.get_content_type()
        if kind in ("message/delivery-status", "message/global-delivery-status"):
            has_status = True
            for block in _blocks(part):
                names += _values(block, "Original-Envelope-Id")
                failures += _failure(block)
        elif kind == "message/feedback-report":
            for block in _blocks(part):
                names += _values(block, "Original-Mail-From")
                complaint = complaint or _complaint(block)
        elif kind in ("message/rfc822", "text/rfc822-headers"):
            for original in _blocks(part):
                names += _values(original, "Return-Path")
    loose = "" if has_status or complaint else _loose(mail, parts)
    return Report(tuple(names[:MOST_FAILURES]), tuple(failures[:MOST_FAILURES]), loose, complaint)


def _parts(mail: Message) -> Iterator[Message]:
    """The mail and its parts, but nothing of a mail that it brings back."""
    waiting = [mail]
    while waiting:
        part = waiting.pop(0)
        yield part
        content = part.get_payload()
        if part.get_content_maintype() == "multipart" and isinstance(content, list):
            waiting += [one for one in content[:MOST_PARTS] if isinstance(one, Message)]


def _blocks(part: Message) -> Iterator[Message]:
    """The groups of fields in a part of the kind "message"; the headers in one of text."""
    content = part.get_payload()
    if isinstance(content, list):
        yield from (one for one in content[:MOST_FAILURES] if isinstance(one, Message))
        return
    headers = part.get_payload(decode=True)
    if isinstance(headers, bytes):
        yield message_from_bytes(headers, policy=policy.compat32)


def _names(mail: Message) -> Iterator[str]:
    for field in _DELIVERED:
        yield from (address for _name, address in getaddresses(_values(mail, field)) if address)


def _failure(block: Message) -> list[Failure]:
    """The recipient of a group, if the mail will not get there. That it is late is no failure yet."""
    if _value(block, "Action").lower() not in ("failed", ""):
        return []
    status = status_in(_value(block, "Status"))
    words = _after_kind(_value(block, "Diagnostic-Code"))
    emails = [
        _from_xtext(_after_kind(value))
        for field in ("Original-Recipient", "Final-Recipient")
        for value in _values(block, field)
    ]
    if not emails or (not status and not _value(block, "Action")):
        return []
    # Some put 5.0.0 or 5.5.0 here, and what it is in the server's words.
    if status in ("", "5.0.0", "5.5.0", "4.0.0"):
        status = status_in(words) or status
    return [Failure(tuple(filter(None, emails)), status, words)]


def _complaint(block: Message) -> Complaint | None:
    if _value(block, "Feedback-Type").lower() not in _SPAM:
        return None
    named = [address for _name, address in getaddresses(_values(block, "Original-Rcpt-To")) if address]
    return Complaint(named[0] if named else "", _value(block, "User-Agent"))


def _loose(mail: Message, parts: list[Message]) -> str:
    """What a server says in words of its own; empty if it does not look like a failure."""
    failed = _values(mail, "X-Failed-Recipients")
    if _value(mail, "Auto-Submitted").lower().startswith("auto-replied") and not failed:
        return ""
    from_daemon = _DAEMON.search(_value(mail, "From")) or _value(mail, "Return-Path") == "<>"
    if not failed and not (from_daemon and _FAILED.search(_value(mail, "Subject"))):
        return ""
    text = next((_text(part) for part in parts if part.get_content_type() == "text/plain"), "")
    copy = _COPY.search(text)
    told = (text[: copy.start()] if copy else text).replace("\0", "")
    return (told + "\n" + " ".join(failed)).strip()[:MOST_LOOSE] or _value(mail, "Subject")


def _text(part: Message) -> str:
    content = part.get_payload(decode=True)
    return content.decode("utf-8", "replace") if isinstance(content, bytes) else ""


def _value(block: Message, field: str) -> str:
    return next(iter(_values(block, field)), "")


def _values(block: Message, field: str) -> list[str]:
    """Short, on one line, and of characters that can be stored."""
    found = (str(value) for value in block.get_all(field, [])[:MOST_FAILURES])
    return [
        " ".join(value.encode("utf-8", "replace").decode().replace("\0", "").split())[:LONGEST_WORDS]
        for value in found
    ]


def _after_kind(value: str) -> str:
    """The value behind its kind, as in "rfc822; ann@example.com"."""
    return value.partition(";")[2].strip() if ";" in value[:20] else value.strip()


def _from_xtext(value: str) -> str:
    return _XTEXT.sub(lambda found: chr(int(found[1], 16)), value).strip("<> ")
