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
from functools import cache
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
OUTPUT = REPOSITORY / "tests" / "output"

PAGE = """# Broken on purpose
Taken by `make faults` at commit {commits}, ended {at:%Y-%m-%d %H:%M} UTC; {machine}.

Each scenario has notices and payments of its own in flight while it is broken, with exclusions and invoices
closed in the midst of it. Afterwards the ledgers are compared with what the SMTP server took and what the
payment provider charged: invariants 1 to 6 of the design, as `tests/faults/aftermath.py` checks them.

- *copies*: mails that went out a second time, each because the connection that took it first was cut then.
- *points*: exact places (before or after a commit, a call, a mail, a charge, a publish or an acknowledgement)
  at which a program died.
- *idle after*: seconds from the end of the fault until no program has any work left; {bar:.0f} are allowed.
- *mails left*: what had not gone out when the fault ended, and *which alone take*: how many seconds of mails
  that is at the pace from before the fault. Where this is more than is allowed, no recovery could be in time.

{table}

{deaths} programs were killed with kill -9; {most} are asked for, and each program of the fleet among them:

| program | kills |
| --- | ---: |
{kills}

{verdict}
"""

IDLE_SECONDS = 60.0
"""Within how many seconds of a fault's end all has to be done."""
KILLS = 200
"""How many programs a full run has to kill."""
UNFINISHED = "it did not come to its end"


@cache
def commit() -> str:
    """What is being tried, with a mark if files were changed since."""
    git = ["git", "describe", "--always", "--dirty", "--abbrev=12"]
    return subprocess.run(git, cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout.strip()


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
    """By program; those that were never killed have a 0 here."""
    points: int = 0
    """Exact points at which somebody died."""
    left: int = 0
    """Mails that had not gone out when the fault ended."""
    backlog_seconds: float = 0.0
    """How long those take at the pace from before the fault."""
    seconds_to_idle: float = 0.0
    complaints: list[str] = field(default_factory=list)
    commit: str = field(default_factory=commit)

    @property
    def in_time(self) -> bool:
        """Whether all was done soon enough after the fault, whatever was left to do."""
        return self.seconds_to_idle <= IDLE_SECONDS


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
        "which alone take",
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
            f"{r.seconds_to_idle:.1f} s" if r.in_time else f"{r.seconds_to_idle:.1f} s, **missed**",
            f"{r.left:,}",
            f"{r.backlog_seconds:.0f} s",
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def kills(results: list[Result]) -> Counter[str]:
    """How often each program was killed, those that never were among them."""
    killed: Counter[str] = Counter()
    for r in results:
        killed.update(r.kills)
    return killed


def shortfalls(results: list[Result]) -> list[str]:
    """What keeps these from being a full run in which every promise held; empty if nothing does."""
    killed = kills(results)
    late = [
        f"{r.scenario}: idle after {r.seconds_to_idle:.1f} s instead of {IDLE_SECONDS:.0f}"
        + (
            f"; the mails left alone take {r.backlog_seconds:.0f} s"
            if r.backlog_seconds > IDLE_SECONDS
            else ""
        )
        for r in results
        if not r.in_time
    ]
    return [
        *[f"{r.scenario}: {complaint}" for r in results for complaint in r.complaints],
        *late,
        *[f"{r.scenario}: run at {r.size} size" for r in results if r.size != "full"],
        *([f"{killed.total()} kills instead of {KILLS}"] if killed.total() < KILLS else []),
        *[f"{program}: never killed" for program, times in sorted(killed.items()) if not times],
        *(["the scenarios ran at different commits"] if len({r.commit for r in results}) > 1 else []),
    ]


def report(results: list[Result]) -> str:
    """The page docs/measured/faults.md."""
    seeds = ", ".join(sorted({str(r.seed) for r in results}))
    killed = kills(results)
    missing = shortfalls(results)
    return PAGE.format(
        commits=", ".join(sorted({r.commit for r in results})),
        at=datetime.now(UTC),
        machine=f"{os.cpu_count()} processors, Python {platform.python_version()}, seed {seeds}",
        bar=IDLE_SECONDS,
        most=KILLS,
        table=table(results),
        deaths=killed.total(),
        kills="\n".join(f"| {program} | {times} |" for program, times in sorted(killed.items())),
        verdict="\n".join(["What did not hold:", "", *[f"- {what}" for what in missing]])
        if missing
        else "All promises held.",
    )


def main(target: Path) -> int:
    """Writes the page from the files in tests/output; 1 if this was no full run that went well."""
    found = [Result(**json.loads(path.read_text())) for path in sorted(OUTPUT.glob("faults-*.json"))]
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(report(found), encoding="utf-8")
    missing = shortfalls(found)
    sys.stdout.write("\n".join([f"The table is in {target}.", *missing, ""]))
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
