"""A program that is to die at exact points is the real one in everything else."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.company import REPOSITORY
from tests.faults.doomed import Doom, deaths, passed, survived, writes

AS_IT_IS = "import services.scheduler.events\n"
DOOMED = """
from pathlib import Path
from tests.faults.doomed import LISTENER, Doom, prepare

prepare(Doom(Path(sys.argv[1]), "scheduler-events", 1, 0.3), LISTENER, [])
"""
TELL = """
import psycopg.waiting
from eventlet.patcher import is_monkey_patched

print(psycopg.waiting.wait.__name__, is_monkey_patched("socket"), "grpc" in sys.modules)
"""

COMING_BY = """
import sys
from pathlib import Path
from tests.faults.doomed import Doom

Doom(Path(sys.argv[1]), "program", 1, float(sys.argv[2])).at("before work")
"""


@pytest.mark.parametrize("loading", [AS_IT_IS, DOOMED], ids=["as it is", "doomed"])
def test_the_listener_waits_green_and_without_grpc_also_where_it_is_doomed(
    tmp_path_factory: pytest.TempPathFactory, loading: str
) -> None:
    command = [sys.executable, "-c", f"import sys\n{loading}{TELL}", str(tmp_path_factory.mktemp("tally"))]
    path = f"{REPOSITORY}:{REPOSITORY / 'protos' / 'gen'}"
    told = subprocess.run(
        command, cwd=REPOSITORY, env={"PYTHONPATH": path}, capture_output=True, text=True, check=False
    )
    assert (told.stdout.split(), told.stderr) == (["wait_selector", "True", "False"], "")


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        ('COPY "notices" (id) FROM STDIN', ["COPY notices"]),
        ("INSERT INTO inbox (a) SELECT 1 ON CONFLICT (a) DO UPDATE SET a = 1", ["INSERT inbox"]),
        ("DELETE FROM leases WHERE a < 1", ["DELETE leases"]),
        ("WITH due AS (SELECT f(1) FROM a FOR UPDATE SKIP LOCKED)\nUPDATE b SET c = 1", ["UPDATE b"]),
        ("WITH gone AS (DELETE FROM a RETURNING x) INSERT INTO b SELECT 1", ["DELETE a", "INSERT b"]),
        ("SELECT a FROM payments FOR UPDATE OF payments", []),
        ("SELECT a FROM payments FOR NO KEY UPDATE SKIP LOCKED", []),
    ],
)  # fmt: skip
def test_what_a_transaction_writes_names_its_point(statement: str, what: list[str]) -> None:
    assert writes(statement) == what


def test_who_comes_by_a_point_as_often_as_is_sure_is_dead(tmp_path: Path) -> None:
    chance = 0.3
    for _ in range(4):
        subprocess.run(
            [sys.executable, "-c", COMING_BY, str(tmp_path), str(chance)], cwd=REPOSITORY, check=False
        )
    assert deaths(tmp_path) == {("program", "before work"): 1}
    assert 1 <= passed(tmp_path)["program", "before work"] <= 4


def test_a_point_that_was_come_by_often_without_a_death_is_named(tmp_path: Path) -> None:
    doom = Doom(tmp_path, "program", quota=1, chance=0.0)
    for _ in range(3):
        doom.at("before work")
    assert (deaths(tmp_path), passed(tmp_path)) == ({}, {("program", "before work"): 3})
    assert survived(tmp_path, 0.3) == [], "so far it may have been luck"
    doom.at("before work")
    assert survived(tmp_path, 0.3) == ["program came by 4 times: before work"]
