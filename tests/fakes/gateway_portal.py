"""Contacts at the portal's door, for the gateway's tests."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

from dunlin.mailer.v1 import messages_pb2
from dunlin.scheduler.v1 import emails_pb2

from services.shared import portal_links
from tests.fakes.gateway_clients import FakeServices
from tests.fakes.gateway_visitor import PORTAL_KEY, Page, Visitor

DANA, DANA_EMAIL = 1, "dana@acme.example"
PASSWORD = "a few words of Dana"


def sealed(notice_id: str, *, age: timedelta = timedelta()) -> str:
    """The token that the mailer makes for a notice, so long ago."""
    return portal_links.make(notice_id, datetime.now(UTC) - age, PORTAL_KEY)


def invitation(
    services: FakeServices,
    contact_id: int = DANA,
    email: str = DANA_EMAIL,
    *,
    age: timedelta = timedelta(),
    reset: bool = False,
) -> str:
    """The path of the link in an invitation to the portal, or in a mail for a new password.

    The mail is in the organization's language, else in the company's.
    """
    request_id = str(uuid4())
    if reset:
        asked = emails_pb2.SendPasswordResetRequest(request_id=request_id, contact_id=contact_id, email=email)
        notice = services.emails.SendPasswordReset(asked)
    else:
        welcome = emails_pb2.SendWelcomeRequest(request_id=request_id, contact_id=contact_id, email=email)
        notice = services.emails.SendWelcome(welcome)
    services.emails.calls.clear()
    language = services.ledger.organizations[notice.organization_id].language
    mail = messages_pb2.Message(
        notice_id=notice.notice_id, recipients=[email], language=language or services.mailer.company.language
    )
    services.mailer.messages.append(mail)
    return f"/portal/{'reset' if reset else 'welcome'}/{sealed(notice.notice_id, age=age)}"


def accept(visitor: Visitor, path: str, password: str = PASSWORD) -> Page:
    """Follows a link and chooses a password."""
    page = visitor.get(path)
    return visitor.send(page.form(path), password=password, again=password)


def sign_in(visitor: Visitor, email: str = DANA_EMAIL, password: str = PASSWORD) -> Page:
    """Signs in at the portal."""
    form = visitor.get("/portal/login").form("/portal/login")
    return visitor.send(form, email=email, password=password)
