"""Who may use the staff site; `identity.portal` knows who may use the portal."""

from pathlib import Path

from gateway.identity import portal
from gateway.identity.repository import (
    PasswordWrong,
    Staff,
    StaffExists,
    add_staff,
    change_password,
    check_password,
    count_staff,
    end_session,
    end_sessions,
    find_staff,
    has_ended,
)
from services.shared.migrate import migrate as migrate_schema

MIGRATIONS = Path(__file__).parent / "migrations"

__all__ = [
    "PasswordWrong",
    "Staff",
    "StaffExists",
    "add_staff",
    "change_password",
    "check_password",
    "count_staff",
    "end_session",
    "end_sessions",
    "find_staff",
    "has_ended",
    "migrate",
    "portal",
]


def migrate(url: str) -> None:
    """Brings the gateway's database to the newest schema; a repeat changes nothing."""
    migrate_schema(url, MIGRATIONS)
