"""The mailer's ports in memory. The store is proved by tests/contracts/test_mailer_store.py."""

import copy
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from services.mailer.domain.company import Company, Profile
from services.mailer.domain.delivery import Answer, Stage
from services.mailer.domain.drafts import Draft
from services.mailer.domain.message import Request, State
from services.mailer.domain.shipped import SHIPPED
from services.mailer.domain.templates import Key, Template, TemplateType
from tests.fakes.mailer_messages import FakeMessages
from tests.fakes.mailer_sending import FakeSending, FakeSuppressions

COMPANY = Company("Your company", "", "", "", "billing@localhost.localdomain", "#1f4e79")
TAKEN = Answer(Stage.CONTENT, 250, "2.0.0 taken")


class FakeTemplates:
    """See `ports.Templates`."""

    def __init__(self, messages: FakeMessages) -> None:
        self._messages = messages
        saved_at = datetime(2026, 1, 1, tzinfo=UTC)
        self.all = {(key, 1): Template(key, 1, areas, saved_at, "") for key, areas in SHIPPED.items()}

    def newest(self) -> dict[Key, Template]:
        return {key: self.versions(key)[0] for key, _version in self.all}

    def get(self, key: Key, version: int) -> Template | None:
        return self.all.get((key, version))

    def versions(self, key: Key) -> list[Template]:
        found = [template for (of, _version), template in self.all.items() if of == key]
        return sorted(found, key=lambda template: -template.version)

    def add(self, template: Template) -> bool:
        return self.all.setdefault((template.key, template.version), template) is template

    def last_sent(self) -> dict[TemplateType, datetime]:
        result: dict[TemplateType, datetime] = {}
        for row in self._messages.rows.values():
            message = row.message
            if message.type and message.sent_at and message.state is State.SENT and not message.test_by:
                result[message.type] = max(message.sent_at, result.get(message.type, message.sent_at))
        return result


class FakeDrafts:
    """See `ports.Drafts`."""

    def __init__(self, messages: FakeMessages) -> None:
        self._messages = messages
        self._drafts: dict[str, Draft] = {}

    def add(self, notice_id: str, draft: Draft, sent_by: str) -> None:
        row = next(row for row in self._messages.rows.values() if row.message.notice_id == notice_id)
        row.change(test_by=sent_by)
        self._drafts[notice_id] = draft

    def find(self, notice_id: str) -> Draft | None:
        return self._drafts.get(notice_id)

    def of(self, keys: Sequence[int]) -> dict[int, Draft]:
        notices = {key: self._messages.rows[key].message.notice_id for key in keys}
        return {key: self._drafts[notice] for key, notice in notices.items() if notice in self._drafts}


class FakeCompanies:
    """See `ports.Companies`."""

    def __init__(self) -> None:
        self._profile = Profile(COMPANY, 1)

    def profile(self) -> Profile:
        return self._profile

    def replace(self, company: Company) -> None:
        self._profile = Profile(company, self._profile.revision + 1)


class FakeWork:
    """See `ports.Work`."""

    def __init__(self) -> None:
        self.sending = FakeSending()
        self.messages = self.sending.messages
        self.suppressions = FakeSuppressions()
        self.templates = FakeTemplates(self.messages)
        self.drafts = FakeDrafts(self.messages)
        self.company = FakeCompanies()
        self.facts: list[tuple[str, dict[str, Any]]] = []

    def announce(self, name: str, body: Mapping[str, Any], at: datetime) -> None:
        self.facts.append((name, dict(body)))


class FakeStore:
    """A store whose transactions are undone by an exception."""

    def __init__(self) -> None:
        self.work = FakeWork()

    @contextmanager
    def write(self) -> Iterator[FakeWork]:
        before = copy.deepcopy(self.work)
        try:
            yield self.work
        except BaseException:
            self.work = before
            raise

    @contextmanager
    def read(self) -> Iterator[FakeWork]:
        yield self.work

    def facts(self) -> list[tuple[str, dict[str, Any]]]:
        return self.work.facts


def requests(count: int, *, start: int = 1) -> list[Request]:
    """Notices notice-1, notice-2 ..."""
    return [Request(f"notice-{n}", f"org-{n}", f"INV-{n:04}") for n in range(start, start + count)]


MINUTE = timedelta(minutes=1)
