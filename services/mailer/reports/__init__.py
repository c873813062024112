"""Reports about mails that came back: how they are read, and the two ways in which they come in."""
