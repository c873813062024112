"""Rows to values and back; locks are visible here."""
