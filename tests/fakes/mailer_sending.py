"""What holds mails back, in memory. Proved by tests/contracts/test_mailer_sending_store.py."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime

from services.mailer.domain.bounces import Fate, PastMail, Suppression
from services.mailer.domain.message import Lane
from services.mailer.domain.sending import Limits, Sending
from services.mailer.domain.spread import Line
from services.mailer.ports_sending import Known
from tests.fakes.mailer_messages import FakeMessages, Row

_WORST = (Fate.LEFT, Fate.REFUSED, Fate.BOUNCED, Fate.COMPLAINED)


class FakeSending:
    """See `ports_sending.SendingStore`."""

    def __init__(self) -> None:
        self.now = Sending()
        self.days: dict[date, int] = {}
        self.lines: dict[str, Line] = {}
        self.messages = FakeMessages(lambda: self.now.is_stopped)

    def read(self) -> Sending:
        return self.now

    def change(self, limits: Limits) -> None:
        self.now = Sending(limits, self.now.stopped_by, self.now.stopped_at)

    def move(self, time_zone: str, *, instead_of: str) -> bool:
        if self.now.limits.time_zone != instead_of:
            return False
        self.change(replace(self.now.limits, time_zone=time_zone))
        return True

    def stop(self, by: str, at: datetime) -> bool:
        if self.now.is_stopped:
            return False
        self.now = Sending(self.now.limits, by, at)
        return True

    def go_on(self) -> bool:
        was, self.now = self.now.is_stopped, Sending(self.now.limits)
        return was

    def spent(self, day: date) -> int:
        return self.days.get(day, 0)

    def lock_day(self, day: date, begins_at: datetime) -> int:
        return self.days.setdefault(day, self.left_since(begins_at))

    def spend(self, day: date, mails: int) -> None:
        self.days[day] += mails

    def recount(self, day: date, begins_at: datetime) -> None:
        self.days[day] = self.left_since(begins_at)

    def lock_lines(self, domains: Collection[str]) -> dict[str, Line]:
        return {domain: self.lines.get(domain, Line()) for domain in domains}

    def keep_lines(self, lines: Mapping[str, Line]) -> None:
        self.lines.update(lines)

    def drop_lines(self, at: datetime) -> None:
        self.lines.clear()
        for row in self._active():
            if row.in_line and not row.owner:
                row.in_line, row.due_at = False, at

    def left_since(self, begins_at: datetime) -> int:
        messages = [row.message for row in self.messages.rows.values()]
        return sum(message.sent_at is not None and message.sent_at >= begins_at for message in messages)

    def waiting(self, at: datetime, lanes: Collection[Lane]) -> int:
        return sum(row.in_line or (self._is_due(row, at) and row.lane not in lanes) for row in self._active())

    def _active(self) -> list[Row]:
        return [row for row in self.messages.rows.values() if row.due_at]

    def _is_due(self, row: Row, at: datetime) -> bool:
        return row.due_at is not None and row.due_at <= at


class FakeSuppressions:
    """See `ports_sending.Suppressions`."""

    def __init__(self) -> None:
        self.all: dict[str, tuple[int, Suppression]] = {}
        self.mails: dict[str, dict[int, PastMail]] = {}
        self._newest = 0

    def known(self, emails: Collection[str]) -> Known:
        return Known(frozenset(emails) & self.all.keys(), frozenset(emails) & self.mails.keys())

    def add(self, suppression: Suppression) -> bool:
        if suppression.email in self.all:
            return False
        self._newest += 1
        self.all[suppression.email] = (self._newest, suppression)
        return True

    def lift(self, email: str) -> Suppression | None:
        self.mails.pop(email, None)
        return self.all.pop(email, (0, None))[1]

    def get(self, email: str) -> Suppression | None:
        return self.all.get(email, (0, None))[1]

    def page(self, query: str, before: int | None, limit: int) -> tuple[list[Suppression], int | None]:
        found = sorted(
            ((key, one) for key, one in self.all.values() if query.lower() in one.email),
            reverse=True,
            key=_key,
        )
        found = [(key, one) for key, one in found if before is None or key < before]
        rest = found[limit - 1][0] if len(found) > limit else None
        return [one for _key, one in found[:limit]], rest

    def count(self, query: str, most: int) -> int:
        return min(most, sum(query.lower() in email for email in self.all))

    def note_left(self, mails: Sequence[tuple[str, int]], at: datetime) -> None:
        for email, key in mails:
            self.mails.setdefault(email, {}).setdefault(key, PastMail(at, Fate.LEFT))

    def note_fate(self, email: str, key: int, fate: Fate, left_at: datetime) -> bool:
        mails = self.mails.setdefault(email, {})
        known = mails.get(key)
        if known is not None and _WORST.index(known.fate) >= _WORST.index(fate):
            return False
        mails[key] = PastMail(known.left_at if known else left_at, fate)
        return True

    def past(self, email: str) -> list[PastMail]:
        return sorted(self.mails.get(email, {}).values(), key=lambda mail: mail.left_at)


def _key(entry: tuple[int, Suppression]) -> int:
    return entry[0]
