"""Ending an asyncio server without losing the connections that it is taking at that moment."""

from __future__ import annotations

import asyncio

_STEPS = 5
"""Turns of the loop from an accepted socket to a callback that knows of it: four in CPython 3.11."""


async def stop_listening(server: asyncio.Server) -> None:
    """Closes the server; whoever was accepted before has come to its callback when this returns.

    `Server.close` alone leaves such connections open for ever, and nobody knows them.
    """
    loop = asyncio.get_running_loop()
    for listener in server.sockets:
        loop.remove_reader(listener.fileno())
    for _ in range(_STEPS):
        await asyncio.sleep(0)
    server.close()
