"""What the service does: one function for each request or due moment."""
