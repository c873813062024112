"""Dates as people and programs write them here: YYYY-MM-DD, and in no other way."""

import re
from datetime import date

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


def day_of(text: str) -> date:
    """The date written as YYYY-MM-DD. `ValueError` for anything else."""
    # date.fromisoformat would also take 20260131 and 2026-W05-6.
    if not _DATE.fullmatch(text):
        raise ValueError(text)
    return date.fromisoformat(text)
