"""Pauses in memory for the gateway's tests."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from dunlin.scheduler.v1 import pauses_pb2 as pb

from services.shared.errors import Conflict, Invalid, Missing, Violation, WrongState
from services.shared.wire import timestamp
from tests.fakes.gateway_books import FakeLedger
from tests.fakes.gateway_rpc import FakeStub, rpc

BROKEN, IN_FORCE = pb.PAUSE_STATE_PROMISE_BROKEN, pb.PAUSE_STATE_IN_FORCE


class FakePauses(FakeStub):
    """Pauses that stand where a test puts them; the newest one is the last."""

    def __init__(self, ledger: FakeLedger) -> None:
        super().__init__()
        self.ledger = ledger
        self.pauses: dict[str, pb.Pause] = {}

    def put(self, pause_id: str, **but: object) -> pb.Pause:
        """A dispute of ACME until in ten days, as if it had been added."""
        usual = {
            "organization_id": "ACME",
            "reason": pb.PAUSE_REASON_DISPUTE,
            "resumes_on": (self.ledger.today + timedelta(days=10)).isoformat(),
            "added_by": "sam@x.test",
            "state": IN_FORCE,
        }
        pause = pb.Pause(pause_id=pause_id, **usual | but)  # type: ignore[arg-type]
        pause.added_at.CopyFrom(timestamp(datetime.now(UTC)))
        self.pauses[pause_id] = pause
        return pause

    @rpc
    def AddPause(self, request: Any) -> Any:
        if request.pause_id in self.pauses:
            known = self.pauses[request.pause_id]
            if (known.note, known.resumes_on) != (request.note, request.resumes_on):
                raise Conflict("This is the ID of another pause.", reason="PAUSE_DIFFERS")
            return known
        invoice = self.ledger.invoices.get(request.invoice_id) if request.invoice_id else None
        organization_id = invoice.organization_id if invoice else request.organization_id
        if organization_id not in self.ledger.organizations:
            raise Missing("The books know nothing of it.", reason="ORGANIZATION_MISSING")
        if wrong := list(self._wrong(request)):
            raise Invalid("It cannot be paused so.", reason="PAUSE_INVALID", violations=wrong)
        for other in self.pauses.values():
            same = (other.organization_id, other.invoice_id) == (organization_id, request.invoice_id)
            if same and other.state == IN_FORCE:
                if other.pause_id != request.replaces:
                    raise WrongState("It is paused already.", reason="ALREADY_PAUSED")
                other.state, other.replaced_by = pb.PAUSE_STATE_REPLACED, request.pause_id
        return self.put(
            request.pause_id,
            organization_id=organization_id,
            invoice_id=request.invoice_id,
            invoice_number=invoice.number if invoice else "",
            reason=request.reason,
            note=request.note,
            resumes_on=request.resumes_on,
            added_by=request.added_by,
        )

    def _wrong(self, request: Any) -> Any:
        if not request.reason:
            yield Violation("reason", "REASON_MISSING", "Choose why reminders are paused.")
        try:
            is_early = date.fromisoformat(request.resumes_on) <= self.ledger.today
        except ValueError:
            yield Violation("resumes_on", "DATE_MALFORMED", "That is no date.")
        else:
            if is_early:
                yield Violation("resumes_on", "END_TOO_EARLY", "Reminders can go again from tomorrow on.")

    @rpc
    def EndPause(self, request: Any) -> Any:
        if request.pause_id not in self.pauses:
            raise Missing("There is no such pause.", reason="PAUSE_MISSING")
        pause = self.pauses[request.pause_id]
        if pause.state == IN_FORCE:
            pause.state, pause.ended_by = pb.PAUSE_STATE_ENDED, request.ended_by
            pause.ended_at.CopyFrom(timestamp(datetime.now(UTC)))
        return pause

    @rpc
    def ListPauses(self, request: Any) -> Any:
        wanted = {pb.PAUSE_VIEW_IN_FORCE: IN_FORCE, pb.PAUSE_VIEW_BROKEN_PROMISES: BROKEN}.get(request.view)
        found = [
            pause
            for pause in reversed(self.pauses.values())
            if request.organization_id in ("", pause.organization_id) and wanted in (None, pause.state)
        ]
        size, start = request.page_size or 50, int(request.page_token or 0)
        more = str(start + size) if start + size < len(found) else ""
        return pb.ListPausesResponse(
            pauses=found[start : start + size], next_page_token=more, total=len(found)
        )
