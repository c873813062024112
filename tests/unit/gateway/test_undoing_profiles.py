"""Client profiles given to many can be taken back however that ended: done, failed or cut short."""

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from dunlin.paynow.v1.accounts_pb2 import ContactProfile, SetProfilesResponse
from google.protobuf.json_format import MessageToDict
from sqlalchemy import update

from gateway.company import profile_assignment
from gateway.identity import tables
from gateway.site import jobs
from services.shared.database import Database
from tests.fakes.gateway_clients import FakeServices
from tests.fakes.gateway_rpc import away
from tests.fakes.gateway_visitor import Page, Visitor
from tests.unit.gateway.test_client_profiles_pages import ASSIGN, profiles_of, said, wait_for_the_end

MANY = 1100
"""Organizations with two contacts each: three batches."""


@pytest.fixture(autouse=True)
def many_contacts(services: FakeServices) -> None:
    for number in range(MANY):
        services.add_organization(f"O{number}", f"Organization {number}", f"o{number}@example.test")


def give_owner(staff: Visitor) -> Page:
    page = staff.send(staff.get(f"{ASSIGN}?whom=all&profile=owner").form(ASSIGN))
    wait_for_the_end()
    return staff.get(page.path)


def undo(staff: Visitor, page: Page) -> Page:
    undone = staff.send(page.form("/undo"))
    wait_for_the_end()
    return staff.get(undone.path)


def at_call(services: FakeServices, number: int, fault: BaseException, *, changes: bool) -> None:
    """The books fail at that call of SetProfiles, before or after they have changed, and go on later."""
    answer, calls = services.accounts.SetProfiles, list[Any]()

    def fails(request: Any, timeout: float | None = None) -> Any:
        calls.append(request)
        if len(calls) != number:
            return answer(request)
        if changes:
            answer(request)
        raise fault

    services.accounts.SetProfiles = fails  # type: ignore[method-assign]


def cut_short(database: Database, page: Page) -> None:
    """Nobody has heard of the job for longer than jobs are silent."""
    then = datetime.now(UTC) - jobs.SILENCE - timedelta(seconds=5)
    is_job = tables.jobs.c.job_id == page.path.rsplit("/", 1)[-1]
    with database.write() as connection:
        connection.execute(update(tables.jobs).where(is_job).values(updated_at=then))


def test_what_failed_on_its_way_can_be_undone(staff: Visitor, services: FakeServices) -> None:
    before = profiles_of(services)
    at_call(services, 3, away(), changes=False)
    page = give_owner(staff)
    assert "try again in a few seconds" in page.text
    assert "2,000 contacts were changed before that; up to 206 more contacts may have been." in page.text
    assert profiles_of(services) != before
    assert "2,206 contacts have been changed." in undo(staff, page).text
    assert profiles_of(services) == before


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_what_was_killed_right_after_the_books_had_changed_can_be_undone(
    staff: Visitor, services: FakeServices, database: Database
) -> None:
    """The thread dies as with a killed process: it writes nothing down any more."""
    before = profiles_of(services)
    at_call(services, 2, SystemExit(), changes=True)
    page = give_owner(staff)
    assert "You may leave this page" in page.text
    assert not page.tree.xpath("//form[contains(@action, '/undo')]"), "it may still be at work"
    cut_short(database, page)
    page = staff.get(page.path)
    assert "It was cut short" in page.text
    assert "1,000 contacts were changed before that; up to 1,000 more contacts may have been." in page.text
    assert list(profiles_of(services).values()).count("owner") == 2000
    undo(staff, page)
    assert profiles_of(services) == before


def test_a_job_that_is_undone_after_it_was_cut_short_changes_nothing_more_should_it_live_after_all(
    staff: Visitor, services: FakeServices, database: Database
) -> None:
    before, reached, may_go_on = profiles_of(services), threading.Event(), threading.Event()
    answer = services.accounts.ListContacts

    def stalls(request: Any, timeout: float | None = None) -> Any:
        if request.after_contact_id:
            reached.set()
            assert may_go_on.wait(30)
        return answer(request)

    form = staff.get(f"{ASSIGN}?whom=all&profile=owner").form(ASSIGN)
    services.accounts.ListContacts = stalls  # type: ignore[method-assign]
    page = staff.send(form)
    assert reached.wait(30)
    cut_short(database, page)
    undone = staff.send(staff.get(page.path).form("/undo"))
    may_go_on.set()
    wait_for_the_end()
    assert "1,000 contacts have been changed." in staff.get(undone.path).text
    assert profiles_of(services) == before


def test_what_was_undone_can_be_done_again_from_there(staff: Visitor, services: FakeServices) -> None:
    undone = undo(staff, give_owner(staff))
    undo(staff, undone)
    assert set(profiles_of(services).values()) == {"owner"}


def test_a_contact_that_is_gone_keeps_nobody_from_getting_theirs_back(
    staff: Visitor, services: FakeServices
) -> None:
    before = profiles_of(services)
    page = give_owner(staff)
    del services.ledger.organizations["O7"]
    assert "2,204 contacts have been changed." in undo(staff, page).text
    assert profiles_of(services) == {key: before[key] for key in profiles_of(services)}


def test_what_an_older_release_did_can_still_be_undone(
    staff: Visitor, services: FakeServices, database: Database
) -> None:
    log = jobs.JobLog(database, profile_assignment.KIND)
    job_id = log.begin(1, "Owner", 1)
    had = SetProfilesResponse(before=[ContactProfile(contact_id=2, profile_id="owner")])
    log.finish(job_id, MessageToDict(had))
    page = staff.get(f"{ASSIGN}/{job_id}")
    assert "1 contact has been changed." in page.text
    undo(staff, page)
    assert profiles_of(services)[2] == "owner"


def test_a_job_that_changed_nobody_offers_no_undo(staff: Visitor, services: FakeServices) -> None:
    services.accounts.refuse["ListContacts"] = away()
    token = staff.get("/settings/profiles").tree.xpath("//input[@name='csrf_token']")[0].get("value")
    page = staff.post(ASSIGN, {"csrf_token": token, "whom": "all", "profile": "owner"})
    wait_for_the_end()
    page = staff.get(page.path)
    assert "Nobody was changed before that." in page.text
    assert not page.tree.xpath("//form[contains(@action, '/undo')]")
    again = staff.post(f"{page.path}/undo", {"csrf_token": token})
    assert said(again) == "There is nothing to undo."
