"""What a benchmark says: figures of ours beside a limit or a peer that was measured in the same run."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Figure:
    """One measured ratio, and what it should reach.

    `ours` and `beside` are in `unit`; `ratio` is what the goal speaks of. `reached` is None where the figure
    is for information only.
    """

    work: str
    """What was done ("Validate on PostgreSQL, requests/s, 16 callers")."""
    beside: str
    """What it stands beside ("a bare handler with one indexed read")."""
    unit: str
    ours: float
    peer: float
    ratio: float
    goal: str
    """The goal in words ("at least 0.6")."""
    reached: bool | None
    note: str = ""

    def as_json(self) -> dict[str, Any]:
        """All fields as plain values."""
        return asdict(self)


def at_least(
    work: str, beside: str, unit: str, *, ours: float, peer: float, goal: float, note: str = ""
) -> Figure:
    """More is better: ours / peer has to reach the goal."""
    ratio = ours / peer
    return Figure(work, beside, unit, ours, peer, ratio, f"at least {goal:g}", ratio >= goal, note)


def at_most(
    work: str, beside: str, unit: str, *, ours: float, peer: float, goal: float, note: str = ""
) -> Figure:
    """Less is better: ours / peer has to stay within the goal."""
    ratio = ours / peer
    return Figure(work, beside, unit, ours, peer, ratio, f"at most {goal:g}", ratio <= goal, note)


def limit(work: str, unit: str, *, ours: float, most: float, note: str = "") -> Figure:
    """Less is better, against a fixed limit."""
    return Figure(
        work, "the limit", unit, ours, most, ours / most, f"at most {most:g} {unit}", ours <= most, note
    )


def floor(work: str, unit: str, *, ours: float, least: float, note: str = "") -> Figure:
    """More is better, against a fixed limit."""
    return Figure(
        work, "the limit", unit, ours, least, ours / least, f"at least {least:g} {unit}", ours >= least, note
    )
