"""`python -m services.shared.probe [readyz | livez]`: asks the program beside it how it is.

For health checks of containers: exit code 0 if all is well, else 1, with the answer on standard output. Asks
the address in DUNLIN_METRICS_LISTEN. Loads only the standard library, since it runs every few seconds.
"""

import os
import socket
import sys
from collections.abc import Mapping, Sequence

PATIENCE_SECONDS = 3.0
MOST_BYTES = 65_536

_WILDCARDS = {"", "0.0.0.0", "::"}  # noqa: S104 - compared, not bound


def split_address(address: str) -> tuple[str, int]:
    """The host, without brackets, and the port of host:port. `ValueError` if it is not that."""
    host, colon, port = address.rpartition(":")
    if not colon or not port.isascii() or not port.isdigit() or int(port) > 65_535:
        raise ValueError(address)
    return host.removeprefix("[").removesuffix("]"), int(port)


def ask(listen: str, page: str) -> tuple[bool, str]:
    """Whether the program that listens there says that all is well, and its words.

    One that listens on every address of the machine is asked on the loopback.
    """
    host, port = split_address(listen)
    host = ("::1" if host == "::" else "127.0.0.1") if host in _WILDCARDS else host
    try:
        with socket.create_connection((host, port), PATIENCE_SECONDS) as connection:
            connection.sendall(f"GET /{page} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode())
            with connection.makefile("rb") as stream:
                answer = stream.read(MOST_BYTES)
    except OSError as error:
        return False, f"does not answer at {host}:{port} ({error})"
    head, _, body = answer.partition(b"\r\n\r\n")
    status = head.split(b" ", 2)[1:2]
    return status == [b"200"], body.decode("utf-8", "replace").strip()


def main(arguments: Sequence[str], env: Mapping[str, str]) -> int:
    """Asks once; returns the exit code."""
    page = arguments[0] if arguments else "readyz"
    listen = env.get("DUNLIN_METRICS_LISTEN", "")
    if len(arguments) > 1 or page not in {"readyz", "livez"}:
        sys.stdout.write("usage: python -m services.shared.probe [readyz | livez]\n")
        return 1
    try:
        well, words = ask(listen, page)
    except ValueError:
        sys.stdout.write(f"DUNLIN_METRICS_LISTEN is {listen!r}; it must be host:port.\n")
        return 1
    sys.stdout.write(f"{words}\n")
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
