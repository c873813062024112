"""One function for each request or due moment; the transactions show."""
