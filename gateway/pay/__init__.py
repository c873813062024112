"""Pay Now: from an invoice to a receipt in three pages, with no login."""
