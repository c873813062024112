"""The wire of pauses."""

from dunlin.scheduler.v1 import pauses_pb2 as pb

from services.scheduler.domain.pauses import PauseReason, PauseState, PauseView
from services.scheduler.use_cases.pauses import PauseOrder, PausePage, PauseShown
from services.shared.errors import Invalid
from services.shared.wire import date_of, iso, timestamp

_REASONS = {getattr(pb, f"PAUSE_REASON_{reason.name}"): reason for reason in PauseReason}
_REASONS_OUT = {ours: theirs for theirs, ours in _REASONS.items()}
_STATES_OUT = {state: getattr(pb, f"PAUSE_STATE_{state.name}") for state in PauseState}
_VIEWS = {
    pb.PAUSE_VIEW_IN_FORCE: PauseView.IN_FORCE,
    pb.PAUSE_VIEW_BROKEN_PROMISES: PauseView.BROKEN_PROMISES,
}


def order(request: pb.AddPauseRequest) -> PauseOrder:
    """A pause to add. `Invalid` (PAUSE_INVALID) for an end that is no date."""
    try:
        resumes_on = date_of(request.resumes_on, "resumes_on")
    except Invalid as no_date:
        raise Invalid(no_date.message, reason="PAUSE_INVALID", violations=no_date.violations) from None
    return PauseOrder(
        pause_id=request.pause_id,
        organization_id=request.organization_id,
        invoice_id=request.invoice_id,
        reason=_REASONS.get(request.reason),
        note=request.note.strip(),
        resumes_on=resumes_on,
        added_by=request.added_by,
        replaces=request.replaces,
    )


def view(told: pb.PauseView.ValueType) -> PauseView:
    """Which part of the pauses; all of them for one that is not known."""
    return _VIEWS.get(told, PauseView.ALL)


def to_pause(shown: PauseShown) -> pb.Pause:
    """A pause as it stands."""
    pause = shown.pause
    return pb.Pause(
        pause_id=pause.pause_id,
        organization_id=pause.organization_id,
        invoice_id=pause.invoice_id,
        invoice_number=pause.invoice_number,
        reason=_REASONS_OUT[pause.reason],
        note=pause.note,
        resumes_on=iso(pause.resumes_on),
        resumes_at=timestamp(pause.resumes_at),
        added_by=pause.added_by,
        added_at=timestamp(pause.added_at),
        state=_STATES_OUT[shown.state],
        ended_at=timestamp(pause.ended_at),
        ended_by=pause.ended_by,
        replaced_by=pause.replaced_by,
    )


def to_pauses(page: PausePage) -> pb.ListPausesResponse:
    """A page of pauses."""
    return pb.ListPausesResponse(
        pauses=[to_pause(shown) for shown in page.pauses],
        next_page_token=page.next_page_token,
        total=page.total,
    )
