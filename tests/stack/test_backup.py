"""The stack is backed up while it runs, loses everything, and is as it was after the restore."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest

from tests.e2e.acts import wait_until
from tests.e2e.bad_lists import line
from tests.e2e.bad_lists import text_of as list_of
from tests.servers import why_no_containers
from tests.stack.stack import REPOSITORY, Stack, running_stack, tell

pytestmark = [pytest.mark.stack, pytest.mark.timeout(1500)]

INVOICES = [f"B-{number}" for number in range(40)]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    if why := why_no_containers():
        if os.environ.get("CI") == "true":
            pytest.fail(f"{why}; in CI this test must run.")
        pytest.skip(why)
    with running_stack(tmp_path_factory.mktemp("stack") / "secrets") as stack:
        yield stack


def test_after_a_restore_every_question_has_the_answer_that_it_had(stack: Stack, tmp_path: Path) -> None:
    stack.dunlin("rules", "enable", "--after", "30")
    issued, late = ((date.today() - timedelta(days=days)).isoformat() for days in (61, 31))
    stack.dunlin(
        "sync", "-", stdin=list_of([line(number, issued_on=issued, due_on=late) for number in INVOICES])
    )
    stack.dunlin("tick")
    stack.drain()
    before, mails = answers(stack), stack.count_mails()
    assert mails == len(INVOICES)

    tell("backup: while it runs")
    run("deploy/backup.sh", stack, str(tmp_path / "backup"))
    assert (tmp_path / "backup" / "secrets.tar").stat().st_mode & 0o077 == 0

    tell("backup: everything is lost")
    assert stack.compose("down", "--volumes", "--timeout", "5").code == 0
    assert stack.compose("up", "--detach", "--wait", "gateway").code == 0
    assert answers(stack) != before

    tell("backup: restored")
    said = run("deploy/restore.sh", stack, str(tmp_path / "backup"))
    assert "The daily run is off" in said
    assert "0 mails were on their way" in said
    up = stack.compose("up", "--detach", "--wait")
    assert up.code == 0, up.err
    assert answers(stack) == before

    # What the ledger knows goes out no second time, and the work goes on.
    stack.dunlin("tick")
    stack.drain()
    assert stack.count_mails() == 0
    stack.dunlin("sync", "-", stdin=list_of([line("NEW", issued_on=issued, due_on=late)]))
    stack.dunlin("tick")
    wait_until(lambda: stack.count_mails() == 1, what="the mail about the new invoice")


def answers(stack: Stack) -> list[str]:
    """What the company says of itself."""
    questions = (
        ("notices", "--json"),
        ("rules", "list", "--json"),
        ("export", "payments"),
        ("why", "B-7", "--json"),
    )
    return [stack.compose("exec", "-T", "gateway", "dunlin", *words).out for words in questions]


def run(script: str, stack: Stack, *arguments: str) -> str:
    done = subprocess.run(
        [str(REPOSITORY / script), *arguments],
        env=stack._env,
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, f"{script}: {done.stdout}{done.stderr}"
    return done.stdout
