"""Whether programs answer, seen from outside."""

import http.client
import socket

from embedded.programs import Program


def is_listening(program: Program) -> bool:
    """Whether something accepts connections at the program's address."""
    try:
        with socket.create_connection((program.host, program.port), timeout=0.5):
            return True
    except OSError:
        return False


def site_trouble(program: Program) -> str | None:
    """None once the site says that every program answers, otherwise what it says instead."""
    connection = http.client.HTTPConnection(program.host, program.port, timeout=5)
    try:
        connection.request("GET", "/healthz")
        answer = connection.getresponse()
        body = answer.read(2000).decode("utf-8", "replace").strip()
    except (OSError, http.client.HTTPException) as error:
        return f"the site does not answer ({error})"
    finally:
        connection.close()
    return None if answer.status == http.client.OK else body or f"the site answers {answer.status}"
