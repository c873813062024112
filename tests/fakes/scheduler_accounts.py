"""The books organization by organization as the scheduler sees them, over those of `FakeLedger`."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from services.scheduler.domain.books import (
    Account,
    Contact,
    ContactBatch,
    ContactQuery,
    Debtor,
    DebtorBatch,
    ExpiringCard,
    Invoice,
    Method,
    Moved,
    Plan,
    PlansOfDay,
    PlansTotal,
    Recipient,
    Total,
    UpcomingDay,
)
from services.shared.errors import Busy
from tests.fakes.scheduler_peers import FakeLedger

MOST_INVOICES = 200
MOST_METHODS = 50
MOST_PLANS = 200


@dataclass(frozen=True)
class FakeOrganization:
    """What the ledger knows of an organization beyond its invoices."""

    name: str = ""
    time_zone: str = ""
    language: str = ""
    type: str = ""
    status: str = "active"
    moved_at: datetime | None = None
    came_at: datetime | None = None


class FakeAccounts:
    """Accounts in memory. What is not said of an organization is empty."""

    def __init__(self, ledger: FakeLedger) -> None:
        self._ledger = ledger
        self.organizations = ledger.organizations
        self.methods: defaultdict[str, list[Method]] = defaultdict(list)
        self.plans: defaultdict[str, list[Plan]] = defaultdict(list)
        self.people: list[Contact] = []
        self.by_profile: dict[str, dict[str, tuple[Recipient, ...]]] = {}

    def _of(self, organization_id: str) -> FakeOrganization:
        return self.organizations.get(organization_id, FakeOrganization())

    def _to(self, organization_id: str, profile_ids: Sequence[str] = ()) -> tuple[Recipient, ...]:
        if not profile_ids:
            return self._ledger.addressees_of(organization_id)
        found = (self.by_profile.get(profile, {}).get(organization_id, ()) for profile in profile_ids)
        return tuple(dict.fromkeys(recipient for recipients in found for recipient in recipients))

    def _open(self, organization_id: str) -> list[Invoice]:
        found = [
            i
            for i in self._ledger.invoices.values()
            if i.organization_id == organization_id and i.status == "open" and i.balance_minor > 0
        ]
        return sorted(found, key=lambda i: (i.due_on or date.max, i.invoice_id))

    def _in(self, organization_id: str, time_zones: Collection[str]) -> bool:
        return not time_zones or self._of(organization_id).time_zone in time_zones

    def _has_moved(self, organization_id: str, moved: Moved | None) -> bool:
        if moved is None:
            return True
        known = self._of(organization_id)
        if known.moved_at is None or known.moved_at < moved.since:
            return False
        return known.came_at is None or known.came_at < moved.known_before

    def move(self, organization_id: str, time_zone: str, at: datetime) -> None:
        """As a sync does it with an organization that is known."""
        was = self._of(organization_id)
        if was.time_zone != time_zone:
            self.organizations[organization_id] = replace(was, time_zone=time_zone, moved_at=at)

    def time_zones(self, *, fresh: bool = False) -> list[str]:
        # Not counted as a question: the real one remembers the answer for a while.
        if self._ledger.away:
            raise Busy("the books are away")
        return sorted({o.time_zone for o in self.organizations.values() if o.time_zone})

    def debtors(
        self,
        after: str,
        limit: int,
        *,
        profile_ids: Sequence[str] = (),
        time_zones: Collection[str] = (),
        moved: Moved | None = None,
    ) -> DebtorBatch:
        self._ledger.asked("debtors")
        ids = sorted({i.organization_id for i in self._ledger.invoices.values()})
        found = [
            Debtor(i, self._of(i).name or i, self._of(i).time_zone, bool(self._to(i, profile_ids)))
            for i in ids
            if self._open(i) and self._in(i, time_zones) and self._has_moved(i, moved)
        ]
        batch = [debtor for debtor in found if debtor.organization_id > after][:limit]
        return DebtorBatch(tuple(batch), 0 if after else len(found))

    def expiring_cards(
        self, expires_by: date, after: tuple[str, str], limit: int, *, time_zones: Collection[str] = ()
    ) -> list[ExpiringCard]:
        self._ledger.asked("expiring_cards")
        found = [
            ExpiringCard(i, method, self._of(i).time_zone, bool(self._to(i)))
            for i, methods in self.methods.items()
            for method in methods
            if method.expires_month
            and date(method.expires_year, method.expires_month, 1) <= expires_by
            and (i, method.method_id) > after
            and self._in(i, time_zones)
        ]
        return sorted(found, key=lambda card: (card.organization_id, card.method.method_id))[:limit]

    def upcoming(
        self,
        first: date,
        last: date,
        after: tuple[str, str],
        limit: int,
        *,
        time_zones: Collection[str] = (),
    ) -> list[UpcomingDay]:
        self._ledger.asked("upcoming")
        days = {
            (i, plan.pays_on)
            for i, plans in self.plans.items()
            for plan in plans
            if first <= plan.pays_on <= last and self._in(i, time_zones)
        }
        return [
            UpcomingDay(i, on, self._of(i).time_zone, bool(self._to(i)))
            for i, on in sorted(days)
            if (i, on.isoformat()) > after
        ][:limit]

    def accounts(
        self,
        organization_ids: Collection[str],
        *,
        profile_ids: Sequence[str] = (),
        with_pay_tokens: bool = False,
        today: date | None = None,
        pay_days: Collection[date] = (),
        method_ids: Collection[str] = (),
    ) -> Mapping[str, Account]:
        self._ledger.asked("accounts")
        assert max(len(organization_ids), len(pay_days), len(method_ids)) <= 200
        known = {i.organization_id for i in self._ledger.invoices.values()} | self.organizations.keys()
        return {
            i: replace(
                self._planned(self._account(i, profile_ids, with_pay_tokens, today), today, pay_days),
                methods=self._methods(i, method_ids),
            )
            for i in organization_ids
            if i in known
        }

    def _account(
        self, organization_id: str, profile_ids: Sequence[str], with_pay_tokens: bool, today: date | None
    ) -> Account:
        invoices, known = self._open(organization_id), self._of(organization_id)
        totals: dict[str, Total] = {}
        for i in invoices:
            was = totals.get(i.currency, Total(i.currency, 0, 0))
            late = i.balance_minor if today and i.due_on and i.due_on < today else 0
            totals[i.currency] = Total(
                i.currency, was.open_minor + i.balance_minor, was.past_due_minor + late
            )
        shown = invoices[:MOST_INVOICES]
        return Account(
            organization_id=organization_id,
            organization_name=known.name or organization_id,
            time_zone=known.time_zone,
            language=known.language,
            addressees=self._to(organization_id, profile_ids),
            invoices=tuple(shown),
            pay_tokens=tuple("a-token" for _ in shown) if with_pay_tokens else (),
            more_invoices=len(invoices) - len(shown),
            totals=tuple(totals.values()),
            methods=(),
            plans=(),
        )

    def _methods(self, organization_id: str, method_ids: Collection[str]) -> tuple[Method, ...]:
        """The first 50, or those that are asked for."""
        all_of_it = self.methods[organization_id]
        if method_ids:
            return tuple(method for method in all_of_it if method.method_id in method_ids)
        return tuple(all_of_it[:MOST_METHODS])

    def _planned(self, account: Account, today: date | None, pay_days: Collection[date]) -> Account:
        """The account with the first 200 payments, or with the first 200 of each of the days."""
        plans = sorted(self.plans[account.organization_id], key=lambda plan: plan.pays_on)
        coming = [plan for plan in plans if today is None or plan.pays_on >= today]
        if not pay_days:
            return replace(account, plans=tuple(coming[:MOST_PLANS]))
        by_day = {on: [plan for plan in coming if plan.pays_on == on] for on in sorted(pay_days)}
        return replace(
            account,
            plans=tuple(plan for those in by_day.values() for plan in those[:MOST_PLANS]),
            pay_days=tuple(
                PlansOfDay(on, len(those), (PlansTotal("USD", sum(plan.amount_minor for plan in those)),))
                for on, those in by_day.items()
                if those
            ),
        )

    def addressees(
        self, organization_ids: Collection[str], *, profile_ids: Sequence[str] = ()
    ) -> Mapping[str, tuple[Recipient, ...]]:
        self._ledger.asked("addressees")
        assert len(organization_ids) <= 5000
        found = {i: self._to(i, profile_ids) for i in organization_ids}
        return {i: recipients for i, recipients in found.items() if recipients}

    def contacts(self, query: ContactQuery, after: int, limit: int) -> ContactBatch:
        self._ledger.asked("contacts")
        found = [
            contact
            for contact in sorted(self.people, key=lambda contact: contact.contact_id)
            if (not query.profile_id or contact.profile_id == query.profile_id)
            and self._of(contact.organization_id).type not in query.without_types
            and self._of(contact.organization_id).status not in query.without_statuses
        ]
        batch = [contact for contact in found if contact.contact_id > after][:limit]
        return ContactBatch(tuple(batch), 0 if after else len(found))

    def contacts_by_id(self, contact_ids: Collection[int]) -> Mapping[int, Contact]:
        self._ledger.asked("contacts_by_id")
        return {
            contact.contact_id: self._with_organization(contact)
            for contact in self.people
            if contact.contact_id in contact_ids
        }

    def _with_organization(self, contact: Contact) -> Contact:
        of = self._of(contact.organization_id)
        return replace(contact, organization_type=of.type, organization_status=of.status)
