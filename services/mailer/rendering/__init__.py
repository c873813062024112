"""Writing mails: areas and letter to subject, HTML and text, and these to a finished mail."""

from services.mailer.rendering.press import MailPress

__all__ = ["MailPress"]
