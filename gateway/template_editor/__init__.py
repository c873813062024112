"""The editor of mail texts: writing, previewing, testing, and the versions of each."""
