"""What mails say besides what staff write: one place for each language, and what letters become in it."""

from services.mailer.wording.english import English
from services.mailer.wording.german import German
from services.mailer.wording.speech import Speech

_SPEECHES: dict[str, Speech] = {one.tag: one for one in (English(), German())}


def speech(tag: str) -> Speech:
    """The language of that tag, one of `domain.languages.LANGUAGES`."""
    return _SPEECHES[tag]
