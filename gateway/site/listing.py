"""Pages of a list: their state lives in the address, so that a page can be kept, sent and gone back to."""

from collections.abc import Iterable
from typing import NamedTuple, TypeVar
from urllib.parse import urlencode

import grpc
from dunlin.paynow.v1.ledger_pb2 import BatchGetOrganizationsRequest
from flask import request, url_for

from gateway.clients import clients

Value = TypeVar("Value", bound=int)
"""A value of an enum of the contracts."""


class PageLinks(NamedTuple):
    """Addresses of other pages of the list that is shown; empty where there is none."""

    first: str
    next: str


def page_links(next_token: str, parameter: str = "page") -> PageLinks:
    """Links that keep everything else of the present address."""
    return PageLinks(
        first=_here(parameter, None) if request.args.get(parameter) else "",
        next=_here(parameter, next_token) if next_token else "",
    )


def _here(parameter: str, value: str | None) -> str:
    # What the address asks for is put behind it as text: url_for would take some names as its own arguments.
    kept = [(name, text) for name, text in request.args.items(multi=True) if text and name != parameter]
    query = urlencode([*kept, *([(parameter, value)] if value else [])])
    path = url_for(str(request.endpoint), **(request.view_args or {}))
    return f"{path}?{query}" if query else path


def names_of(organization_ids: Iterable[str]) -> dict[str, str]:
    """The names of organizations by id. Empty while the ledger is away: a list can show the ids."""
    wanted = sorted(set(organization_ids) - {""})
    if not wanted:
        return {}
    try:
        known = clients().ledger.BatchGetOrganizations(BatchGetOrganizationsRequest(organization_ids=wanted))
    except grpc.RpcError:
        return {}
    return {organization.organization_id: organization.name for organization in known.organizations}


def chosen(allowed: Iterable[Value], otherwise: Value, parameter: str = "state") -> Value:
    """The number in the address that a list is filtered by; `otherwise`, which means all, if not allowed."""
    asked = request.args.get(parameter, "")
    return next((number for number in allowed if str(number) == asked), otherwise)
