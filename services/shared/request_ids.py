"""Ids that make a request harmless when it is sent again: whoever asks makes them up."""

import re

from services.shared.errors import invalid_field

_REQUEST_ID = re.compile(r"[A-Za-z0-9-]{1,64}")


def check_request_id(request_id: str, field: str = "request_id") -> None:
    """`Invalid` (REQUEST_ID_MALFORMED) unless it is 1 to 64 letters, digits and hyphens."""
    if _REQUEST_ID.fullmatch(request_id) is None:
        words = "Give 1 to 64 letters, digits and hyphens, such as a UUID."
        raise invalid_field(field, "REQUEST_ID_MALFORMED", words)
