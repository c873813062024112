"""Languages of mails, as BCP 47 tags (RFC 5646)."""

import re
from functools import lru_cache

from babel import Locale

# A language and perhaps script, region and variants: what can say how a mail is written. Extensions and
# private use say something else.
_TAG = re.compile(
    r"([a-z]{2,3})(?:-([a-z]{4}))?(?:-([a-z]{2}|\d{3}))?((?:-(?:[a-z\d]{5,8}|\d[a-z\d]{3}))*)",
    re.ASCII | re.IGNORECASE,
)


@lru_cache(maxsize=1024)
def language_tag(text: str) -> str:
    """The tag in the capitals that are usual ("pt-BR", "zh-Hant"); empty if it names no known language."""
    match = _TAG.fullmatch(text)
    if match is None or match[1].lower() not in _known():
        return ""
    language, script, region, variants = match.groups()
    parts = [language.lower(), (script or "").title(), (region or "").upper()]
    return "-".join(part for part in parts if part) + variants.lower()


@lru_cache(maxsize=1)
def _known() -> frozenset[str]:
    return frozenset(Locale("en").languages)
