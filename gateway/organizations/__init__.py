"""Organizations: what they owe, who is told, and the mails that staff send them by hand."""
