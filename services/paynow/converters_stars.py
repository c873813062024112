"""Wire <-> domain of stars set by hand."""

from dunlin.paynow.v1 import accounts_pb2

from services.paynow.domain.stars import Change, Exactly, Star, Stars, Unstar
from services.shared.errors import invalid_field


def change(request: accounts_pb2.StarContactsRequest) -> Change:
    """What is to change about stars. `Invalid` (CHANGE_MISSING) if the request does not say."""
    match request.WhichOneof("change"):
        case "star":
            return Star(request.star)
        case "unstar":
            return Unstar(request.unstar)
        case "exactly":
            return Exactly(tuple(request.exactly.contact_ids))
    words = "Say which contact to star or to unstar, or which exactly are to be starred."
    raise invalid_field("change", "CHANGE_MISSING", words)


def done(stars: Stars) -> accounts_pb2.StarContactsResponse:
    """What a change of stars has stars."""
    return accounts_pb2.StarContactsResponse(
        before=accounts_pb2.StarredContacts(contact_ids=stars.before),
        by_hand=accounts_pb2.StarredContacts(contact_ids=stars.by_hand),
        default_contact_ids=stars.defaults,
        reachable=stars.reachable,
    )
