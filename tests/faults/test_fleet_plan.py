"""A bad network can be laid into every line on which a program of the fleet goes anywhere."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.company import REPOSITORY
from tests.faults.fleet_plan import LINES, PROGRAMS, on_line

LISTENERS = [program for program in PROGRAMS if program.endswith("-events")]
OTHERS = [program for program in PROGRAMS if program not in LISTENERS]


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """By program the settings that lead it to others."""
    root, found = tmp_path_factory.mktemp("settings"), {}
    for programs in (LISTENERS, OTHERS):
        found.update(places_of(programs, root))
    return found


def places_of(programs: list[str], root: Path) -> dict[str, list[str]]:
    env = {name: value for name, value in os.environ.items() if not name.startswith("DUNLIN_")}
    env["PYTHONPATH"] = os.pathsep.join((str(REPOSITORY), str(REPOSITORY / "protos" / "gen")))
    command = [sys.executable, "-m", "tests.faults.places", str(root), *programs]
    done = subprocess.run(command, cwd=REPOSITORY, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, list[str]] = json.loads(done.stdout)
    return found


def test_every_program_leads_somewhere(asked: dict[str, list[str]]) -> None:
    assert [program for program in PROGRAMS if not asked[program]] == []


def test_each_place_that_a_program_is_told_of_is_at_the_end_of_exactly_one_line(
    asked: dict[str, list[str]],
) -> None:
    lines = {
        (program, setting): [name for name in LINES if LINES[name][1] == setting and on_line(name, program)]
        for program, settings in asked.items()
        for setting in settings
    }
    assert {way: found for way, found in lines.items() if len(found) != 1} == {}


def test_no_line_is_laid_where_nobody_goes(asked: dict[str, list[str]]) -> None:
    unused = [
        line
        for line, (_, setting) in LINES.items()
        if not any(on_line(line, program) and setting in asked[program] for program in PROGRAMS)
    ]
    assert unused == []
