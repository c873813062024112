"""Measures, and prints the figures as a table: `python bench/run.py [--quick] [--out FOLDER] [NAME...]`.

Each name is a module of this folder with `run(scale: Scale) -> list[Figure]`. Servers come from
TEST_POSTGRES_URL and TEST_AMQP_URL, else from containers. With --out the table and JSON are kept there.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

REPOSITORY = Path(__file__).parents[1]
sys.path[:0] = [str(REPOSITORY), str(REPOSITORY / "protos" / "gen")]

from bench.figures import Figure
from tests.servers import start_postgres, start_rabbitmq, why_no_containers

NAMES = ("validate", "sync", "tick", "mails", "facts", "pages")


@dataclass(frozen=True)
class Scale:
    """How much to measure, and on which servers."""

    postgres_url: str
    amqp_url: str
    quick: bool
    """A tenth of the work or less: to see that it runs, not to believe its figures."""


def main(arguments: Sequence[str]) -> int:
    """Runs the benchmarks; 0 also where a goal was missed, since the table says so."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*NAMES, []], help="which to run; all by default")
    parser.add_argument("--quick", action="store_true", help="little work, to see that it runs")
    parser.add_argument("--out", type=Path, help="a folder to keep the table and the JSON in")
    asked = parser.parse_args(arguments)
    found: dict[str, list[Figure]] = {}
    with ExitStack() as running:
        scale = Scale(
            _server("TEST_POSTGRES_URL", start_postgres, running),
            _server("TEST_AMQP_URL", start_rabbitmq, running),
            asked.quick,
        )
        for name in asked.names or NAMES:
            began = time.monotonic()
            _tell(f"{name} ...")
            found[name] = importlib.import_module(f"bench.{name}").run(scale)
            _tell(f"{name}: {time.monotonic() - began:.0f} s\n{as_table(found[name])}")
            if asked.out:
                # After each, so that one that fails does not take the others' figures with it.
                keep(asked.out, found, quick=asked.quick)
    _tell(f"\n{machine()}\n\n{as_table(_all(found))}")
    return 0


def _all(found: Mapping[str, Sequence[Figure]]) -> list[Figure]:
    return [figure for figures in found.values() for figure in figures]


def _server(variable: str, start: object, running: ExitStack) -> str:
    if url := os.environ.get(variable):
        return url
    if why := why_no_containers():
        sys.exit(f"{variable} is not set and {why}.")
    url, stop = start()  # type: ignore[operator]
    running.callback(stop)
    return str(url)


def as_table(figures: Sequence[Figure]) -> str:
    """The figures as Markdown."""
    lines = [
        "| work | ours | beside | peer | ratio | goal | |",
        "| --- | ---: | --- | ---: | ---: | --- | --- |",
    ]
    for f in figures:
        verdict = {True: "reached", False: "**missed**", None: "for information"}[f.reached]
        numbers = f"{f.ours:,.4g} {f.unit} | {f.beside} | {f.peer:,.4g} {f.unit} | {f.ratio:.2f}"
        lines.append(f"| {f.work} | {numbers} | {f.goal} | {verdict}{f': {f.note}' if f.note else ''} |")
    return "\n".join(lines)


def machine() -> str:
    """The machine and the commit, in a line."""
    model = platform.processor() or platform.machine()
    for line in Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else ():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    system = f"{platform.system()} {platform.release()}, Python {platform.python_version()}"
    return f"{os.cpu_count()} x {model}, {system}, commit {commit()}"


def commit() -> str:
    """The commit that was measured, with a mark if files were changed since."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=12"]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout.strip()


def keep(folder: Path, found: Mapping[str, Sequence[Figure]], *, quick: bool) -> None:
    """Writes bench.md and bench.json."""
    folder.mkdir(parents=True, exist_ok=True)
    at = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    content = {
        "machine": machine(),
        "commit": commit(),
        "at": at,
        "quick": quick,
        "figures": {name: [figure.as_json() for figure in figures] for name, figures in found.items()},
    }
    (folder / "bench.json").write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    page = f"# Speed, measured\n{at}, {machine()}\n\n{as_table(_all(found))}\n"
    (folder / "bench.md").write_text(page, encoding="utf-8")


def _tell(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
