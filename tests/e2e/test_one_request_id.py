"""One id leads through the logs of all programs, from a browser to a mail."""

from __future__ import annotations

import http.client
import json
import re
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest

from tests.e2e.acts import APPROVE, drain, email_of, record, set_calendar, set_rules, sync, wait_until
from tests.e2e.company import Company, running_company
from tests.e2e.site import Site

AN_ID = "proxy-named-it-1"


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    home = tmp_path_factory.mktemp("ids") / "home"
    with running_company(home, DUNLIN_LOG_LEVEL="DEBUG", DUNLIN_TRUSTED_PROXIES="1") as company:
        set_calendar(company.clients)
        set_rules(company.clients, 15)
        yield company


def lines(company: Company, request_id: str) -> list[dict[str, Any]]:
    """What all programs have logged under the id."""
    found = []
    for log in company.home.logs.glob("*.log"):
        for line in log.read_text(encoding="utf-8").splitlines():
            entry = json.loads(line) if line.startswith("{") else {}
            if entry.get("request_id") == request_id:
                found.append(entry)
    return found


def request_of(company: Company, rule: str, method: str) -> str:
    """The id of the newest request to that route."""
    log = (company.home.logs / "gateway.log").read_text(encoding="utf-8").splitlines()
    entries = [json.loads(line) for line in log if line.startswith("{")]
    return str(
        [
            one["request_id"]
            for one in entries
            if one.get("rule") == rule and one.get("method") == method and one["event"] == "request"
        ][-1]
    )


def events(found: list[dict[str, Any]]) -> set[tuple[str, str]]:
    return {(one["service"], one["event"]) for one in found}


def test_a_click_on_run_is_followed_to_the_mails(company: Company) -> None:
    due = date.today() - timedelta(days=20)
    sync(company.clients, record("Heron", "H-1", due), record("Egret", "E-1", due))
    site = Site.of_staff(company)
    form = site.get("/client-emails/due-notices/run")
    site.post("/client-emails/due-notices/run", {}, form=form)
    wait_until(lambda: len(company.mails()) == 2, what="both mails are there")
    drain(company.clients)

    found = lines(company, request_of(company, "/client-emails/due-notices/run", "POST"))
    assert {
        ("gateway", "request"),
        ("scheduler", "call"),
        ("scheduler", "notices handed over"),
        ("mailer", "messages accepted"),
        ("mailer", "mail"),
        ("scheduler", "fact handled"),
    } <= events(found)
    sent = [one for one in found if one["event"] == "mail"]
    assert [one["outcome"] for one in sent] == ["sent", "sent"]
    assert len({one["notice_id"] for one in sent}) == 2
    told = [one for one in found if one["event"] == "fact handled"]
    assert [one["name"] for one in told] == ["message_sent", "message_sent"], "the way back has it too"


def test_a_payment_is_followed_to_its_receipt(company: Company) -> None:
    sync(company.clients, record("Ibis", "I-1", date.today() + timedelta(days=9)))
    site, before = Site(company.address), len(company.mails())
    page = site.get("/pay")
    page = site.send(page, "/pay", email=email_of("Ibis"), invoice_number="I-1", amount="10.00")
    page = site.send(page, "/pay/review", method=APPROVE)
    page = site.send(page, "/pay/confirm")
    assert page.status == 200, page.text
    wait_until(lambda: len(company.mails()) > before, what="the receipt is there")
    drain(company.clients)

    found = lines(company, request_of(company, "/pay/confirm/<quote_id>", "POST"))
    assert {
        ("gateway", "request"),
        ("paynow", "call"),
        ("scheduler", "fact handled"),
        ("scheduler", "notices handed over"),
        ("mailer", "messages accepted"),
        ("mailer", "mail"),
    } <= events(found)
    assert {one["name"] for one in found if one["event"] == "fact handled"} == {
        "payment_succeeded",
        "message_sent",
    }


def named(company: Company, name: str) -> str:
    """The id that the gateway answers with to a request that bears this one."""
    connection = http.client.HTTPConnection("127.0.0.1", company.port, timeout=30)
    connection.request("GET", "/login", headers={"X-Request-Id": name})
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.headers["X-Request-Id"]


def test_a_proxy_of_ours_names_the_request_and_the_answer_says_so(company: Company) -> None:
    assert named(company, AN_ID) == AN_ID
    assert ("gateway", "request") in events(lines(company, AN_ID))


@pytest.mark.parametrize("name", ['x" y', "a" * 65, "\xe9"])
def test_an_id_that_logs_and_tables_should_not_take_is_replaced(company: Company, name: str) -> None:
    assert re.fullmatch(r"[0-9a-f]{16}", named(company, name))
