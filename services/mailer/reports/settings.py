"""Settings of taking in reports; see docs/deliverability.md."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from email_validator import EmailNotValidError, validate_email

from services.mailer.domain.return_path import LONGEST_LOCAL, ReturnPaths
from services.mailer.reports.imap import ImapServer
from services.shared.plaintext import Plaintext
from services.shared.settings import SettingMissing, SettingWrong, required, secret_file

ADDRESS = "DUNLIN_BOUNCE_ADDRESS"
LMTP = "DUNLIN_BOUNCES_LMTP_LISTEN"
IMAP = "DUNLIN_BOUNCES_IMAP_URL"
IMAP_PASSWORD = "DUNLIN_BOUNCES_IMAP_PASSWORD_FILE"  # noqa: S105 - the name of a setting
PORTS = {"imap": 143, "imaps": 993}


@dataclass(frozen=True)
class Reporting:
    """Where reports about mails go, and how they come in; without paths nobody takes them in."""

    paths: ReturnPaths | None = None
    lmtp: tuple[str, int] | None = None
    imap: ImapServer | None = None

    @classmethod
    def read(cls, env: Mapping[str, str]) -> "Reporting":
        """`SettingError` names what is missing or wrong."""
        if not env.get(ADDRESS):
            for name in (LMTP, IMAP):
                if env.get(name):
                    raise SettingMissing(f"{name} is set, and {ADDRESS} is not: where reports are to go.")
            return cls()
        secret = secret_file(env, "DUNLIN_PORTAL_KEY_FILE")
        plaintext = Plaintext.read(env)
        return cls(
            paths=ReturnPaths(_address(env[ADDRESS]), secret),
            lmtp=_lmtp(env[LMTP], plaintext) if env.get(LMTP) else None,
            imap=_imap(env, plaintext) if env.get(IMAP) else None,
        )


def _address(text: str) -> str:
    try:
        found = validate_email(text, check_deliverability=False, test_environment=True, allow_smtputf8=False)
    except EmailNotValidError as error:
        raise SettingWrong(f"{ADDRESS} is {text!r}, which is no email address: {error}") from error
    if "+" in found.local_part or len(found.local_part) > LONGEST_LOCAL:
        raise SettingWrong(
            f"{ADDRESS} is {text!r}; before the at sign at most {LONGEST_LOCAL} characters and no plus are"
            " possible, since each mail adds a part of its own there."
        )
    return f"{found.local_part}@{found.ascii_domain}"


def _lmtp(text: str, plaintext: Plaintext) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or not 0 <= int(port) <= 65535:
        raise SettingWrong(f"{LMTP} is {text!r}; it must be host:port, such as 127.0.0.1:2424.")
    plaintext.check(host, f"{LMTP} is {text}, and reports come in plain text", "listen on 127.0.0.1")
    return host.strip("[]"), int(port)


def _imap(env: Mapping[str, str], plaintext: Plaintext) -> ImapServer:
    parts = urlsplit(env[IMAP])
    wrong = SettingWrong(f"{IMAP} must be like imaps://user@host/INBOX, with the password in a file.")
    try:
        port = parts.port or PORTS.get(parts.scheme, 0)
    except ValueError:
        raise wrong from None
    if parts.scheme not in PORTS or not parts.hostname or not parts.username or parts.password is not None:
        raise wrong
    mailbox = unquote(parts.path.strip("/")) or "INBOX"
    user = unquote(parts.username)
    if not (mailbox + user).isascii() or not (mailbox + user).isprintable():
        raise SettingWrong(
            f"{IMAP} names a user or mailbox with letters beyond ASCII, which is not possible."
        )
    if parts.scheme == "imap":
        plaintext.check(
            parts.hostname, f"{IMAP} sends a login in plain text to {parts.hostname}", "use imaps://"
        )
    return ImapServer(parts.hostname, port, user, mailbox, parts.scheme == "imaps", _password(env))


def _password(env: Mapping[str, str]) -> str:
    # Not through `secret_file`: others choose this secret, and theirs may be short.
    path = Path(required(env, IMAP_PASSWORD))
    try:
        return path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingWrong(f"{IMAP_PASSWORD} names {path}, which cannot be read: {error}.") from error
