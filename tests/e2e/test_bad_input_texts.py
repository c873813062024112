"""Texts that attack: templates that would hang or look inside, names and profiles that smuggle headers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import grpc
import pytest
from dunlin.mailer.v1 import mailer_pb2, templates_pb2

from services.shared.errors import Invalid, Refusal
from services.shared.grpc_errors import refusal_of
from tests.e2e.acts import drain, email_of, mails_to, record, set_calendar, set_rules, sync, text_of, tick
from tests.e2e.company import Company, running_company
from tests.e2e.site import Site

PAST_DUE = templates_pb2.TEMPLATE_TYPE_DUE_NOTICE_AFTER
TODAY = date(2025, 6, 16)

# (what, area, text, what the error must name)
HOSTILE_TEXTS = [
    ("a token that does not exist", "subject", "Hi {{ invoice.nmber }}", "invoice.number"),
    ("a look inside", "header", "<p>{{ invoice.__class__.__mro__ }}</p>", "__class__"),
    ("a look inside by subscript", "header", "{{ invoice['__class__'] }}", "__class__"),
    ("a giant", "header", "{{ 'a' * 10**9 }}", "not a token"),
    ("a filter", "title", "{{ invoice.number | upper }}", "Filters"),
    ("a call", "footer", "{{ cycler.__init__.__globals__.os.popen('id').read() }}", "not a token"),
    ("a loop", "header", "{% for a in range(10**9) %}x{% endfor %}", "{%"),
    ("nested loops", "header", "{% for a in x %}{% for b in x %}{% endfor %}{% endfor %}", "{%"),
    ("an include", "footer", "{% include '/etc/passwd' %}", "{%"),
    ("a comment", "footer", "{# hidden #}", "{#"),
    ("braces left open", "header", "<p>line one</p>\n<p>{{ invoice.number </p>", "closed"),
    ("braces that close nothing", "title", "number }}", "}}"),
    ("empty braces", "title", "{{ }}", "empty"),
    ("a header in the subject", "subject", "Hi\r\nBcc: all@evil.test", "line"),
    ("a line in the title", "title", "Hi\nthere", "line"),
    ("an endless subject", "subject", "x" * 301, "300"),
    ("an endless header", "header", "x" * 20_001, "20,000"),
    ("no subject", "subject", "  ", "subject"),
    ("too many tokens", "header", "{{ invoice.number }}" * 1000, "200"),
    ("a storm of open braces", "footer", "{{" * 9_999, "closed"),
]

HOSTILE_PROFILES = [
    ("name", "Evil\r\nBcc: all@evil.test"),
    ("name", ""),
    ("name", "N" * 201),
    ("reply_to", "not an address"),
    ("reply_to", "a@b.test\r\nBcc: c@d.test"),
    ("from_address", ""),
    ("from_address", "a..b@c.test"),
    ("accent_color", "red; background: url(https://evil.test)"),
    ("accent_color", "#ffffff"),
    ("address", "A" * 501),
    ("logo", b"<svg onload=alert(1)>"),
    ("logo", b"\x89PNG\r\n\x1a\n" + bytes(200_001)),
]


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    with running_company(tmp_path_factory.mktemp("texts") / "home") as company:
        set_calendar(company.clients)
        set_rules(company.clients, 15)
        yield company


def newest(company: Company) -> templates_pb2.Template:
    return company.clients.mailer.GetTemplate(mailer_pb2.GetTemplateRequest(type=PAST_DUE))


def areas_with(company: Company, area: str, text: str) -> templates_pb2.TemplateAreas:
    areas = templates_pb2.TemplateAreas()
    areas.CopyFrom(newest(company).areas)
    setattr(areas, area, text)
    return areas


def refused(error: grpc.RpcError) -> Refusal:
    refusal = refusal_of(error)
    assert isinstance(refusal, Invalid), error
    return refusal


@pytest.mark.timeout(60)
@pytest.mark.parametrize(("area", "text", "named"), [case[1:] for case in HOSTILE_TEXTS],
                         ids=[case[0] for case in HOSTILE_TEXTS])  # fmt: skip
def test_a_hostile_template_is_refused_and_its_fault_named(
    company: Company, area: str, text: str, named: str
) -> None:
    before = newest(company).version
    areas = areas_with(company, area, text)
    for ask in (
        lambda: company.clients.mailer.SaveTemplate(
            mailer_pb2.SaveTemplateRequest(type=PAST_DUE, areas=areas, base_version=before, saved_by="me")
        ),
        lambda: company.clients.mailer.PreviewTemplate(
            mailer_pb2.PreviewTemplateRequest(type=PAST_DUE, areas=areas)
        ),
    ):
        with pytest.raises(grpc.RpcError) as caught:
            ask()
        refusal = refused(caught.value)
        assert {violation.field.rpartition(".")[2] for violation in refusal.violations} == {area}
        said = " ".join(violation.description for violation in refusal.violations)
        assert named.lower() in said.lower(), said
    assert newest(company).version == before


def test_the_editor_shows_the_fault_beside_its_field_and_keeps_the_text(company: Company) -> None:
    staff = Site.of_staff(company)
    path = "/client-emails/templates/due-notice-after"
    form = staff.get(path)
    areas = newest(company).areas
    fields = {"subject": areas.subject, "title": "{{ invoice.nummer }}", "header": areas.header,
              "footer": areas.footer, "base_version": str(newest(company).version)}  # fmt: skip
    page = staff.post(path, fields, form=form)
    assert page.status == 400
    assert "Did you mean {{ invoice.number }}?" in page.text
    assert 'value="{{ invoice.nummer }}"' in page.source


def test_scripts_in_a_template_never_reach_a_mail(company: Company) -> None:
    header = (
        '<p onclick="steal()">Hello</p><script>steal()</script><img src=x onerror=steal()>'
        '<a href="javascript:steal()">here</a><style>body{display:none}</style>'
        '<iframe src="//evil.test"></iframe>'
    )
    shown = company.clients.mailer.PreviewTemplate(
        mailer_pb2.PreviewTemplateRequest(type=PAST_DUE, areas=areas_with(company, "header", header))
    )
    assert "Hello" in shown.html
    for trace in ("steal", "javascript:", "evil.test", "onclick", "onerror", "<iframe", "<script"):
        assert trace not in shown.html, trace


@pytest.mark.parametrize(("field", "value"), HOSTILE_PROFILES)
def test_a_hostile_profile_is_refused_and_the_field_named(
    company: Company, field: str, value: str | bytes
) -> None:
    before = company.clients.mailer.GetCompany(mailer_pb2.GetCompanyRequest())
    profile = mailer_pb2.Company(name="Good Ltd", from_address="billing@good.test", accent_color="#0b5c6b")
    setattr(profile, field, value)
    with pytest.raises(grpc.RpcError) as caught:
        company.clients.mailer.UpdateCompany(mailer_pb2.UpdateCompanyRequest(company=profile))
    violations = refused(caught.value).violations
    assert [violation.field.rpartition(".")[2] for violation in violations] == [field]
    assert company.clients.mailer.GetCompany(mailer_pb2.GetCompanyRequest()) == before


def test_names_full_of_markup_and_braces_arrive_as_plain_words(company: Company) -> None:
    name = '<script>steal()</script> & "Söhne" {{ invoice.balance }} {% raw %} ${7*7} 🦆'
    contact = "Bobby\u202e <img src=x onerror=steal()>; DROP TABLE invoices; --"
    due = TODAY - timedelta(days=20)
    report = sync(company.clients, record("Markup", "M-1", due, organization_name=name, contact_name=contact))
    assert report.added == 1, report.refusals
    tick(company.clients, TODAY)
    drain(company.clients)
    (mail,) = mails_to(company, email_of("Markup"))
    html = mail.get_body(("html",))
    assert html is not None
    source = html.get_content()
    assert "<script>steal" not in source
    assert "<img src=x" not in source
    assert "DROP TABLE invoices; --" in text_of(mail)
    assert {name.lower() for name in mail} & {"bcc", "cc"} == set()
    page = Site.of_staff(company).get("/organizations/Markup")
    assert page.status == 200
    assert "<script>steal" not in page.source
    assert name in page.text
