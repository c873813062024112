"""Rules of the books and of payments: pure functions on frozen values."""
