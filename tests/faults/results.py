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
  at which a program died, of those that one came by; whoever comes by one a fourth time dies there for sure.
- *idle after*: seconds from the end of the fault until no program has any work left; {bar:.0f} are allowed.
- *mails left*: what had not gone out when the fault ended, and *which alone take*: how many seconds of mails
  that is at the pace from before the fault. Where this is more than is allowed, no recovery could be in time.

{table}

{smaller}

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
NOTICES, PAYMENTS = 5_000, 500
"""What has to be in flight where the distributed way is broken. The embedded way is for smaller companies."""
EMBEDDED = "embedded-"

SCENARIOS = (
    "random-kills",
    "exact-kills",
    *(f"postgresql-{harm}" for harm in ("killed", "restarted", "frozen", "stopped")),
    *(f"rabbitmq-{harm}" for harm in ("killed", "frozen", "without-queues", "emptied")),
    *(f"smtp-{harm}" for harm in ("refuses", "tarpit", "drops-before", "drops-after", "by-address")),
    "provider-silent",
    *(f"network-{lines}" for lines in ("between-programs", "to-databases", "to-broker-and-mail")),
    *(f"{EMBEDDED}{harm}" for harm in ("services", "edges", "payments", "full-disk", "limited-files")),
)
"""What a full run consists of: where one is missing, whatever the reason, not everything was tried."""


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
    points_passed: int = 0
    """Exact points that somebody came by at all, so far as deaths were owed there."""
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

    @property
    def is_small(self) -> bool:
        """Whether less was in flight than is asked for of the distributed way."""
        return self.notices < NOTICES or self.payments < PAYMENTS


def write(result: Result, folder: Path = OUTPUT) -> None:
    """Keeps the result, in tests/output."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"faults-{result.scenario}.json"
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
            f"{r.points} of {r.points_passed}" if r.points_passed else "",
            f"{r.seconds_to_idle:.1f} s" if r.in_time else f"{r.seconds_to_idle:.1f} s, **missed**",
            f"{r.left:,}",
            f"{r.backlog_seconds:.0f} s",
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def in_flight(result: Result) -> str:
    """What was under way, in words."""
    return f"{result.notices:,} notices and {result.payments} payments"


def smaller(results: list[Result]) -> str:
    """Names the scenarios in which less was in flight than in the others."""
    small = [f"{r.scenario.replace('-', ' ')} ({in_flight(r)})" for r in results if r.is_small]
    if not small:
        return f"Each had {NOTICES:,} notices and {PAYMENTS} payments or more in flight."
    return f"Less than {NOTICES:,} notices and {PAYMENTS} payments were in flight in: {', '.join(small)}."


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
    there = {r.scenario for r in results}
    return [
        *[f"{scenario}: not run" for scenario in SCENARIOS if scenario not in there],
        *[f"{scenario}: not in the list of scenarios" for scenario in sorted(there.difference(SCENARIOS))],
        *[f"{r.scenario}: {complaint}" for r in results for complaint in r.complaints],
        *late,
        *[f"{r.scenario}: run at {r.size} size" for r in results if r.size != "full"],
        *[
            f"{r.scenario}: {in_flight(r)} in flight"
            for r in results
            if r.is_small and not r.scenario.startswith(EMBEDDED)
        ],
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
        smaller=smaller(results),
        deaths=killed.total(),
        kills="\n".join(f"| {program} | {times} |" for program, times in sorted(killed.items())),
        verdict="\n".join(["What did not hold:", "", *[f"- {what}" for what in missing]])
        if missing
        else "All promises held.",
    )


def main(target: Path, folder: Path = OUTPUT) -> int:
    """Writes the page from the results that are kept; 1 if this was no full run that went well."""
    found = [Result(**json.loads(path.read_text())) for path in sorted(folder.glob("faults-*.json"))]
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(report(found), encoding="utf-8")
    missing = shortfalls(found)
    sys.stdout.write("\n".join([f"The table is in {target}.", *missing, ""]))
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
