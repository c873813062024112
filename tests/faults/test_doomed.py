"""A program that is to die at exact points is the real one in everything else."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.e2e.company import REPOSITORY

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
