"""`python -m gateway.cli`, where the `dunlin` command is not installed."""

from gateway.cli import main

main()
