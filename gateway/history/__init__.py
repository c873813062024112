"""History: every mail as it was sent, and what happened to it."""
