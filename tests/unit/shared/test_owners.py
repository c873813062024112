"""Who holds a lease, and whether that process still lives."""

import os
import subprocess
import sys
from pathlib import Path

from services.shared.owners import is_dead, owner_name, this_host


def test_this_process_lives_and_one_that_has_ended_is_dead() -> None:
    assert not is_dead(owner_name("send-0"))
    child = subprocess.Popen([sys.executable, "-c", "pass"])
    child.wait()
    assert is_dead(f"{this_host()}|{child.pid}|123|send-0")


def test_a_later_process_with_the_same_id_is_another_one() -> None:
    assert is_dead(f"{this_host()}|{os.getpid()}|1|send-0")


def test_nothing_is_known_about_the_processes_of_another_machine() -> None:
    assert not is_dead("elsewhere/boot/pid|1|1|send-0")
    assert not is_dead("not an owner")


def test_a_living_process_whose_start_cannot_be_read_is_not_called_dead(tmp_path: Path) -> None:
    """As where /proc hides what other users run; nor is one that could not read its own start."""
    assert not is_dead(owner_name("send-0"), proc=tmp_path)
    assert not is_dead(f"{this_host()}|{os.getpid()}||send-0")


def test_an_ended_process_is_dead_also_where_starts_cannot_be_read(tmp_path: Path) -> None:
    child = subprocess.Popen([sys.executable, "-c", "pass"])
    child.wait()
    assert is_dead(f"{this_host()}|{child.pid}|123|send-0", proc=tmp_path)
