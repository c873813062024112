"""A log level that is none stops the start, rather than a program that logs something else than was asked."""

import os
import subprocess
import sys

import pytest


@pytest.mark.parametrize("program", ["gateway", "services.mailer"])
def test_an_unknown_log_level_stops_the_start_and_is_named(program: str) -> None:
    result = subprocess.run(
        [sys.executable, "-m", program, "migrate"],
        env={**os.environ, "DUNLIN_LOG_LEVEL": "LOUD"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert result.returncode == 2
    assert "DUNLIN_LOG_LEVEL is 'LOUD'; it must be one of DEBUG, INFO, WARNING, ERROR." in result.stderr
