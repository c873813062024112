"""The texts that Dunlin ships, of each template in each language.

Databases get them from migrations, which have copies: whoever changes a text here adds a migration.
"""

from services.mailer.domain.languages import ENGLISH, GERMAN
from services.mailer.domain.shipped_de import GERMAN_TEXTS
from services.mailer.domain.shipped_en import ENGLISH_TEXTS
from services.mailer.domain.templates import Key

SHIPPED = {
    Key(type, language.tag): areas
    for language, texts in ((ENGLISH, ENGLISH_TEXTS), (GERMAN, GERMAN_TEXTS))
    for type, areas in texts.items()
}
