"""Reports as servers write them."""

from services.mailer.domain.return_path import ReturnPaths

PATHS = ReturnPaths("bounces@mail.test", "0123456789abcdef-of-tests")


def dsn(
    to: str,
    *recipients: tuple[str, str, str],
    action: str = "failed",
    original: str = "",
    envelope_id: str = "",
) -> bytes:
    """A delivery status notification (RFC 3464) about recipients: address, status, words."""
    blocks = "\r\n".join(
        (f"Original-Recipient: rfc822;{original}\r\n" if original else "")
        + f"Final-Recipient: rfc822; {email}\r\nAction: {action}\r\nStatus: {status}\r\n"
        + f"Diagnostic-Code: smtp; {words}\r\n"
        for email, status, words in recipients
    )
    envelope = f"Original-Envelope-Id: {envelope_id}\r\n" if envelope_id else ""
    return (
        f"""\
Return-Path: <>
From: MAILER-DAEMON@mx.test (Mail Delivery System)
To: {to}
Subject: Undelivered Mail Returned to Sender
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b1"

--b1
Content-Type: text/plain; charset=us-ascii

I'm sorry to have to inform you that your message could not be delivered.

--b1
Content-Type: message/delivery-status

{envelope}Reporting-MTA: dns; mx.test
Arrival-Date: Mon, 2 Mar 2026 15:00:00 +0000

{blocks}
--b1
Content-Type: message/rfc822

Return-Path: <{to}>
Subject: Invoice 7

--b1--
""".replace("\r\n", "\n")
        .replace("\n", "\r\n")
        .encode()
    )


def arf(return_path: str, *, who: str = "", kind: str = "abuse") -> bytes:
    """A complaint (RFC 5965)."""
    named = f"Original-Rcpt-To: <{who}>\n" if who else ""
    return f"""\
From: feedback@isp.test
To: fbl@mail.test
Subject: FW: Invoice 7
MIME-Version: 1.0
Content-Type: multipart/report; report-type=feedback-report; boundary="b1"

--b1
Content-Type: text/plain

This is an email abuse report.

--b1
Content-Type: message/feedback-report

Feedback-Type: {kind}
User-Agent: SomeISP/1.0
Version: 1
Original-Mail-From: <{return_path}>
{named}
--b1
Content-Type: message/rfc822

Return-Path: <{return_path}>
Subject: Invoice 7

Hello
--b1--
""".replace("\n", "\r\n").encode()


def loose(to: str, words: str, *, failed: str = "", sender: str = "MAILER-DAEMON@mx.test") -> bytes:
    """What a server says in words of its own."""
    field = f"X-Failed-Recipients: {failed}\n" if failed else ""
    head = f"From: {sender}\nTo: {to}\n{field}Subject: failure notice\nContent-Type: text/plain\n\n"
    return (head + words).replace("\n", "\r\n").encode()


OUT_OF_OFFICE = b"""\
From: Ann <ann@a.test>\r
To: bounces+1-00000000000000000000@mail.test\r
Subject: Out of office: delivery status of my holidays\r
Auto-Submitted: auto-replied\r
Content-Type: text/plain\r
\r
I am away until 5.1.1 next year; user unknown at this desk.\r
"""
