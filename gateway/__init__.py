"""The web site and the command line: sessions, staff identities, pages. Decides nothing about mail or money."""
