"""`dunlin stars`: who gets an organization's mails."""

from typing import Any
from uuid import uuid4

import click
from dunlin.paynow.v1 import accounts_pb2, books_pb2, ledger_pb2

from gateway.cli.company import open_company
from gateway.cli.exits import Exit
from gateway.cli.output import json_option, name_of, print_json, print_table, say

_REASONS = {
    books_pb2.DEFAULT_BY_UNSPECIFIED: "",
    books_pb2.DEFAULT_BY_HAND: "by hand",
    books_pb2.DEFAULT_BY_CRM: "from the CRM",
    books_pb2.DEFAULT_BY_PRIMARY: "accounting system's primary contact",
}

_organization = click.argument("organization_id")
_contact = click.argument("contact_id", type=click.IntRange(1, 2**63 - 1))
_request_id = click.option(
    "--request-id", default="", help="Names this request: the same once more changes nothing more."
)


@click.group()
def stars() -> None:
    """List and change who gets an organization's notices and receipts.

    Until somebody changes a star by hand the imports decide: those whom the CRM stars, else the accounting
    system's primary contact.
    """


@stars.command("list")
@_organization
@json_option
def list_(organization_id: str, *, as_json: bool) -> None:
    """List an organization's contacts, and why those with a star have it."""
    request = ledger_pb2.GetOrganizationRequest(organization_id=organization_id)
    contacts = open_company().ledger.GetOrganization(request).contacts
    if as_json:
        for one in contacts:
            print_json(_as_json(one))
        return
    rows = [
        (str(one.contact_id), one.name, "; ".join(one.emails), _REASONS[one.default_by]) for one in contacts
    ]
    print_table(("Id", "Contact", "Addresses", "Starred"), rows, right=(0,))


@stars.command()
@_organization
@_contact
@_request_id
@json_option
def add(organization_id: str, contact_id: int, *, request_id: str, as_json: bool) -> None:
    """Star a contact by hand; the others stay as they are. Imports change nothing from then on."""
    _change(organization_id, request_id, as_json=as_json, star=contact_id)


@stars.command()
@_organization
@_contact
@_request_id
@json_option
def remove(organization_id: str, contact_id: int, *, request_id: str, as_json: bool) -> None:
    """Take a contact's star away. Refused where nobody with an address would be left."""
    _change(organization_id, request_id, as_json=as_json, unstar=contact_id)


@stars.command()
@_organization
@_request_id
@json_option
def back(organization_id: str, *, request_id: str, as_json: bool) -> None:
    """Leave it to the imports again. Ends with 1 if nobody whom they star has an address."""
    _change(organization_id, request_id, as_json=as_json, exactly=accounts_pb2.StarredContacts())


def _change(organization_id: str, request_id: str, *, as_json: bool, **change: Any) -> None:
    request = accounts_pb2.StarContactsRequest(
        request_id=request_id or str(uuid4()), organization_id=organization_id, **change
    )
    done = open_company().accounts.StarContacts(request)
    if as_json:
        print_json(
            {
                "before": list(done.before.contact_ids),
                "by_hand": list(done.by_hand.contact_ids),
                "default_contact_ids": list(done.default_contact_ids),
                "reachable": done.reachable,
            }
        )
    else:
        who = ", ".join(map(str, done.default_contact_ids)) or "nobody"
        say(f"starred {'by hand' if done.by_hand.contact_ids else 'by the imports'}: {who}")
    if not done.reachable:
        if not as_json:
            say("Nobody of them has an email address, so nothing can be sent.")
        raise click.exceptions.Exit(Exit.LEFT_OVER)


def _as_json(contact: books_pb2.Contact) -> dict[str, Any]:
    return {
        "contact_id": contact.contact_id,
        "name": contact.name,
        "emails": list(contact.emails),
        "default_by": name_of(books_pb2.DefaultBy, contact.default_by, "DEFAULT_BY_")
        if contact.default_by
        else "",
    }
