"""What mails say of the company and by its texts, and how long links open: over gRPC in, over SMTP out."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from pathlib import Path

import grpc
import pytest
from dunlin.mailer.v1 import mailer_pb2, messages_pb2, templates_pb2
from dunlin.scheduler.v1 import letters_pb2, notices_pb2

from embedded.mail_sink import protocol
from services.mailer.mime import body_of
from services.shared import portal_links
from services.shared.grpc_errors import refusal_of
from services.shared.portal_links import PortalLinkExpired
from tests.fakes.mailer_program import Running, running
from tests.fakes.mailer_queue import SCRIPTS
from tests.fakes.mailer_scheduler import TOKEN, a_letter, a_receipt
from tests.fakes.mailer_smtp import served as smtp_served
from tests.servers import DATABASES, MigratedUrl

AFTER = templates_pb2.TEMPLATE_TYPE_DUE_NOTICE_AFTER
COMPANY = {
    "name": "Pelican Works",
    "address": "7 Quay Street\nHalden",
    "phone": "+47 555 0199",
    "from_address": "post@pelican.test",
    "reply_to": "questions@pelican.test",
    "accent_color": "#7a1f5c",
}


@pytest.fixture(params=DATABASES)
def mailer(request: pytest.FixtureRequest, migrated_url: MigratedUrl, tmp_path: Path) -> Iterator[Running]:
    with (
        running(tmp_path, migrated_url(request.param, SCRIPTS)) as mailer,
        smtp_served(protocol(mailer.maildir), mailer.smtp_port),
    ):
        yield mailer


def mailed(mailer: Running, notice_id: str, letter: letters_pb2.Letter) -> bytes:
    """The mail that comes of a letter, as it arrives."""
    known = set(mailer.mails())
    mailer.scheduler.letters[notice_id] = letter
    mailer.accept(notice_id)
    mailer.until_state(notice_id, messages_pb2.MESSAGE_STATE_SENT)
    [mail] = [one for one in mailer.mails() if one not in known]
    return mail


def access(type: notices_pb2.NoticeType) -> letters_pb2.Letter:
    """A letter with a link into the portal."""
    letter = a_letter()
    letter.type = type
    letter.access.contact_id = 7
    letter.ClearField("invoice")
    return letter


def test_the_next_mail_of_each_kind_says_what_the_companys_settings_say(mailer: Running) -> None:
    company = mailer.stub.GetCompany(mailer_pb2.GetCompanyRequest())
    for name, value in COMPANY.items():
        setattr(company, name, value)
    mailer.stub.UpdateCompany(mailer_pb2.UpdateCompanyRequest(company=company))
    letters = {"n-1": a_letter(), "n-2": a_receipt(), "n-3": access(notices_pb2.NOTICE_TYPE_WELCOME)}
    for notice_id, letter in letters.items():
        mail = mailed(mailer, notice_id, letter)
        headers = message_from_bytes(mail, policy=policy.default)
        assert headers["From"] == "Pelican Works <post@pelican.test>"
        assert headers["Reply-To"] == "questions@pelican.test"
        text, html = body_of(mail).text.replace("\r\n", "\n"), body_of(mail).html
        assert text.rstrip().endswith("Pelican Works\n7 Quay Street\nHalden\n+47 555 0199")
        for said in ("Pelican Works", "7 Quay Street", "Halden", "+47 555 0199", "#7a1f5c"):
            assert said in html


def test_a_saved_text_is_in_the_next_mail_and_one_with_an_unknown_token_is_not_saved(mailer: Running) -> None:
    def save(title: str) -> mailer_pb2.SaveTemplateRequest:
        areas = templates_pb2.TemplateAreas(subject="{{ invoice.number }}", title=title, header="", footer="")
        return mailer_pb2.SaveTemplateRequest(type=AFTER, areas=areas, base_version=1, saved_by="eve")

    with pytest.raises(grpc.RpcError) as caught:
        mailer.stub.SaveTemplate(save("A word about {{ organization.nmae }}"))
    refusal = refusal_of(caught.value)
    assert refusal is not None
    [violation] = refusal.violations
    assert (violation.field, violation.reason) == ("areas.title", "TOKEN_UNKNOWN")
    assert "line 1, column 14" in violation.description
    assert "Did you mean {{ organization.name }}?" in violation.description
    assert b"A word about" not in mailed(mailer, "n-1", a_letter())
    mailer.stub.SaveTemplate(save("A word about {{ organization.name }}"))
    assert "A word about Whitfield & Sons" in body_of(mailed(mailer, "n-2", a_letter())).text


@pytest.mark.parametrize(
    ("type", "path"),
    [(notices_pb2.NOTICE_TYPE_WELCOME, "welcome"), (notices_pb2.NOTICE_TYPE_PASSWORD_RESET, "reset")],
)
def test_a_link_into_the_portal_opens_for_a_day(
    mailer: Running, type: notices_pb2.NoticeType, path: str
) -> None:
    mail = mailed(mailer, "n-1", access(type))
    [token] = set(re.findall(rf"/portal/{path}/([\w.-]+)", body_of(mail).text))
    link = portal_links.read(token, TOKEN, datetime.now(UTC))
    day = timedelta(hours=24)
    assert portal_links.read(token, TOKEN, link.issued_at + day - timedelta(seconds=1)) == link
    with pytest.raises(PortalLinkExpired):
        portal_links.read(token, TOKEN, link.issued_at + day)
