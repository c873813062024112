"""Stars by hand as rules: whatever staff and imports do in whatever order, these hold."""

from collections.abc import Sequence
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from services.paynow.domain.books import Address, Contact
from services.paynow.domain.contacts import DefaultBy, default_by, with_defaults
from services.paynow.domain.stars import (
    BACK,
    Change,
    Exactly,
    NobodyLeft,
    Star,
    Unstar,
    compared,
    is_reachable,
    starred,
)

IDS = (1, 2, 3)


def a_contact(contact_id: int, *, is_primary: bool, starred_by_crm: bool, has_address: bool) -> Contact:
    addresses = (Address(f"{contact_id}@x.test", f"{contact_id}@x.test", 1),) if has_address else ()
    return Contact(
        contact_id=contact_id,
        organization_id="O-1",
        position=contact_id,
        name=f"Person {contact_id}",
        is_primary=is_primary,
        starred_by_hand=False,
        starred_by_crm=starred_by_crm,
        is_default=False,
        addresses=addresses,
    )


@st.composite
def offices(draw: st.DrawFn) -> list[Contact]:
    """Three contacts as imports know them, one of whom may be the accounting primary."""
    primary = draw(st.sampled_from((0, *IDS)))
    return with_defaults(
        [
            a_contact(
                contact_id,
                is_primary=contact_id == primary,
                starred_by_crm=draw(st.booleans()),
                has_address=draw(st.booleans()),
            )
            for contact_id in IDS
        ]
    )


CHANGES: st.SearchStrategy[Change] = st.one_of(
    st.sampled_from(IDS).map(Star),
    st.sampled_from(IDS).map(Unstar),
    st.lists(st.sampled_from(IDS), unique=True).map(lambda ids: Exactly(tuple(ids))),
)
STEPS = st.lists(CHANGES, max_size=6)


def asked(contacts: Sequence[Contact], change: Change) -> list[Contact]:
    """The contacts after the change; as they were if it is refused."""
    try:
        return starred(contacts, change)
    except NobodyLeft:
        return list(contacts)


def after(contacts: Sequence[Contact], steps: Sequence[Change]) -> list[Contact]:
    for change in steps:
        contacts = asked(contacts, change)
    return list(contacts)


def defaults(contacts: Sequence[Contact]) -> set[int]:
    return {contact.contact_id for contact in contacts if contact.is_default}


@given(offices(), STEPS)
def test_stars_by_hand_always_reach_somebody(contacts: list[Contact], steps: list[Change]) -> None:
    now = after(contacts, steps)
    assert is_reachable(now) or not any(contact.starred_by_hand for contact in now)


@given(offices(), STEPS, st.sampled_from(IDS), st.booleans())
def test_a_star_changes_one_contact_and_nobody_else(
    contacts: list[Contact], steps: list[Change], contact_id: int, gives: bool
) -> None:
    before = after(contacts, steps)
    change = Star(contact_id) if gives else Unstar(contact_id)
    assert defaults(before) ^ defaults(asked(before, change)) <= {contact_id}


@given(offices(), STEPS, CHANGES)
def test_asking_for_whom_was_starred_before_undoes_any_change(
    contacts: list[Contact], steps: list[Change], change: Change
) -> None:
    before = after(contacts, steps)
    now = asked(before, change)
    assert starred(now, Exactly(compared(before, now).before)) == before


@given(offices(), STEPS, offices())
def test_imports_change_nothing_about_stars_by_hand(
    contacts: list[Contact], steps: list[Change], imported: list[Contact]
) -> None:
    now = after(contacts, steps)
    synced = with_defaults(
        [
            replace(one, is_primary=new.is_primary, starred_by_crm=new.starred_by_crm)
            for one, new in zip(now, imported, strict=True)
        ]
    )
    if any(contact.starred_by_hand for contact in now):
        assert defaults(synced) == defaults(now)
    assert defaults(starred(synced, BACK)) == defaults(imported)


@given(offices(), STEPS)
def test_who_gets_mails_has_a_reason_and_all_have_the_same_kind(
    contacts: list[Contact], steps: list[Change]
) -> None:
    now = after(contacts, steps)
    reasons = {default_by(contact) for contact in now if contact.is_default}
    assert reasons <= set(DefaultBy)
    assert len(reasons) <= 1
    assert {default_by(contact) for contact in now if not contact.is_default} <= {None}
