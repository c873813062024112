"""What the README tells a new user to type works, in that order."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.company import REPOSITORY, Company, running_company

pytestmark = pytest.mark.timeout(300)

README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
COMMANDS = [shlex.split(line) for line in re.findall(r"^ {4}dunlin (.+)$", README, re.MULTILINE)]


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Company]:
    """The sample company, as `make run` starts it, where commands find the repository's samples."""
    root: Path = tmp_path_factory.mktemp("readme")
    shutil.copytree(REPOSITORY / "samples", root / "samples")
    with running_company(root / "home", "--sample") as company:
        yield company


def test_the_commands_of_the_readme_work_in_their_order(company: Company) -> None:
    assert [command[0] for command in COMMANDS] == [
        "sync", "rules", "tick", "tick", "drain", "why", "export",
    ]  # fmt: skip
    said = [company.must(*command).out for command in COMMANDS]
    assert said[0] == "10 added, 0 changed, 0 unchanged, 0 refused\n"
    why = said[-2]
    assert "30 days past due" in why
    assert "sent" in why, "the tick before it has sent its notice"


def test_the_sample_list_changes_nothing_the_second_time(company: Company) -> None:
    path = str(REPOSITORY / "samples" / "invoices.csv")
    company.must("sync", path)
    assert company.must("sync", path).out == "0 added, 0 changed, 10 unchanged, 0 refused\n"
