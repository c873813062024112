"""The shipped mails with sample data, as golden files keep them: `make golden` writes them anew.

Whoever changes a text or the layout reads in their diff what that did to every mail.
"""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

from services.mailer.domain.company import Company, Profile
from services.mailer.domain.shipped import SHIPPED
from services.mailer.domain.templates import Key
from services.mailer.rendering import MailPress

FOLDER = Path(__file__).parent / "golden"
TODAY = date(2026, 3, 4)
PRESS = MailPress("https://pay.example.test")
COMPANY = Company(
    "Harbour & Co", "1 Pier Road\nPortland, ME", "+1 207 555 0100", "help@x.test", "billing@x.test", "#1f4e79"
)


def golden(key: Key) -> dict[Path, str]:
    """The files of one shipped mail and what they have to hold."""
    mail = PRESS.preview(key, SHIPPED[key], Profile(COMPANY, 1), TODAY)
    name = f"{key.type.value}.{key.language}"
    return {
        FOLDER / f"{name}.txt": f"Subject: {mail.subject}\n\n{mail.text}\n",
        FOLDER / f"{name}.html": mail.html,
    }


def all_golden() -> Iterator[tuple[Path, str]]:
    """Of all shipped mails."""
    for key in SHIPPED:
        yield from golden(key).items()


def main() -> None:
    """Writes them all, and removes what is none."""
    FOLDER.mkdir(exist_ok=True)
    wanted = dict(all_golden())
    for path in set(FOLDER.iterdir()) - set(wanted):
        path.unlink()
    for path, content in wanted.items():
        path.write_text(content, encoding="utf-8")


if __name__ == "__main__":
    main()
