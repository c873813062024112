"""Trials: a draft is sent as a test, to oneself or addresses typed in, and to a client's only on purpose."""

from uuid import uuid4

from dunlin.mailer.v1.mailer_pb2 import SendTestRequest
from dunlin.paynow.v1.accounts_pb2 import FindContactsRequest
from dunlin.paynow.v1.books_pb2 import Contact

from gateway.clients import clients
from gateway.site.errors import refusals
from gateway.template_editor.texts import TemplateForm, Text
from services.shared.errors import Busy, Invalid

MOST_ADDRESSES = 5


class TrialRefused(Exception):
    """No test has gone; `message` says why. `clients` are those of the addresses typed that are clients'."""

    def __init__(self, message: str, *, status: int = 400, clients: list[str] | None = None) -> None:
        super().__init__(message)
        self.message, self.status, self.clients = message, status, clients or []


def send_trial(text: Text, form: TemplateForm, sent_by: str) -> list[str]:
    """Sends the form's draft and returns where it went; the same form sent again sends nothing more.

    Raises `TrialRefused` about the addresses, and `Invalid` about the draft.
    """
    addresses = form.typed_addresses()
    if not addresses:
        raise TrialRefused("Say where the test is to go.")
    if len(addresses) > MOST_ADDRESSES:
        raise TrialRefused(
            f"A test goes to at most {MOST_ADDRESSES} addresses, and these are {len(addresses)}."
        )
    belongs = {address: _whose(found) for address in addresses if (found := _contacts(address))}
    if not form.may_go_to(belongs):
        raise TrialRefused(
            f"Nothing was sent. {'This is the address' if len(belongs) == 1 else 'These are addresses'} of a"
            f" client: {', '.join(f'{address} ({who})' for address, who in belongs.items())}.",
            clients=list(belongs),
        )
    try:
        with refusals():
            sent = clients().mailer.SendTest(
                SendTestRequest(
                    test_id=form.test_id.data or uuid4().hex,
                    key=text.key,
                    areas=form.areas(),
                    addresses=addresses,
                    sent_by=sent_by,
                )
            )
    except Invalid as refusal:
        if refusal.reason == "TEST_INVALID":
            raise TrialRefused(refusal.message) from refusal
        raise
    return list(sent.recipients) or addresses


def _contacts(address: str) -> list[Contact]:
    try:
        with refusals():
            return list(clients().accounts.FindContacts(FindContactsRequest(email=address)).contacts)
    except Invalid:
        raise TrialRefused(f"“{address}” is not an email address. Nothing was sent.") from None
    except Busy as busy:
        words = "Whether these are clients’ addresses cannot be looked up at the moment. Nothing was sent."
        raise TrialRefused(words, status=503) from busy


def _whose(found: list[Contact]) -> str:
    first = found[0]
    return f"{first.name or 'a contact'}, {first.organization_name}"
