"""A form that met a service that was away, or a limit: what was typed stands on the page that says so.

Forms of the site that do something carry an id of their own or say how things are to be, so one that had been
taken in spite of the error does nothing more when it comes again.
"""

from dataclasses import dataclass

from flask import g, request
from flask_login import current_user

from gateway.site.security import is_safe_path

SECRETS = frozenset({"password", "present", "again"})
"""Fields for passwords. A form that has one is never written into a page."""
MOST_CHARACTERS = 256 * 1024
MOST_FIELDS = 1000


@dataclass(frozen=True)
class SentForm:
    """A form as it was sent, without its token: where to, and each field in order, some more than once."""

    action: str
    fields: tuple[tuple[str, str], ...]


def sent_form() -> SentForm | None:
    """The form that this request has sent, if a page may offer to send it again.

    Only one that passed the check of its token and came from somebody signed in: for anybody else the page
    would turn a foreign form into one of ours. None also for files, passwords, and what fits in no page.
    """
    if request.method != "POST" or not g.get("csrf_valid", False) or not current_user.is_authenticated:
        return None
    action = request.full_path.rstrip("?")
    fields = tuple((name, value) for name, value in request.form.items(multi=True) if name != "csrf_token")
    is_fit = (
        is_safe_path(action)
        and not any(file.filename for file in request.files.values())
        and SECRETS.isdisjoint(name for name, _ in fields)
        and len(fields) <= MOST_FIELDS
        and sum(len(name) + len(value) for name, value in fields) <= MOST_CHARACTERS
    )
    return SentForm(action, fields) if is_fit else None
