"""Wire <-> domain of accounts and contacts; every rule of the wire is here."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import NamedTuple

from dunlin.paynow.v1 import accounts_pb2, books_pb2, ledger_pb2, plans_pb2

from services.paynow import converters
from services.paynow.domain import accounts, on_file
from services.paynow.domain.books import Addressee
from services.paynow.domain.plans import PlannedPayment, Span
from services.paynow.domain.profiles import Profile
from services.paynow.ports_accounts import ContactFilter
from services.paynow.use_cases.accounts import DebtorBatch
from services.paynow.use_cases.books import MOST_DUE, USUAL_DUE
from services.paynow.use_cases.contacts import ContactBatch, ContactProfile
from services.shared.addresses import AddressMalformed, address_key
from services.shared.errors import invalid_field
from services.shared.wire import asked_instant, date_of

_KIND = {on_file.CARD: plans_pb2.METHOD_KIND_CARD, on_file.BANK: plans_pb2.METHOD_KIND_BANK}
_STATUS = {
    on_file.ACTIVE: plans_pb2.METHOD_STATUS_ACTIVE,
    on_file.DELETED: plans_pb2.METHOD_STATUS_DELETED,
    on_file.FAILED: plans_pb2.METHOD_STATUS_FAILED,
}


class ExpiringQuery(NamedTuple):
    """A batch of cards that is asked for."""

    expires_by: date
    after: on_file.MethodKey
    size: int


class UpcomingQuery(NamedTuple):
    """A batch of days with payments that is asked for."""

    span: Span
    after: tuple[str, date | None]
    size: int


def batch_size(size: int) -> int:
    """How many elements a batch may have. `Invalid` (PAGE_SIZE_INVALID) below 0 and above the most."""
    if not 0 <= size <= MOST_DUE:
        raise invalid_field(
            "batch_size", "PAGE_SIZE_INVALID", f"Ask for at most {MOST_DUE} at once, or for 0: {USUAL_DUE}."
        )
    return size or USUAL_DUE


def moved(request: accounts_pb2.ListDebtorsRequest) -> accounts.Moved | None:
    """Since when debtors are to have moved, if so. `Invalid` (INSTANT_OUT_OF_RANGE)."""
    if not request.HasField("moved_since"):
        return None
    known = asked_instant(request.known_before, "known_before") if request.HasField("known_before") else None
    return accounts.Moved(asked_instant(request.moved_since, "moved_since"), known)


def debtors(batch: DebtorBatch) -> accounts_pb2.ListDebtorsResponse:
    """A batch of debtors."""
    return accounts_pb2.ListDebtorsResponse(
        debtors=[
            accounts_pb2.Debtor(
                organization_id=one.organization_id,
                organization_name=one.name,
                time_zone=one.time_zone,
                reachable=one.reachable,
            )
            for one in batch.debtors
        ],
        total=batch.total,
    )


def expiring_query(request: accounts_pb2.ListExpiringMethodsRequest) -> ExpiringQuery:
    """Which cards are asked for."""
    return ExpiringQuery(
        converters.needed_date(request.expires_by, "expires_by"),
        (request.after_organization_id, request.after_method_id),
        batch_size(request.batch_size),
    )


def expiring(found: Iterable[accounts.ExpiringMethod]) -> accounts_pb2.ListExpiringMethodsResponse:
    """A batch of cards."""
    return accounts_pb2.ListExpiringMethodsResponse(
        methods=[
            accounts_pb2.ExpiringMethod(
                method=method(one.method), time_zone=one.time_zone, reachable=one.reachable
            )
            for one in found
        ]
    )


def upcoming_query(request: accounts_pb2.ListUpcomingPaymentsRequest) -> UpcomingQuery:
    """Which days are asked for; `from` is a word of Python's."""
    span = Span(
        converters.needed_date(getattr(request, "from"), "from"), converters.needed_date(request.to, "to")
    )
    day = date_of(request.after_pays_on, "after_pays_on")
    return UpcomingQuery(span, (request.after_organization_id, day), batch_size(request.batch_size))


def upcoming(found: Iterable[accounts.UpcomingPayments]) -> accounts_pb2.ListUpcomingPaymentsResponse:
    """A batch of days with payments."""
    return accounts_pb2.ListUpcomingPaymentsResponse(
        days=[
            accounts_pb2.UpcomingPayments(
                organization_id=one.organization_id,
                pays_on=one.pays_on.isoformat(),
                payments=one.payments,
                time_zone=one.time_zone,
                reachable=one.reachable,
            )
            for one in found
        ]
    )


def plans_of(request: accounts_pb2.ListPlansRequest) -> date:
    """From which day on planned payments are asked for; `from` is a word of Python's."""
    return converters.needed_date(getattr(request, "from"), "from")


def pay_days(request: accounts_pb2.ReadAccountsRequest) -> set[date]:
    """On which days payments are asked for."""
    return {converters.needed_date(day, "pay_days") for day in request.pay_days}


def read_accounts(found: Iterable[accounts.Account]) -> accounts_pb2.ReadAccountsResponse:
    """Accounts."""
    return accounts_pb2.ReadAccountsResponse(accounts=[_account(one) for one in found])


def addressees(found: Mapping[str, Iterable[Addressee]]) -> accounts_pb2.ReadAddresseesResponse:
    """Whom to tell, by organization."""
    return accounts_pb2.ReadAddresseesResponse(
        organizations=[
            accounts_pb2.Addressees(organization_id=organization_id, addressees=_addressees(those))
            for organization_id, those in found.items()
        ]
    )


def _addressees(found: Iterable[Addressee]) -> list[ledger_pb2.Addressee]:
    return [ledger_pb2.Addressee(name=to.name, email=to.email) for to in found]


def _account(found: accounts.Account) -> accounts_pb2.Account:
    return accounts_pb2.Account(
        organization=converters.organization(found.organization),
        addressees=_addressees(found.addressees),
        invoices=[converters.invoice(one) for one in found.invoices],
        pay_tokens=found.pay_tokens,
        more_invoices=found.more_invoices,
        totals=[converters.total(one) for one in found.totals],
        methods=[method(one) for one in found.methods],
        plans=[converters.planned(one) for one in found.plans],
        planned_invoices=[converters.invoice(one) for one in found.planned_invoices],
        pay_days=[_pay_day(one) for one in found.pay_days],
    )


def _pay_day(found: accounts.PayDay) -> accounts_pb2.PayDay:
    return accounts_pb2.PayDay(
        pays_on=found.pays_on.isoformat(),
        payments=found.payments,
        totals=[accounts_pb2.PlannedTotal(**total._asdict()) for total in found.totals],
    )


def method(found: on_file.StoredMethod) -> plans_pb2.StoredMethod:
    """A method on file."""
    return plans_pb2.StoredMethod(
        method_id=found.method_id,
        organization_id=found.organization_id,
        kind=_KIND[found.kind],
        brand=found.brand,
        last_four=found.last_four,
        expires_month=found.expires_on.month if found.expires_on else 0,
        expires_year=found.expires_on.year if found.expires_on else 0,
        nickname=found.nickname,
        status=_STATUS[found.status],
        failure_reason=found.failure_reason,
        label=found.label,
    )


def methods(found: Iterable[on_file.StoredMethod]) -> accounts_pb2.ListMethodsResponse:
    """Methods on file."""
    return accounts_pb2.ListMethodsResponse(methods=[method(one) for one in found])


def plans(found: Iterable[PlannedPayment]) -> accounts_pb2.ListPlansResponse:
    """Payments that will be made by themselves."""
    return accounts_pb2.ListPlansResponse(plans=[converters.planned(one) for one in found])


def contact_filter(request: accounts_pb2.ListContactsRequest) -> ContactFilter:
    """Which contacts are asked for."""
    return ContactFilter(
        profile_id=request.profile_id,
        without_types=frozenset(request.without_types),
        without_statuses=frozenset(request.without_statuses),
        only_default=request.only_default,
        organization_type=request.organization_type,
        organization_status=request.organization_status,
        other_profile_than=request.other_profile_than if request.HasField("other_profile_than") else None,
    )


def contact(found: accounts.ListedContact) -> books_pb2.Contact:
    """A contact in a list."""
    return converters.contact(*found)


def contacts(batch: ContactBatch) -> accounts_pb2.ListContactsResponse:
    """A batch of contacts."""
    listed = [contact(one) for one in batch.contacts]
    return accounts_pb2.ListContactsResponse(contacts=listed, total=batch.total)


def profile_counts(counts: Iterable[tuple[str, int]]) -> accounts_pb2.CountContactsResponse:
    """How many contacts have each profile."""
    return accounts_pb2.CountContactsResponse(
        counts=[accounts_pb2.ProfileCount(profile_id=one, contacts=number) for one, number in counts]
    )


def known_contacts(found: Iterable[accounts.ListedContact]) -> accounts_pb2.BatchGetContactsResponse:
    """Contacts that were asked for by id."""
    return accounts_pb2.BatchGetContactsResponse(contacts=[contact(one) for one in found])


def email_key(request: accounts_pb2.FindContactsRequest) -> str:
    """The address whose contacts are asked for, as addresses are compared."""
    try:
        return address_key(request.email.strip())
    except AddressMalformed as error:
        raise invalid_field(
            "email", "EMAIL_MALFORMED", f"This is not a valid email address: {error}"
        ) from None


def found_contacts(found: Iterable[accounts.ListedContact]) -> accounts_pb2.FindContactsResponse:
    """Contacts that have an address."""
    return accounts_pb2.FindContactsResponse(contacts=[contact(one) for one in found])


def signed_in_at(request: accounts_pb2.RecordSignInRequest) -> datetime:
    """When the contact has signed in. `Invalid` (DATE_MISSING, INSTANT_OUT_OF_RANGE)."""
    if not request.HasField("signed_in_at"):
        raise invalid_field("signed_in_at", "DATE_MISSING", "Say when the contact has signed in.")
    return asked_instant(request.signed_in_at, "signed_in_at")


def profile(found: Profile) -> accounts_pb2.Profile:
    """A client profile."""
    return accounts_pb2.Profile(
        profile_id=found.profile_id,
        name=found.name,
        sees_invoices=found.sees_invoices,
        may_pay=found.may_pay,
        contacts=found.contacts,
    )


def profiles(found: Iterable[Profile]) -> accounts_pb2.ListProfilesResponse:
    """All client profiles."""
    return accounts_pb2.ListProfilesResponse(profiles=[profile(one) for one in found])


def profile_to_save(request: accounts_pb2.SaveProfileRequest) -> Profile:
    """The profile as it should be."""
    asked = request.profile
    return Profile(asked.profile_id, asked.name, asked.sees_invoices, asked.may_pay)


def profiles_to_set(request: accounts_pb2.SetProfilesRequest) -> list[ContactProfile]:
    """Who gets which profile."""
    return [(one.contact_id, one.profile_id) for one in request.contacts]


def profiles_before(had: Sequence[ContactProfile]) -> accounts_pb2.SetProfilesResponse:
    """What they had."""
    return accounts_pb2.SetProfilesResponse(
        before=[
            accounts_pb2.ContactProfile(contact_id=contact_id, profile_id=profile_id)
            for contact_id, profile_id in had
        ]
    )
