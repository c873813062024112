"""Whom a mail can go to, of those whom it is for."""

from collections.abc import Collection, Iterable

from services.scheduler.domain.books import Recipient
from services.scheduler.domain.reasons import ADDRESSES_SUPPRESSED, NO_ADDRESS, UNSUBSCRIBED
from services.shared.addresses import compared


def keys_of(recipients: Iterable[Recipient]) -> set[str]:
    """Their addresses in the form in which addresses are compared."""
    return {compared(to.email) for to in recipients}


def who_can_be_told(
    recipients: Collection[Recipient], suppressed: Collection[str], unsubscribed: Collection[str]
) -> tuple[Recipient, ...] | str:
    """Those whose addresses get mail and want it, or the reason why that is nobody.

    `suppressed` are the keys of addresses that get no mail, `unsubscribed` of those that want none of its
    type.
    """
    if not recipients:
        return NO_ADDRESS
    able = [to for to in recipients if compared(to.email) not in suppressed]
    if not able:
        return ADDRESSES_SUPPRESSED
    return tuple(to for to in able if compared(to.email) not in unsubscribed) or UNSUBSCRIBED
