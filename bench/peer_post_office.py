"""django-post_office, sending the same mails: `python bench/peer_post_office.py migrate|queue|send ...`.

    migrate                       makes the tables of the database in PEER_DATABASE_URL
    queue FILE MAILS              puts mails into its queue, whose template is the mail in the file
    send PROCESSES THREADS        its own send_queued_mail

Its mails are as large as ours, are rendered when they are sent, and each delivery is logged. With
PEER_SIGNER=own they are signed by our signer, which is the quick way; with dkimpy by dkimpy, which is what
such a site takes; without it not at all. Connections stay open, as it does by itself.
"""

from __future__ import annotations

import os
import sys
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

REPOSITORY = Path(__file__).parents[1]
sys.path[:0] = [str(REPOSITORY), str(REPOSITORY / "protos" / "gen")]

BATCH = 200
"""Mails it takes up together; its default of 100 makes it a little slower."""


def configure(threads: int) -> None:
    """Django, as small as it gets."""
    import django
    from django.conf import settings

    url = urlsplit(os.environ["PEER_DATABASE_URL"])
    database = {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": url.hostname,
        "PORT": url.port,
        "USER": url.username,
        "PASSWORD": url.password,
        "NAME": url.path[1:],
    }
    settings.configure(
        DATABASES={"default": database},
        INSTALLED_APPS=["django.contrib.contenttypes", "post_office"],
        DEFAULT_AUTO_FIELD="django.db.models.AutoField",
        EMAIL_HOST="127.0.0.1",
        EMAIL_PORT=int(os.environ["PEER_SMTP_PORT"]),
        TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates"}],
        USE_TZ=True,
        POST_OFFICE={
            "BACKENDS": {"default": "bench.peer_post_office.Signing"},
            "BATCH_SIZE": BATCH,
            "THREADS_PER_PROCESS": threads,
            "LOG_LEVEL": 2,
            "MESSAGE_ID_ENABLED": True,
        },
    )
    django.setup()


def Signing(*args: Any, **kwargs: Any) -> Any:
    """Its SMTP backend, with a signature on top of each mail."""
    from django.core.mail.backends.smtp import EmailBackend

    sign = signer()

    class Backend(EmailBackend):  # type: ignore[misc]  # Django has no types
        def _send(self, message: Any) -> bool:
            content = sign(message.message().as_bytes(linesep="\r\n"))
            self.connection.sendmail(message.from_email, message.recipients(), content)
            return True

    return Backend(*args, **kwargs) if sign else EmailBackend(*args, **kwargs)


def signer() -> Any:
    """What signs, after PEER_SIGNER."""
    from services.mailer.dkim import KEY_FILE, read_signer

    how = os.environ.get("PEER_SIGNER", "")
    if how == "own":
        from datetime import UTC, datetime

        ours = read_signer(os.environ)
        assert ours is not None
        return lambda content: ours.sign(content, datetime.now(UTC))
    if how == "dkimpy":
        import dkim

        key = Path(os.environ[KEY_FILE]).read_bytes()
        relaxed = (b"relaxed", b"relaxed")
        return lambda content: dkim.sign(content, b"s1", b"example.test", key, canonicalize=relaxed) + content
    return None


def queue(mail: bytes, count: int) -> None:
    """With the parts that differ from mail to mail as variables."""
    from post_office import mail as office
    from post_office.models import EmailTemplate

    message = message_from_bytes(mail, policy=policy.default)
    parts = {}
    for kind in ("plain", "html"):
        part = message.get_body((kind,))
        assert part is not None
        parts[kind] = (
            str(part.get_content()).replace("INV-000007", "{{ number }}").replace("Dana 7", "{{ name }}")
        )
    template, _ = EmailTemplate.objects.update_or_create(
        name="due",
        defaults={
            "subject": "Invoice {{ number }} is 15 days past due",
            "content": parts["plain"],
            "html_content": parts["html"],
        },
    )
    for start in range(0, count, 1000):
        office.send_many(
            [
                {
                    "recipients": [f"dana-{n}@example.test"],
                    "sender": "billing@example.test",
                    "template": template,
                    "context": {"number": f"INV-{n:06}", "name": f"Dana {n}"},
                    "render_on_delivery": True,
                }
                for n in range(start, min(start + 1000, count))
            ]
        )


def main(arguments: list[str]) -> None:
    """One of the three."""
    configure(threads=int(arguments[2]) if arguments[0] == "send" else 1)
    from django.core.management import call_command

    if arguments[0] == "migrate":
        call_command("migrate", verbosity=0)
    elif arguments[0] == "queue":
        queue(Path(arguments[1]).read_bytes(), int(arguments[2]))
    else:
        call_command("send_queued_mail", processes=int(arguments[1]), log_level=2)


if __name__ == "__main__":
    main(sys.argv[1:])
