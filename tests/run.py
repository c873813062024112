"""Runs the tests stage by stage, goes on after a failure, and sums up at the end.

    python tests/run.py unit servers e2e browser acceptance faults stack

Ends with 1 if a stage failed. A stage that cannot run here is named loudly; with CI=true that is a failure.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[1] / "protos" / "gen")]

from tests.browser.find_chromium import find_or_install_chromium  # noqa: E402 - after the path is set
from tests.servers import start_postgres, start_rabbitmq, why_no_containers  # noqa: E402

REPOSITORY = Path(__file__).parents[1]
IN_CI = os.environ.get("CI") == "true"

# On every core at once: whichever is free takes the next test, or file where its tests share what is dear to
# set up, be it a million rows or a running company. Tests of faults, which wait much, say themselves which of
# them belong together; what is measured at full size would be another thing with others beside it.
EACH_TEST = ("-n", "auto", "--dist", "worksteal")
EACH_FILE = ("-n", "auto", "--dist", "loadfile")
EACH_GROUP = ("-n", "auto", "--dist", "loadgroup", "--no-loadscope-reorder")
FAULTS = () if os.environ.get("DUNLIN_FAULTS") == "full" else EACH_GROUP

STAGES = {
    "unit": (
        "without any server",
        [
            *(*EACH_TEST, "-m", "not postgresql and not rabbitmq"),
            *("tests/unit", "tests/contracts", "tests/architecture"),
        ],
    ),
    "servers": (
        "the same promises on PostgreSQL and RabbitMQ",
        [*EACH_FILE, "-m", "postgresql or rabbitmq", "tests/contracts"],
    ),
    "e2e": ("over running programs", [*EACH_FILE, "tests/e2e"]),
    # In the order of their names: those with the fewest tests, which would come last, take the longest.
    "browser": ("the story in a browser", [*EACH_FILE, "--no-loadscope-reorder", "tests/browser"]),
    "acceptance": ("real invoice lists", [*EACH_TEST, "tests/acceptance"]),
    "faults": ("programs are killed", [*FAULTS, "tests/faults"]),
    # Its progress is worth seeing: a build and a start of 13 containers take a while.
    "stack": ("the whole stack of containers, from outside", ["-s", "tests/stack"]),
}


def main(names: list[str]) -> int:
    """Runs the stages in order; returns the exit code."""
    unknown = [name for name in names if name not in STAGES]
    if unknown or not names:
        sys.stderr.write(f"usage: run.py STAGE...; stages are {', '.join(STAGES)}\n")
        return 2
    outcomes = {name: _run(name) for name in names}
    tell("=" * 78)
    for name, (outcome, seconds) in outcomes.items():
        tell(f"{name:<12}{outcome:<44}{seconds:8.1f} s")
    return 0 if all(_is_good(outcome) for outcome, _ in outcomes.values()) else 1


def _is_good(outcome: str) -> bool:
    """What could not run is no failure on somebody's own machine; in CI it is."""
    return outcome == "passed" or (outcome.startswith("NOT RUN") and not IN_CI)


def _run(name: str) -> tuple[str, float]:
    what, arguments = STAGES[name]
    tell(f"{'=' * 78}\n{name}: {what}")
    env = dict(os.environ)
    if name == "browser":
        chromium = find_or_install_chromium(tell)
        if chromium is None:
            tell("!" * 78)
            tell("!!! THE BROWSER TESTS DID NOT RUN: no Chromium was found, and none could be installed.")
            tell("!!! Install one, or name it in DUNLIN_CHROMIUM.")
            tell("!" * 78)
            return "NOT RUN: no Chromium", 0.0
        env["DUNLIN_CHROMIUM"] = chromium
    if name == "stack" and (why := why_no_containers()):
        tell(f"{'!' * 78}\n!!! THE TEST OF THE STACK OF CONTAINERS DID NOT RUN: {why}\n{'!' * 78}")
        return "NOT RUN: no container engine", 0.0
    started = time.monotonic()
    with contextlib.ExitStack() as running:
        if name == "servers" and (why := _start_servers(env, running)):
            tell(f"{'!' * 78}\n!!! THE TESTS ON POSTGRESQL AND RABBITMQ DID NOT RUN: {why}\n{'!' * 78}")
            return "NOT RUN: no servers", 0.0
        command = [sys.executable, "-m", "pytest", *arguments]
        code = subprocess.run(command, cwd=REPOSITORY, env=env, check=False).returncode
    outcome = {0: "passed", 5: "FAILED: there were no tests"}.get(code, "FAILED")
    return outcome, time.monotonic() - started


def _start_servers(env: dict[str, str], running: contextlib.ExitStack) -> str:
    """Sets TEST_POSTGRES_URL and TEST_AMQP_URL, by containers if need be; why it cannot, else empty."""
    for variable, start in (("TEST_POSTGRES_URL", start_postgres), ("TEST_AMQP_URL", start_rabbitmq)):
        if env.get(variable):
            continue
        if why := why_no_containers():
            return f"{variable} is not set and {why}"
        tell(f"Starting a container for {variable}")
        env[variable], stop = start()
        running.callback(stop)
    return ""


def tell(text: str) -> None:
    """A line of progress, seen at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
