"""The command line: what scripts and people at a terminal use. See docs/cli.md."""


def main() -> None:
    """The entry point of `dunlin`; ends the process with the exit code."""
    # Loaded here, so that importing this package costs nothing.
    import sys

    from gateway.cli.app import run

    sys.exit(run(sys.argv[1:]))
