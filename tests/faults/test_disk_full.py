"""The embedded company on a disk that is full for a while: databases, mails and logs are all on it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from tests.e2e.acts import wait_until
from tests.e2e.company import Company, pause, running_company
from tests.faults.full_disk import LimitedFiles, SmallDisk, small_disk
from tests.faults.ordeal import Ordeal
from tests.faults.results import IDLE_SECONDS
from tests.faults.sizes import SEED, SIZE
from tests.faults.test_kills import SMTP_CONNECTIONS, check

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]

NOTICES, PAYMENTS = (1_200, 96) if SIZE.name == "full" else (240, 24)


def cannot_mount() -> NoReturn:
    """Skips; in CI that is a failure."""
    if os.environ.get("CI") == "true":
        pytest.fail("no file system may be mounted here; in CI this test must run.")
    pytest.skip("no file system may be mounted here; the limit of file sizes stands in for it")


@pytest.fixture(params=["disk", "limit"])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SmallDisk | LimitedFiles]:
    if request.param == "limit":
        yield LimitedFiles(tmp_path)
        return
    with small_disk(tmp_path / "disk") as disk:
        if disk is None:
            cannot_mount()
        yield disk


@pytest.fixture
def company(disk: SmallDisk | LimitedFiles) -> Iterator[Company]:
    settings = {"DUNLIN_SANDBOX_ACH_SECONDS": "5", "DUNLIN_SMTP_CONNECTIONS": str(SMTP_CONNECTIONS)}
    with running_company(disk.root / "home", **settings) as company:
        yield company


def test_a_full_disk_loses_nothing_and_work_goes_on_once_there_is_room(
    company: Company, disk: SmallDisk | LimitedFiles
) -> None:
    ordeal = Ordeal(company, notices=NOTICES, payments=PAYMENTS, seed=SEED)
    ordeal.prepare()

    def harm() -> None:
        wait_until(lambda: len(company.mails()) > NOTICES / 20, what="mails go out")
        disk.fill(company)
        pause(SIZE.hold_seconds / 2)
        assert company.kill("mailer"), "a program must be able to start again while there is no room"
        pause(SIZE.hold_seconds)
        disk.free(company)

    ordeal.go_through_harm(harm)
    ordeal.come_to_rest()
    ordeal.killed = {"mailer": 1}
    check(ordeal, "full-disk" if isinstance(disk, SmallDisk) else "limited-files")
    assert ordeal.seconds_to_idle < IDLE_SECONDS


def test_the_disk_of_this_test_can_be_full(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk") as disk:
        if disk is None:
            cannot_mount()
        assert not disk.is_full()
        nobody: Company = None  # type: ignore[assignment]  # a disk of its own needs no company
        disk.fill(nobody)
        assert disk.is_full()
        disk.free(nobody)
        assert not disk.is_full()
