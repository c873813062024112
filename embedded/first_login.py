"""The owner's login, made once so that somebody can sign in at all."""

import secrets

from embedded.home import Home, write_private

OWNER = "owner@example.test"


def first_login(home: Home) -> tuple[str, str] | None:
    """The owner's address and password while the file with them is there and still true.

    Makes the login at the first start, when there is no staff. The password stands in
    `first-login.txt` alone; the file goes once the password has been changed, and may be removed
    at any time.
    """
    # Loaded here: a start need not wait for the database library before it has begun.
    from gateway.identity import add_staff, check_password, count_staff
    from services.shared.database import Database

    database = Database(home.database_url("identity"))
    try:
        if count_staff(database) == 0:
            password = secrets.token_urlsafe(12)
            # The file comes first: an account whose password nobody knows would lock everybody out.
            write_private(home.first_login, f"{OWNER}\n{password}\n")
            add_staff(database, OWNER, password, "Owner")
            return OWNER, password
        known = _read(home)
        if known is None or check_password(database, *known) is not None:
            return known
        home.first_login.unlink(missing_ok=True)
        return None
    finally:
        database.dispose()


def _read(home: Home) -> tuple[str, str] | None:
    try:
        email, password = home.first_login.read_text(encoding="utf-8").splitlines()[:2]
    except (FileNotFoundError, ValueError):
        return None
    return email, password
