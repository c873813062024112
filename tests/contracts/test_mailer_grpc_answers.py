"""What the running mailer answers over gRPC: lists, texts, the profile, refusals."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from dunlin.mailer.v1 import mailer_pb2, messages_pb2, templates_pb2
from google.protobuf.timestamp_pb2 import Timestamp

from services.shared.errors import Conflict, Invalid, Missing, Refusal, WrongState
from services.shared.grpc_errors import refusal_of
from tests.fakes.mailer_program import Running, running
from tests.fakes.mailer_queue import SCRIPTS
from tests.servers import DATABASES, MigratedUrl

AFTER = templates_pb2.TEMPLATE_TYPE_DUE_NOTICE_AFTER
GOOD = templates_pb2.TemplateAreas(subject="{{ invoice.number }}", title="Due", header="<p>x</p>", footer="")


@pytest.fixture(params=DATABASES)
def mailer(request: pytest.FixtureRequest, migrated_url: MigratedUrl, tmp_path: Path) -> Iterator[Running]:
    with running(tmp_path, migrated_url(request.param, SCRIPTS)) as mailer:
        yield mailer


def _refusal(call: Callable[[], object]) -> Refusal:
    with pytest.raises(grpc.RpcError) as caught:
        call()
    refusal = refusal_of(caught.value)
    assert refusal is not None
    return refusal


def test_lists_filter_count_and_page(mailer: Running) -> None:
    mailer.accept("n-1", "n-2", "n-3")
    first = mailer.stub.ListMessages(mailer_pb2.ListMessagesRequest(page_size=2))
    request = mailer_pb2.ListMessagesRequest(page_size=2, page_token=first.next_page_token)
    rest = mailer.stub.ListMessages(request)
    listed = [message.notice_id for message in [*first.messages, *rest.messages]]
    assert listed == ["n-3", "n-2", "n-1"]
    assert rest.next_page_token == ""
    none = mailer.stub.ListMessages(mailer_pb2.ListMessagesRequest(state=messages_pb2.MESSAGE_STATE_SENT))
    assert not none.messages
    counts = mailer.stub.CountMessages(mailer_pb2.CountMessagesRequest()).counts
    assert sum(count.messages for count in counts) == 3
    early = mailer_pb2.CountMessagesRequest(until=Timestamp(seconds=1))
    assert not mailer.stub.CountMessages(early).counts


@pytest.mark.parametrize("field", ["from", "until"])
@pytest.mark.parametrize("seconds", [253402300800, 2**62, -(2**62), -(2**35)])
def test_an_instant_that_no_clock_shows_is_refused_by_the_name_of_its_field(
    mailer: Running, field: str, seconds: int
) -> None:
    request = mailer_pb2.CountMessagesRequest(**{field: Timestamp(seconds=seconds)})  # type: ignore[arg-type]
    refusal = _refusal(lambda: mailer.stub.CountMessages(request))
    assert isinstance(refusal, Invalid)
    assert [(one.field, one.reason) for one in refusal.violations] == [(field, "INSTANT_OUT_OF_RANGE")]


def test_templates_are_listed_saved_and_previewed(mailer: Running) -> None:
    stub = mailer.stub
    listed = stub.ListTemplates(mailer_pb2.ListTemplatesRequest()).templates
    assert [(template.type, template.version) for template in listed] == [(at, 1) for at in range(1, 16)]
    assert not listed[0].HasField("last_sent_at")
    save = mailer_pb2.SaveTemplateRequest(type=AFTER, areas=GOOD, base_version=1, saved_by="eve")
    assert stub.SaveTemplate(save).version == 2
    newest = stub.GetTemplate(mailer_pb2.GetTemplateRequest(type=AFTER))
    assert (newest.version, newest.areas, newest.saved_by) == (2, GOOD, "eve")
    assert stub.GetTemplate(mailer_pb2.GetTemplateRequest(type=AFTER, version=1)).saved_by == ""
    versions = stub.ListTemplateVersions(mailer_pb2.ListTemplateVersionsRequest(type=AFTER)).versions
    assert [version.version for version in versions] == [2, 1]
    preview = stub.PreviewTemplate(mailer_pb2.PreviewTemplateRequest(type=AFTER, areas=GOOD))
    assert preview.subject == "INV-00417"
    tokens = stub.ListTokens(mailer_pb2.ListTokensRequest(type=AFTER)).tokens
    assert {"invoice.number": ("INV-00417", "Invoice")}.items() <= {
        t.name: (t.sample, t.group) for t in tokens
    }.items()


def test_each_language_and_each_rule_has_texts_of_its_own(mailer: Running) -> None:
    stub = mailer.stub
    languages = stub.ListLanguages(mailer_pb2.ListLanguagesRequest()).languages
    assert [(one.tag, one.name) for one in languages] == [("en", "English"), ("de", "Deutsch")]
    german = stub.ListTemplates(mailer_pb2.ListTemplatesRequest(language="de")).templates
    assert {template.language for template in german} == {"de"}

    rule = mailer_pb2.GetTemplateRequest(type=AFTER, language="de", threshold_days=30)
    borrowed = stub.GetTemplate(rule)
    assert (borrowed.version, borrowed.threshold_days) == (0, 30)
    assert borrowed.areas == next(one.areas for one in german if one.type == AFTER)
    save = mailer_pb2.SaveTemplateRequest(
        type=AFTER, areas=GOOD, language="de", threshold_days=30, saved_by="eve"
    )
    assert stub.SaveTemplate(save).version == 1
    assert stub.GetTemplate(rule).areas == GOOD
    listed = stub.ListTemplates(mailer_pb2.ListTemplatesRequest(language="de")).templates
    assert [(one.threshold_days, one.version) for one in listed if one.type == AFTER] == [(0, 1), (30, 1)]
    versions = mailer_pb2.ListTemplateVersionsRequest(type=AFTER, language="de", threshold_days=30)
    assert len(stub.ListTemplateVersions(versions).versions) == 1
    preview = stub.PreviewTemplate(
        mailer_pb2.PreviewTemplateRequest(type=AFTER, language="de", threshold_days=30, areas=GOOD)
    )
    assert "Rechnung bezahlen" in preview.html


def test_the_languages_texts_are_those_of_the_company_where_none_is_named(mailer: Running) -> None:
    stub = mailer.stub
    company = stub.GetCompany(mailer_pb2.GetCompanyRequest())
    assert (company.language, company.pay_links) == ("en", True)
    company.language = "de"
    stub.UpdateCompany(mailer_pb2.UpdateCompanyRequest(company=company))
    assert stub.GetTemplate(mailer_pb2.GetTemplateRequest(type=AFTER)).language == "de"
    company.language = "fr"
    refusal = _refusal(lambda: stub.UpdateCompany(mailer_pb2.UpdateCompanyRequest(company=company)))
    assert [(v.field, v.reason) for v in refusal.violations] == [("company.language", "LANGUAGE_UNKNOWN")]


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ({"type": AFTER, "language": "fr"}, "LANGUAGE_UNKNOWN"),
        ({"type": AFTER, "threshold_days": -5}, "THRESHOLD_UNFIT"),
        ({"type": templates_pb2.TEMPLATE_TYPE_DUE_NOTICE_BEFORE, "threshold_days": 5}, "THRESHOLD_UNFIT"),
        ({"type": templates_pb2.TEMPLATE_TYPE_INVOICE, "threshold_days": 5}, "THRESHOLD_UNFIT"),
        ({"type": 99}, "TEMPLATE_TYPE_UNKNOWN"),
    ],
)
def test_what_names_no_template_is_refused(mailer: Running, key: dict[str, Any], reason: str) -> None:
    stub = mailer.stub
    for call in (
        lambda: stub.GetTemplate(mailer_pb2.GetTemplateRequest(**key)),
        lambda: stub.ListTemplateVersions(mailer_pb2.ListTemplateVersionsRequest(**key)),
        lambda: stub.SaveTemplate(mailer_pb2.SaveTemplateRequest(**key, areas=GOOD)),
        lambda: stub.PreviewTemplate(mailer_pb2.PreviewTemplateRequest(**key, areas=GOOD)),
    ):
        assert _refusal(call).reason == reason


def test_refusals_travel_with_their_reason_and_fields(mailer: Running) -> None:
    stub = mailer.stub
    bad = templates_pb2.TemplateAreas(subject="{{ invoice.numbr }}", title="x")
    preview = mailer_pb2.PreviewTemplateRequest(type=AFTER, areas=bad)
    refusal = _refusal(lambda: stub.PreviewTemplate(preview))
    assert isinstance(refusal, Invalid)
    assert [(v.field, v.reason) for v in refusal.violations] == [("areas.subject", "TOKEN_UNKNOWN")]

    save = mailer_pb2.SaveTemplateRequest(type=AFTER, areas=GOOD, base_version=7)
    refusal = _refusal(lambda: stub.SaveTemplate(save))
    assert (type(refusal), refusal.reason) == (Conflict, "TEMPLATE_CHANGED")

    get = mailer_pb2.GetTemplateRequest(type=AFTER, version=9)
    refusal = _refusal(lambda: stub.GetTemplate(get))
    assert (type(refusal), refusal.reason) == (Missing, "TEMPLATE_MISSING")
    refusal = _refusal(lambda: stub.GetTemplate(mailer_pb2.GetTemplateRequest()))
    assert refusal.reason == "TEMPLATE_TYPE_UNKNOWN"

    refusal = _refusal(lambda: mailer.get("n-9"))
    assert (type(refusal), refusal.reason) == (Missing, "MESSAGE_MISSING")
    mailer.scheduler.withheld["n-1"] = "NO_ADDRESS"
    mailer.accept("n-1")
    body = mailer_pb2.GetMessageBodyRequest(notice_id="n-1")
    refusal = _refusal(lambda: stub.GetMessageBody(body))
    assert (type(refusal), refusal.reason) == (WrongState, "MESSAGE_NOT_RENDERED")

    refusal = _refusal(lambda: mailer.accept("n-3", "not\nan id"))
    assert [v.field for v in refusal.violations] == ["messages[1].notice_id"]
    assert isinstance(_refusal(lambda: mailer.get("n-3")), Missing)


def test_the_company_is_shown_replaced_and_checked(mailer: Running) -> None:
    stub = mailer.stub
    company = stub.GetCompany(mailer_pb2.GetCompanyRequest())
    assert company.name == "Your company"
    assert not company.sender_set, "nobody can answer to the sender that Dunlin ships with"
    company.name, company.sender_set = "Harbour", True
    assert not stub.UpdateCompany(mailer_pb2.UpdateCompanyRequest(company=company)).sender_set
    company.from_address = "billing@harbour.example"
    assert stub.UpdateCompany(mailer_pb2.UpdateCompanyRequest(company=company)) == company
    company.accent_color = "#ffffff"
    refusal = _refusal(lambda: stub.UpdateCompany(mailer_pb2.UpdateCompanyRequest(company=company)))
    assert [v.field for v in refusal.violations] == ["company.accent_color"]
    assert stub.GetCompany(mailer_pb2.GetCompanyRequest()).accent_color == "#1f4e79"
