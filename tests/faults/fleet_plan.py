"""What a fleet consists of: its programs, how they are started, and what may lie between them."""

from __future__ import annotations

import secrets
import subprocess
from collections import Counter
from collections.abc import Mapping, Sequence
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
    "gateway > mailer": ("gateway", "DUNLIN_MAILER_ADDRESS"),
    "gateway > paynow": ("gateway", "DUNLIN_PAYNOW_ADDRESS"),
    "scheduler > paynow": ("scheduler", "DUNLIN_PAYNOW_ADDRESS"),
    "scheduler > mailer": ("scheduler", "DUNLIN_MAILER_ADDRESS"),
    "mailer > scheduler": ("mailer-serve mailer-work", "DUNLIN_SCHEDULER_ADDRESS"),
    "relays > scheduler": ("paynow-relay mailer-relay", "DUNLIN_SCHEDULER_ADDRESS"),
    "gateway > postgresql": ("gateway", "DUNLIN_IDENTITY_DATABASE_URL"),
    "provider > postgresql": ("paynow", "DUNLIN_SANDBOX_DATABASE_URL"),
    "paynow > postgresql": ("paynow", "DUNLIN_PAYNOW_DATABASE_URL"),
    "scheduler > postgresql": ("scheduler", "DUNLIN_SCHEDULER_DATABASE_URL"),
    "mailer > postgresql": ("mailer", "DUNLIN_MAILER_DATABASE_URL"),
    "gateway > smtp": ("gateway", "DUNLIN_SMTP_PORT"),
    "relays > rabbitmq": ("paynow-relay mailer-relay", "DUNLIN_AMQP_URL"),
    "events > rabbitmq": ("scheduler-events", "DUNLIN_AMQP_URL"),
    "mailer > smtp": ("mailer-work", "DUNLIN_SMTP_PORT"),
}
"""What a bad network may lie between: the programs (by how their names begin), and the setting it is in.

That none is left out is in test_fleet_plan.py."""


def settings(
    root: Path, ports: Mapping[str, int], databases: Mapping[str, str], broker: str, smtp: int
) -> dict[str, str]:
    """The settings that all programs are given, before any line is laid; secrets are files in `root`."""
    for name in ("service-token", "session-key", "link-key", "portal-key"):
        (root / name).write_text(secrets.token_urlsafe(32))
    site = f"127.0.0.1:{ports['gateway']}"
    return {
        "DUNLIN_SERVICE_TOKEN_FILE": str(root / "service-token"),
        "DUNLIN_SESSION_KEY_FILE": str(root / "session-key"),
        "DUNLIN_LINK_KEY_FILE": str(root / "link-key"),
        "DUNLIN_PORTAL_KEY_FILE": str(root / "portal-key"),
        "DUNLIN_PUBLIC_URL": f"http://{site}",
        "DUNLIN_GATEWAY_LISTEN": site,
        "DUNLIN_SMTP_HOST": "127.0.0.1",
        "DUNLIN_SMTP_PORT": str(smtp),
        "DUNLIN_SMTP_CONNECTIONS": str(SMTP_CONNECTIONS),
        "DUNLIN_SANDBOX_ACH_SECONDS": str(BANK_SECONDS),
        "DUNLIN_AMQP_URL": broker,
        **{f"DUNLIN_{name.upper()}_LISTEN": f"127.0.0.1:{ports[name]}" for name in SERVICES},
        **{f"DUNLIN_{name.upper()}_ADDRESS": f"127.0.0.1:{ports[name]}" for name in SERVICES},
        **{f"DUNLIN_{name.upper()}_DATABASE_URL": url for name, url in databases.items()},
    }


def on_line(line: str, program: str) -> bool:
    """Whether the program is at the near end of the line."""
    return program.startswith(tuple(LINES[line][0].split()))


@dataclass(frozen=True)
class Doomed:
    """Programs that are to die at exact points; see doomed.py."""

    tally: Path
    quota: int
    chance: float

    def command(self, program: str, words: Sequence[str]) -> tuple[str, ...]:
        """The arguments that run the program so."""
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
