"""Where a candidate stands, whatever type of mail it is for: what all decisions have in common."""

from typing import NamedTuple

from services.scheduler.domain import reasons
from services.scheduler.domain.notice import Known, Occurred, State


class Standing(NamedTuple):
    """Where a notice stands, or would stand, and why."""

    state: State
    reason: str


def by_circumstances(
    reason: str, *, excluded: bool, paused: bool, reachable: bool, barred: Standing | None = None
) -> Standing:
    """Where a candidate stands before it is asked whom it could go to; queued for that reason if it may go.

    `barred` is what keeps it besides from going.
    """
    if excluded:
        return Standing(State.SKIPPED, reasons.ORGANIZATION_EXCLUDED)
    if paused:
        return Standing(State.SKIPPED, reasons.PAUSED)
    if barred is not None:
        return barred
    if not reachable:
        return Standing(State.SKIPPED, reasons.NO_ADDRESS)
    return Standing(State.QUEUED, reason)


def as_told(standing: Standing, known: Known | Occurred | None, untold: str | None) -> Standing | None:
    """The same once it was asked whom it could go to; None if it was not, and that alone had kept it.

    `untold` is why nobody can be told, empty if somebody can; with None it was not asked.
    """
    if standing.state is not State.QUEUED:
        return standing
    if untold is None:
        return None if known is not None and is_for_addresses(known) else standing
    return Standing(State.SKIPPED, untold) if untold else standing


def is_for_addresses(known: Known | Occurred) -> bool:
    """Whether it was skipped because nobody could be told, which may be another thing by now."""
    return known.state is State.SKIPPED and known.reason in reasons.OF_ADDRESSES
