"""Keys that mails are signed with (DKIM), in PEM."""

from collections.abc import Mapping

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from embedded.home import Home, write_private

RSA_BITS = 2048
SELECTOR = "dunlin"


DKIM_KEYS = ("dkim-key.pem", "dkim-ed25519-key.pem")
"""The names of both keys among a home's secrets, RSA first."""


def rsa_key() -> bytes:
    """A new key that every receiver can check."""
    return _pem(rsa.generate_private_key(public_exponent=65537, key_size=RSA_BITS))


def ed25519_key() -> bytes:
    """A new key of the stronger kind, which some receivers know."""
    return _pem(ed25519.Ed25519PrivateKey.generate())


def dkim_of_home(home: Home, env: Mapping[str, str]) -> dict[str, str]:
    """The settings by which mails are signed for the domain that `env` names; none if it names none.

    Both keys are made at their first use and lie with the home's secrets. A key that `env` names goes first.
    """
    if not env.get("DUNLIN_DKIM_DOMAIN") or env.get("DUNLIN_DKIM_KEY_FILE"):
        return {}
    for name, make in zip(DKIM_KEYS, (rsa_key, ed25519_key), strict=True):
        if not home.secret(name).exists():
            write_private(home.secret(name), make().decode("ascii"))
    return {
        "DUNLIN_DKIM_KEY_FILE": str(home.secret(DKIM_KEYS[0])),
        "DUNLIN_DKIM_ED25519_KEY_FILE": str(home.secret(DKIM_KEYS[1])),
        "DUNLIN_DKIM_SELECTOR": env.get("DUNLIN_DKIM_SELECTOR") or SELECTOR,
    }


def _pem(key: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
