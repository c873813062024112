"""What a fleet consists of: its programs, how they are started, and what may lie between them."""

from __future__ import annotations

import subprocess
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

SERVICES = ("scheduler", "mailer", "paynow")
DATABASES = (*SERVICES, "sandbox", "identity")
SMTP_CONNECTIONS = 2
BANK_SECONDS = 3

PROGRAMS: dict[str, tuple[str, ...]] = {
    "scheduler-serve": ("services.scheduler", "serve"),
    "scheduler-work": ("services.scheduler", "work"),
    "scheduler-events": ("services.scheduler.events",),
    "mailer-serve": ("services.mailer", "serve"),
    "mailer-work-1": ("services.mailer", "work"),
    "mailer-work-2": ("services.mailer", "work"),
    "mailer-relay-1": ("services.mailer", "relay"),
    "mailer-relay-2": ("services.mailer", "relay"),
    "paynow-serve": ("services.paynow", "serve"),
    "paynow-work-1": ("services.paynow", "work"),
    "paynow-work-2": ("services.paynow", "work"),
    "paynow-relay-1": ("services.paynow", "relay"),
    "paynow-relay-2": ("services.paynow", "relay"),
    "gateway": ("gateway", "serve"),
}

LINES: dict[str, tuple[str, str]] = {
    "gateway > scheduler": ("gateway", "DUNLIN_SCHEDULER_ADDRESS"),
    "scheduler > mailer": ("scheduler", "DUNLIN_MAILER_ADDRESS"),
    "scheduler > paynow": ("scheduler", "DUNLIN_PAYNOW_ADDRESS"),
    "mailer > scheduler": ("mailer-work", "DUNLIN_SCHEDULER_ADDRESS"),
    "scheduler > postgresql": ("scheduler", "DUNLIN_SCHEDULER_DATABASE_URL"),
    "mailer > postgresql": ("mailer", "DUNLIN_MAILER_DATABASE_URL"),
    "paynow > postgresql": ("paynow", "DUNLIN_PAYNOW_DATABASE_URL"),
    "relays > rabbitmq": ("paynow-relay mailer-relay", "DUNLIN_AMQP_URL"),
    "events > rabbitmq": ("scheduler-events", "DUNLIN_AMQP_URL"),
    "mailer > smtp": ("mailer-work", "DUNLIN_SMTP_PORT"),
}
"""What a bad network may lie between: the programs (by how their names begin), and the setting it is in."""


@dataclass(frozen=True)
class Doomed:
    """Programs that are to die at exact points; see doomed.py."""

    tally: Path
    quota: int
    chance: float
    spared: frozenset[str] = frozenset()

    def command(self, program: str, words: Sequence[str]) -> tuple[str, ...]:
        """The arguments that run the program so, or plainly if it is spared."""
        if program in self.spared:
            return ("-m", *words)
        options = (str(self.tally), program, str(self.quota), str(self.chance))
        return ("-m", "tests.faults.doomed", *options, *words)


@dataclass
class Process:
    """One program: its present process, and how often it was started."""

    name: str
    words: tuple[str, ...]
    env: dict[str, str]
    log: Path
    running: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    starts: int = 0
    ends: Counter[int] = field(default_factory=Counter)
