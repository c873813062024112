"""What a fault scenario has to tell: a file in tests/output for each, and all of them as a table.

python -m tests.faults.results docs/measured/faults.md
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections import Counter
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
OUTPUT = REPOSITORY / "tests" / "output"

PAGE = """# Broken on purpose
Taken {taken} by `make faults`; {machine}.

Each scenario has notices and payments of its own in flight while it is broken, with exclusions and invoices
closed in the midst of it. Afterwards the ledgers are compared with what the SMTP server took and what the
payment provider charged: invariants 1 to 6 of the design, as `tests/faults/aftermath.py` checks them.

- *copies*: mails that went out a second time, each because the connection that took it first was cut then.
- *points*: exact places (before or after a commit, a call, a mail, a charge, a publish or an acknowledgement)
  at which a program died.
- *idle after*: from the end of the fault until no program has any work left; *mails left* had not gone out by
  then, and took so many seconds of it at the pace from before the fault.

{table}

{deaths} programs were killed with kill -9:

| program | kills |
| --- | ---: |
{kills}

{verdict}
"""


@dataclass
class Result:
    """One line of the table of faults."""

    scenario: str
    size: str
    seed: int
    notices: int
    payments: int
    mails: int = 0
    copies: int = 0
    kills: dict[str, int] = field(default_factory=dict)
    points: int = 0
    """Exact points at which somebody died."""
    left: int = 0
    """Mails that had not gone out when the fault ended."""
    backlog_seconds: float = 0.0
    """How long those take at the pace from before the fault."""
    seconds_to_idle: float = 0.0
    complaints: list[str] = field(default_factory=list)


def write(result: Result) -> None:
    """Keeps the result in tests/output."""
    OUTPUT.mkdir(parents=True, exist_ok=True)
    path = OUTPUT / f"faults-{result.scenario}.json"
    path.write_text(json.dumps(asdict(result), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def table(results: list[Result]) -> str:
    """The results as Markdown."""
    columns = (
        "fault",
        "notices",
        "payments",
        "mails",
        "copies",
        "kills",
        "points",
        "idle after",
        "mails left",
    )
    lines = [f"| {' | '.join(columns)} |", "| --- |" + " ---: |" * (len(columns) - 1)]
    for r in results:
        cells = (
            r.scenario.replace("-", " "),
            f"{r.notices:,}",
            f"{r.payments}",
            f"{r.mails:,}",
            f"{r.copies}",
            f"{sum(r.kills.values()) or ''}",
            f"{r.points or ''}",
            f"{r.seconds_to_idle:.0f} s",
            f"{r.left:,}, {r.backlog_seconds:.0f} s",
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def report(results: list[Result]) -> str:
    """The page docs/measured/faults.md."""
    git = ["git", "describe", "--always", "--dirty"]
    commit = subprocess.run(git, cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout.strip()
    seeds = ", ".join(sorted({str(r.seed) for r in results}))
    killed: Counter[str] = Counter()
    for r in results:
        killed.update(r.kills)
    return PAGE.format(
        taken=f"{datetime.now(UTC):%Y-%m-%d} at commit {commit}",
        machine=f"{os.cpu_count()} processors, Python {platform.python_version()}, seed {seeds}",
        table=table(results),
        deaths=sum(killed.values()),
        kills="\n".join(f"| {program} | {times} |" for program, times in sorted(killed.items())),
        verdict="\n".join(f"- {r.scenario}: {complaint}" for r in results for complaint in r.complaints)
        or "All promises held.",
    )


def main(target: Path) -> None:
    """Writes the page from the files in tests/output."""
    found = [Result(**json.loads(path.read_text())) for path in sorted(OUTPUT.glob("faults-*.json"))]
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(report(found), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
