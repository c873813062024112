"""Rules of the mailer: pure functions and frozen values; time is an argument."""
