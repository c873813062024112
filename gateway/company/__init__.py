"""Settings of the company: its profile and calendar, sending, client profiles, addresses that get no mail."""
