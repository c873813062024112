"""Where a mail comes back to: an envelope sender of its own, which nobody else can make up.

    bounces+2af3-5d41402abc4b2a76b971@mail.example.com

Behind the plus stand the message and a proof that we have written it (an HMAC). It is in lower case, since
some servers change the case of what is before the at sign. The same token is the mail's envelope id, which
servers that know DSN (RFC 3461) bring back beside the address.
"""

import hashlib
import hmac
import re

from services.mailer.domain.message import ReturnPath

LONGEST_LOCAL = 24
"""Characters before the at sign of the company's bounce address: the token and they make 64 at most."""

_PURPOSE = b"dunlin return path 1"
_PROOF = 20
_TOKEN = re.compile(rf"([0-9a-f]{{1,16}})-([0-9a-f]{{{_PROOF}}})")


class ReturnPaths:
    """Makes return paths below one address with one secret, and reads them back."""

    def __init__(self, address: str, secret: str | bytes) -> None:
        self._local, _, self._domain = address.partition("@")
        secret = secret.encode() if isinstance(secret, str) else secret
        self._key = hmac.digest(secret, _PURPOSE, hashlib.sha256)

    def of(self, key: int) -> ReturnPath:
        """The return path of the message with this key."""
        token = f"{key:x}-{self._proof(key)}"
        return ReturnPath(f"{self._local}+{token}@{self._domain}", token)

    def takes(self, address: str) -> bool:
        """Whether mails to this address are for us: the bounce address, with anything behind a plus."""
        local, _, domain = address.strip().strip("<>").lower().rpartition("@")
        return local.partition("+")[0] == self._local.lower() and domain == self._domain.lower()

    def read(self, text: str) -> int | None:
        """The message that a return path or an envelope id names; None if we have not made it."""
        text = text.strip().strip("<>").lower()
        token = text
        if "@" in text:
            if not self.takes(text):
                return None
            token = text.rpartition("@")[0].partition("+")[2]
        found = _TOKEN.fullmatch(token)
        if found is None:
            return None
        key = int(found[1], 16)
        is_ours = f"{key:x}" == found[1] and hmac.compare_digest(found[2], self._proof(key))
        # What a database cannot have as a key, nobody has been given.
        return key if is_ours and key < 2**63 else None

    def _proof(self, key: int) -> str:
        return hmac.new(self._key, str(key).encode(), hashlib.sha256).hexdigest()[:_PROOF]
