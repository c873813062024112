"""What the mail that a link stands in tells the page that the link opens."""

import grpc
from dunlin.mailer.v1.mailer_pb2 import GetMessageRequest

from gateway.clients import clients
from gateway.site import languages
from gateway.site.company_time import PATIENCE_SECONDS


def speak_as(notice_id: str) -> None:
    """Goes on in the language that the notice's mail was written in; a page can do without knowing it."""
    asked = GetMessageRequest(notice_id=notice_id)
    try:
        message = clients().mailer.GetMessage(asked, timeout=PATIENCE_SECONDS)
    except grpc.RpcError:
        return
    if message.language:
        languages.speak(message.language)
