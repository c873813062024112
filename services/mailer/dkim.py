"""Signing mails, so that receivers know who answers for them: DKIM (RFC 6376), RSA or Ed25519 (RFC 8463).

Written out here because it is on the way of every mail: the library for it takes twenty times as long.
The tests verify the signatures with that library.
"""

import base64
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from services.shared.settings import SettingWrong, optional, required

KEY_FILE, SELECTOR, DOMAIN = "DUNLIN_DKIM_KEY_FILE", "DUNLIN_DKIM_SELECTOR", "DUNLIN_DKIM_DOMAIN"
SECOND_KEY_FILE, SECOND_SELECTOR = "DUNLIN_DKIM_ED25519_KEY_FILE", "DUNLIN_DKIM_ED25519_SELECTOR"

LEAST_RSA_BITS = 2048

SIGNED = (
    *("From", "To", "Cc", "Subject", "Date", "Message-ID", "Reply-To", "Sender", "In-Reply-To", "References"),
    *("MIME-Version", "Content-Type", "Content-Transfer-Encoding", "Auto-Submitted", "X-Dunlin-Notice"),
    *("List-Unsubscribe", "List-Unsubscribe-Post"),
)
"""Each is signed as often as it occurs and once more: so none can be changed, and none be added."""

_SIGNED = tuple(name.lower().encode() for name in SIGNED)
_NAME = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)(?:\.(?!-)[a-z0-9-]{1,63}(?<!-))*", re.IGNORECASE)
_FIELD = re.compile(rb"([!-9;-~]+)[ \t]*:((?:[^\r]|\r(?!\n)|\r\n[ \t])*)\r\n")
_FOLDING = re.compile(rb"[ \t\r\n]+")
_LINE = 72


@dataclass(frozen=True)
class DnsRecord:
    """What to publish, so that receivers can check the signatures."""

    name: str
    value: str
    """The text of the TXT record; longer than 255 characters for RSA, so it is published in pieces."""


class Signer:
    """Signs with one key for one domain; safe from any thread."""

    def __init__(self, key: RSAPrivateKey | Ed25519PrivateKey, selector: str, domain: str) -> None:
        self._key = key
        self._selector = selector
        self._domain = domain
        algorithm = "rsa-sha256" if isinstance(key, RSAPrivateKey) else "ed25519-sha256"
        self._head = f"v=1; a={algorithm}; c=relaxed/relaxed;\r\n d={domain}; s={selector}; t=".encode()

    def sign(self, mime: bytes, at: datetime) -> bytes:
        """The mail with a signature on top; nothing of it may change afterwards. Lines end in CRLF."""
        header, _, body = mime.partition(b"\r\n\r\n")
        fields = _fields(header + b"\r\n")
        counts = tuple(len(fields.get(name, ())) for name in _SIGNED)
        digest = base64.b64encode(hashlib.sha256(relaxed_body(body)).digest())
        value = b"%s%d;\r\n h=%s;\r\n bh=%s;\r\n b=" % (
            self._head,
            int(at.timestamp()),
            _names(counts),
            digest,
        )
        signed = [field for name in _SIGNED for field in reversed(fields.get(name, ()))]
        own = b"dkim-signature:" + _FOLDING.sub(b" ", value).strip()
        signature = base64.b64encode(self._signature(b"".join(signed) + own))
        pieces = [signature[at : at + _LINE] for at in range(0, len(signature), _LINE)]
        return b"DKIM-Signature: " + value + b"\r\n  ".join(pieces) + b"\r\n" + mime

    def record(self) -> DnsRecord:
        """The DNS record that belongs to the key."""
        public = self._key.public_key()
        if isinstance(self._key, RSAPrivateKey):
            kind, content = "rsa", public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        else:
            kind, content = "ed25519", public.public_bytes(Encoding.Raw, PublicFormat.Raw)
        value = f"v=DKIM1; k={kind}; p={base64.b64encode(content).decode('ascii')}"
        return DnsRecord(f"{self._selector}._domainkey.{self._domain}", value)

    def _signature(self, content: bytes) -> bytes:
        if isinstance(self._key, RSAPrivateKey):
            return self._key.sign(content, PKCS1v15(), hashes.SHA256())
        return self._key.sign(hashlib.sha256(content).digest())


class Signers:
    """Signs with every key, the first one on top; safe from any thread.

    Receivers check the signature that they can: all know RSA, some Ed25519 too, which is stronger.
    """

    def __init__(self, *signers: Signer) -> None:
        self._signers = signers

    def sign(self, mime: bytes, at: datetime) -> bytes:
        """As `Signer.sign`, by each of them; none signs what another one has written."""
        for signer in reversed(self._signers):
            mime = signer.sign(mime, at)
        return mime

    def records(self) -> list[DnsRecord]:
        """The DNS record of each key."""
        return [signer.record() for signer in self._signers]


def read_signer(env: Mapping[str, str]) -> Signers | None:
    """The signers that the settings name, or None if none is set. `SettingError` names what is wrong."""
    names = (KEY_FILE, SELECTOR, DOMAIN, SECOND_KEY_FILE, SECOND_SELECTOR)
    if not any(env.get(name) for name in names):
        return None
    path, selector, domain = (required(env, name) for name in (KEY_FILE, SELECTOR, DOMAIN))
    _check_name(SELECTOR, selector)
    _check_name(DOMAIN, domain)
    first = Signer(_key(KEY_FILE, path), selector, domain)
    if not env.get(SECOND_KEY_FILE) and not env.get(SECOND_SELECTOR):
        return Signers(first)
    second = _key(SECOND_KEY_FILE, required(env, SECOND_KEY_FILE))
    if not isinstance(second, Ed25519PrivateKey):
        raise SettingWrong(f"{SECOND_KEY_FILE} names {env[SECOND_KEY_FILE]}, whose key is not Ed25519.")
    second_selector = optional(env, SECOND_SELECTOR, f"{selector}-ed25519")
    _check_name(SECOND_SELECTOR, second_selector)
    if second_selector.lower() == selector.lower():
        raise SettingWrong(
            f"{SECOND_SELECTOR} is {second_selector!r}, as {SELECTOR} is; each key needs its own."
        )
    return Signers(first, Signer(second, second_selector, domain))


def _check_name(name: str, value: str) -> None:
    if not _NAME.fullmatch(value) or len(value) > 200:
        raise SettingWrong(f"{name} is {value!r}; it must be a name in the DNS, in ASCII letters.")


def _key(name: str, path: str) -> RSAPrivateKey | Ed25519PrivateKey:
    try:
        key = load_pem_private_key(Path(path).read_bytes(), password=None)
    except OSError as error:
        raise SettingWrong(f"{name} names {path}, which cannot be read: {error.strerror}.") from error
    except (ValueError, TypeError) as error:
        raise SettingWrong(f"{name} names {path}, which holds no private key in PEM.") from error
    if not isinstance(key, RSAPrivateKey | Ed25519PrivateKey):
        raise SettingWrong(f"{name} names {path}, whose key is neither RSA nor Ed25519.")
    if isinstance(key, RSAPrivateKey) and key.key_size < LEAST_RSA_BITS:
        raise SettingWrong(f"{name} names {path}, whose key has less than {LEAST_RSA_BITS} bits.")
    return key


def relaxed_body(body: bytes) -> bytes:
    """The body as it is hashed: spaces at the ends of lines and empty lines at the end do not count."""
    body = body.replace(b"\t", b" ") + b"\r\n"
    while b"  " in body:
        body = body.replace(b"  ", b" ")
    body = body.replace(b" \r\n", b"\r\n")
    end = len(body)
    while body[end - 2 : end] == b"\r\n":
        end -= 2
    return body[:end] + b"\r\n" if end else b""


def _fields(header: bytes) -> dict[bytes, list[bytes]]:
    """The fields by name, each as it is hashed."""
    result: dict[bytes, list[bytes]] = {}
    for match in _FIELD.finditer(header):
        name = match.group(1).lower()
        value = match.group(2).strip(b" \t\r\n")
        if b"\r\n" in value or b"  " in value or b"\t" in value:
            value = _FOLDING.sub(b" ", value)
        result.setdefault(name, []).append(b"%s:%s\r\n" % (name, value))
    return result


@lru_cache(maxsize=64)
def _names(counts: tuple[int, ...]) -> bytes:
    """The names as they are listed, each once more than it occurs, in lines that are not too long."""
    lines, line = [], ""
    for name in (name for name, count in zip(SIGNED, counts, strict=True) for _ in range(count + 1)):
        if len(line) + len(name) > _LINE:
            lines.append(line)
            line = ""
        line += f":{name}" if line else name
    return ":\r\n  ".join([*lines, line]).encode()
