"""What organizations may be chosen by: their types, which the company names, and their statuses."""

import grpc
from dunlin.paynow.v1.accounts_pb2 import ListOrganizationTypesRequest

from gateway.clients import clients

STATUSES = ("active", "inactive", "associated")


def organization_types() -> list[str]:
    """The types that organizations have; empty while the ledger is away."""
    try:
        return list(clients().accounts.ListOrganizationTypes(ListOrganizationTypesRequest()).types)
    except grpc.RpcError:
        return []
