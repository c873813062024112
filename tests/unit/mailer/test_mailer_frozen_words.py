"""What migrations insert stays as it is: the databases that are there have read it already."""

import hashlib
import json

import pytest

from services.mailer.migrations.english import ENGLISH
from services.mailer.migrations.german import GERMAN
from services.mailer.migrations.reworded import AREAS, REWORDED, reworded

TEXTS = {"en": ENGLISH, "de": GERMAN}
SECOND = [
    [language, type, reworded(language, type, dict(zip(AREAS, TEXTS[language][type], strict=True)))]
    for language, type in REWORDED
]


@pytest.mark.parametrize(
    ("texts", "digest"),
    [
        (ENGLISH, "8a6b03f85dcae7ea"),
        (GERMAN, "e4b82178c82a9345"),
        (SECOND, "938f13c45c303c59"),
    ],
    ids=["english", "german", "reworded"],
)
def test_words_that_a_migration_has_brought_never_change(texts: object, digest: str) -> None:
    found = hashlib.sha256(json.dumps(texts, ensure_ascii=False, sort_keys=True).encode()).hexdigest()
    assert found.startswith(digest), "other words are another migration; these stay as they are"
