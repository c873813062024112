"""Client emails: every kind of mail, its switch and settings, whom it leaves out, and sending to many."""
