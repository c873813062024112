"""What the ninth migration changes of the texts of `english` and `german`."""

from collections.abc import Mapping

AREAS = ("subject", "title", "header", "footer")

REWORDED: dict[tuple[str, str], tuple[tuple[str, str, str], ...]] = {
    # That needs no account only where links to pay are on.
    ("en", "due_notice_after"): (("header", " a minute, with no account needed.", " a minute."),),
    # Payments are cancelled by the same word as on the pages.
    ("de", "payment_scheduled"): (("footer", " oder absagen ", " oder stornieren "),),
    ("de", "payment_cancelled"): (
        ("subject", " abgesagt", " storniert"),
        ("title", " abgesagt", " storniert"),
        ("header", " abgesagt.", " storniert."),
        ("header", "Falls von der Rechnung ", "Falls zu dieser Rechnung "),
    ),
    ("de", "welcome"): (("header", " in das Kundenportal ein.", " zum Kundenportal ein."),),
}
"""By language and type: in which area, the words until now and the new ones."""


def reworded(language: str, type: str, areas: Mapping[str, str]) -> dict[str, str]:
    """The areas in the new words."""
    new = dict(areas)
    for area, before, after in REWORDED[language, type]:
        new[area] = new[area].replace(before, after)
    return new
