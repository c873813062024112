"""The command line: what scripts and people at a terminal use. See docs/cli.md."""


def main() -> None:
    """The entry point of `dunlin`; ends the process with the exit code."""
    # Loaded here, so that importing this package costs nothing.
    import sys  # noqa: PLC0415

    from gateway.cli.app import run  # noqa: PLC0415

    sys.exit(run(sys.argv[1:]))
