"""A server that speaks plain text, behind TLS on an address of its own."""

import asyncio
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tests.fakes.authority import Authority


@contextmanager
def behind_tls(server: tuple[str, int], authority: Authority, host: str) -> Iterator[int]:
    """The port at `host`, a loopback address that the certificate names and nothing else."""
    files = authority.settings(host)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(files["DUNLIN_TLS_CERT_FILE"], files["DUNLIN_TLS_KEY_FILE"])

    async def serve(client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        from_server, to_server = await asyncio.open_connection(*server)
        try:
            await asyncio.gather(_carry(client, to_server), _carry(from_server, to_client))
        except OSError:
            pass  # one side is gone, and the other one is told below
        finally:
            to_client.close()
            to_server.close()

    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="behind-tls", daemon=True)
    thread.start()
    listening = asyncio.run_coroutine_threadsafe(asyncio.start_server(serve, host, 0, ssl=context), loop)
    try:
        yield listening.result(20).sockets[0].getsockname()[1]
    finally:
        asyncio.run_coroutine_threadsafe(_end(listening.result()), loop).result(20)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(20)
        loop.close()


async def _carry(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    while piece := await source.read(65_536):
        sink.write(piece)
        await sink.drain()
    sink.close()


async def _end(server: asyncio.Server) -> None:
    server.close()
    others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
