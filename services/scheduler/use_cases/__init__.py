"""One function for each request or due moment; the transaction shows."""
