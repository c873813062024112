"""Payments that came in, for staff and for the accounting side."""
