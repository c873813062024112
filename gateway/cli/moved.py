"""What `dunlin migrate --from-sqlite` tells at its end."""

from embedded.move import Moved
from gateway.cli.output import print_table, say
from services.shared.money import is_currency, to_decimal

_SECRETS = {
    "link-key": "DUNLIN_LINK_KEY_FILE: without it the Pay links in mails already sent no longer open",
    "portal-key": "DUNLIN_PORTAL_KEY_FILE: without it links to unsubscribe in sent mails no longer open",
    "session-key": "DUNLIN_SESSION_KEY_FILE: without it everybody has to sign in again",
}


def show(moved: Moved) -> None:
    """Counts and sums of both sides, and what else has to be carried over."""
    rows: list[tuple[str, ...]] = []
    for database, copied in moved.databases.items():
        for table, here in copied.here.items():
            there = copied.there[table]
            if here.rows:
                rows.append((database, table, f"{here.rows:,}", f"{there.rows:,}"))
            for (column, currency), amount in sorted(here.sums.items()):
                what = f"  sum of {column.removesuffix('_minor')}{f' in {currency}' if currency else ''}"
                both = (_amount(one, currency) for one in (amount, there.sums[column, currency]))
                rows.append((database, what, *both))
    print_table(("Database", "Table", "Home", "PostgreSQL"), rows, right=(2, 3))
    say("")
    say("Everything was copied, and both sides hold the same. Carry these secrets over as well:")
    for name, meaning in _SECRETS.items():
        say(f"  {moved.secrets / name}, as {meaning}.")
    say("The home no longer starts, so that nobody is mailed twice. Keep it until the new place has proved")
    say("itself.")


def _amount(minor: int, currency: str) -> str:
    return to_decimal(minor, currency) if is_currency(currency) else str(minor)
