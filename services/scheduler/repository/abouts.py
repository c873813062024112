"""What notices are about, as JSON."""

import json
from dataclasses import asdict
from datetime import date, datetime
from typing import Any

from services.scheduler.domain.about import About, Access, Card, MethodFact, PayDay, PaymentFact, PlanFact

_KINDS: dict[str, type[About]] = {
    "payment": PaymentFact,
    "plan": PlanFact,
    "method": MethodFact,
    "pay_day": PayDay,
    "card": Card,
    "access": Access,
}
_NAMES = {kind: name for name, kind in _KINDS.items()}
_DATES = ("pays_on", "moved_from")


def to_json(about: About | None) -> str | None:
    """The text that is stored; None for nothing."""
    if about is None:
        return None
    fields = {name: _plain(value) for name, value in asdict(about).items()}
    return json.dumps({"kind": _NAMES[type(about)]} | fields, ensure_ascii=False)


def from_json(text: str | None) -> About | None:
    """What the text says. Receipts of before there were kinds have none."""
    if not text:
        return None
    fields: dict[str, Any] = json.loads(text)
    kind = _KINDS[fields.pop("kind", "payment")]
    if "ended_at" in fields:
        fields["ended_at"] = datetime.fromisoformat(fields["ended_at"])
    for name in _DATES:
        if fields.get(name):
            fields[name] = date.fromisoformat(fields[name])
    return kind(**fields)


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, date) else value
