"""The web site and the command line: sessions, staff, pages. Decides nothing about mail or money."""
