"""The client profiles, by name, for the pages that let one choose or name them."""

from collections.abc import Iterable

import grpc
from dunlin.paynow.v1.accounts_pb2 import ListProfilesRequest, Profile

from gateway.clients import clients
from gateway.site import company_time


def all_profiles() -> list[Profile]:
    """The client profiles by name. Raises `grpc.RpcError`."""
    return list(clients().accounts.ListProfiles(ListProfilesRequest()).profiles)


def profiles_or_none() -> list[Profile] | None:
    """The same for what can do without them: None while the ledger is away."""
    order = ListProfilesRequest()
    try:
        found = clients().accounts.ListProfiles(order, timeout=company_time.PATIENCE_SECONDS).profiles
    except grpc.RpcError:
        return None
    return list(found)


def names_by_id(profiles: Iterable[Profile]) -> dict[str, str]:
    """What each is called."""
    return {profile.profile_id: profile.name for profile in profiles}
