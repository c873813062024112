"""The few names of PyNaCl that dkimpy checks Ed25519 signatures with, over `cryptography`."""

import base64
import sys
from types import ModuleType

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


class BadSignatureError(Exception):
    """The signature is not of this key and content."""


class Base64Encoder:
    """Marks a key that is given in base64."""


class VerifyKey:
    """The public key of a DNS record."""

    def __init__(self, key: bytes, encoder: type[Base64Encoder]) -> None:
        self._key = Ed25519PublicKey.from_public_bytes(base64.b64decode(key))

    def verify(self, content: bytes, signature: bytes) -> bytes:
        """The content; raises `BadSignatureError`."""
        try:
            self._key.verify(signature, content)
        except InvalidSignature as error:
            raise BadSignatureError from error
        return content


def provide() -> None:
    """Puts them where dkimpy looks."""
    parts = {
        "signing": {"VerifyKey": VerifyKey},
        "encoding": {"Base64Encoder": Base64Encoder},
        "exceptions": {"BadSignatureError": BadSignatureError, "ValueError": ValueError},
    }
    package = sys.modules.setdefault("nacl", ModuleType("nacl"))
    for name, content in parts.items():
        module = ModuleType(f"nacl.{name}")
        vars(module).update(content)
        setattr(package, name, module)
        sys.modules[f"nacl.{name}"] = module
