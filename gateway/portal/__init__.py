"""The client portal: its door, what lies behind it, and the links in mails that lead there."""
