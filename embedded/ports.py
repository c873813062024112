"""Loopback ports: the site's own, and free ones for the programs behind it."""

import random
import socket
from collections.abc import Sequence

from services.shared.errors import WrongState

LOOPBACK = "127.0.0.1"

# Below the range that outgoing connections take their ports from, so that none of them can sit on a
# program's port in the moment between its end and its restart.
_LOWEST = 17000
_HIGHEST = 32000
_ATTEMPTS = 500


class PortTaken(WrongState):
    """Another program listens where the site should."""

    reason = "PORT_TAKEN"


def is_free(host: str, port: int) -> bool:
    """Whether a server could listen there now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # As servers do: connections of a server that has ended do not keep its port.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True


def check_free(host: str, port: int) -> None:
    """Raises `PortTaken` with the cure in its message."""
    if not is_free(host, port):
        raise PortTaken(
            f"Port {port} at {host} is taken by another program. Stop it, or choose another port, "
            f"such as DUNLIN_PORT={port + 1 if port < 65535 else 8000}."
        )


def free_ports(names: Sequence[str]) -> dict[str, int]:
    """A free loopback port for each name, all different."""
    chosen: dict[str, int] = {}
    for _ in range(_ATTEMPTS):
        port = random.randint(_LOWEST, _HIGHEST)  # noqa: S311 - no secret
        if port not in chosen.values() and is_free(LOOPBACK, port):
            chosen[names[len(chosen)]] = port
        if len(chosen) == len(names):
            return chosen
    raise PortTaken(f"No free ports were found between {_LOWEST} and {_HIGHEST} on {LOOPBACK}.")
