"""The inline pictures of a mail, for a page that shows it as a mail program would."""

import base64
import re
from email import message_from_bytes, policy

_PICTURES = ("image/png", "image/jpeg")


def with_pictures(html: str, mime: bytes) -> str:
    """The mail's HTML with each `cid:` that its own MIME carries replaced by the picture, as a data URI.

    Nothing else changes, and a mail without inline pictures comes back as it is.
    """
    if "cid:" not in html:
        return html
    pictures = {}
    for part in message_from_bytes(mime, policy=policy.default).walk():
        content_id = str(part.get("Content-ID", "")).strip().strip("<>")
        if content_id and part.get_content_type() in _PICTURES:
            data = base64.b64encode(part.get_content()).decode()
            pictures[content_id] = f"data:{part.get_content_type()};base64,{data}"
    return re.sub(r'(?<=src=")cid:([^"]+)', lambda cid: pictures.get(cid.group(1), cid.group(0)), html)
