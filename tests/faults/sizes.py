"""How large the fault scenarios are: DUNLIN_FAULTS=full as `make faults` runs them, short otherwise."""

from __future__ import annotations

import os
from dataclasses import dataclass


@dataclass(frozen=True)
class Size:
    """What is in flight while things break."""

    name: str
    notices: int
    payments: int
    deaths: int
    """At random moments; those at exact points come on top."""
    quota: int
    """Deaths of each program at each exact point."""
    hold_seconds: float
    """How long a fault lasts that is not over in a moment."""


FULL = Size("full", notices=5_000, payments=500, deaths=120, quota=2, hold_seconds=20.0)
SHORT = Size("short", notices=240, payments=32, deaths=16, quota=1, hold_seconds=4.0)

SIZE = FULL if os.environ.get("DUNLIN_FAULTS") == "full" else SHORT
SEED = int(os.environ.get("DUNLIN_KILL_SEED", "20250616"))
