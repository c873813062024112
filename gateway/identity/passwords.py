"""Password rules and hashes."""

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

from services.shared.errors import Invalid, invalid_field

SHORTEST = 10
LONGEST = 200

# OWASP's choice for argon2id: strong, and eight logins at once take 150 MB and not half a gigabyte.
_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
# Checked where there is no account, so that an unknown address takes as long as a wrong password.
_NOBODY = _hasher.hash("nobody has this password")


class PasswordUnfit(Invalid):
    """A new password that is too short or too long."""

    reason = "PASSWORD_UNFIT"


def hash_password(password: str) -> str:
    """The argon2id hash to store. Raises `PasswordUnfit`."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise invalid_field(
            "password",
            PasswordUnfit.reason,
            f"A password has {SHORTEST} to {LONGEST} characters; a few words do well.",
        )
    return _hasher.hash(password)


def matches(stored: str | None, password: str) -> bool:
    """Whether the password has that hash; takes the same time where there is no hash at all."""
    try:
        _hasher.verify(stored or _NOBODY, password[: LONGEST + 1])
    except (VerifyMismatchError, InvalidHashError):
        return False
    return stored is not None


def is_outdated(stored: str) -> bool:
    """Whether the hash was made with weaker parameters than today's."""
    return _hasher.check_needs_rehash(stored)
