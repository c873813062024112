"""The bad network does what it says, so that a fault scenario tests what its name says."""

from __future__ import annotations

import gc
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from tests.faults.tcp_proxy import TcpProxy, proxied

QUICK = 0.2
"""Seconds within which nothing is expected to come."""


class Echo:
    """A server that sends back what it is sent, and remembers it."""

    def __init__(self) -> None:
        self.heard = b""
        self.accepted = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.accepted += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            try:
                while piece := connection.recv(65536):
                    self.heard += piece
                    connection.sendall(piece)
            except OSError:
                return

    def close(self) -> None:
        if self._listener.fileno() >= 0:
            self._listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that waits for connections
            self._listener.close()


@pytest.fixture
def echo() -> Iterator[Echo]:
    with closing(Echo()) as server:
        yield server


@pytest.fixture
def proxy(echo: Echo) -> Iterator[TcpProxy]:
    with proxied("127.0.0.1", echo.port) as proxy:
        yield proxy


def client(proxy: TcpProxy, timeout: float = 5.0) -> socket.socket:
    return socket.create_connection(("127.0.0.1", proxy.port), timeout=timeout)


def said(connection: socket.socket, words: bytes) -> bytes:
    """What comes back for the words, all of it."""
    connection.sendall(words)
    return heard(connection, len(words))


def heard(connection: socket.socket, count: int) -> bytes:
    answer = b""
    while len(answer) < count and (piece := connection.recv(65536)):
        answer += piece
    return answer


def falls_silent(connection: socket.socket, words: bytes) -> bool:
    connection.sendall(words)
    connection.settimeout(QUICK)
    try:
        connection.recv(1)
    except TimeoutError:
        return True
    finally:
        connection.settimeout(5.0)
    return False


def test_everything_passes_unchanged_both_ways_and_the_end_too(echo: Echo, proxy: TcpProxy) -> None:
    words = bytes(range(256)) * 4000
    with client(proxy) as connection:
        reader = threading.Thread(target=connection.sendall, args=(words,))
        reader.start()
        assert heard(connection, len(words)) == words
        reader.join()
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(1) == b"", "the server's end arrives"
    assert echo.heard == words


def test_a_delay_holds_each_piece_back(proxy: TcpProxy) -> None:
    with client(proxy) as connection:
        said(connection, b"warm")
        proxy.delay(0.15)
        began = time.monotonic()
        assert said(connection, b"slow") == b"slow"
        assert time.monotonic() - began >= 0.3, "once there and once back"
        proxy.heal()
        assert said(connection, b"fast") == b"fast"


def test_a_throttled_line_lets_only_so_much_through(proxy: TcpProxy) -> None:
    with client(proxy) as connection:
        proxy.throttle(40_000)
        began = time.monotonic()
        assert said(connection, b"x" * 8_000) == b"x" * 8_000
        assert time.monotonic() - began >= 0.2


def test_healing_ends_a_delay_that_is_under_way(proxy: TcpProxy) -> None:
    with client(proxy) as connection:
        said(connection, b"warm")
        proxy.delay(60)
        connection.sendall(b"held")
        proxy.heal()
        assert heard(connection, 4) == b"held"


def test_a_connection_is_reset_after_so_many_bytes(echo: Echo, proxy: TcpProxy) -> None:
    with client(proxy) as connection:
        said(connection, b"before")
        proxy.cut_after(10)
        connection.sendall(b"0123456789 and never this")
        with pytest.raises(ConnectionResetError):
            connection.recv(100)
    assert b"never" not in echo.heard


def test_a_black_hole_takes_connections_and_says_nothing(echo: Echo, proxy: TcpProxy) -> None:
    with client(proxy) as old:
        said(old, b"warm")
        proxy.black_hole()
        assert falls_silent(old, b"old")
        with client(proxy) as new:
            assert falls_silent(new, b"new")
            assert echo.accepted == 1, "nothing reaches the server"
            proxy.heal()
            assert heard(new, 3) == b"new", "what was on its way arrives, as after lost packets"
            assert heard(old, 3) == b"old"


def test_a_refusing_port_resets_what_is_open_and_takes_nothing_new(proxy: TcpProxy) -> None:
    with client(proxy) as connection:
        said(connection, b"warm")
        proxy.refuse()
        with pytest.raises(ConnectionResetError):
            connection.recv(1)
        with pytest.raises(ConnectionRefusedError):
            client(proxy)
    proxy.heal()
    with client(proxy) as connection:
        assert said(connection, b"again") == b"again", "it is back under the same address"


def test_after_a_half_close_the_server_still_hears_the_client(echo: Echo, proxy: TcpProxy) -> None:
    with client(proxy) as connection:
        said(connection, b"warm")
        proxy.half_close()
        assert connection.recv(1) == b""
        connection.sendall(b"heard")
        connection.shutdown(socket.SHUT_WR)
        until = time.monotonic() + 5
        while echo.heard != b"warmheard":
            assert time.monotonic() < until
            threading.Event().wait(0.01)


def test_a_cut_ends_what_is_open_and_nothing_else(proxy: TcpProxy) -> None:
    with client(proxy) as connection:
        said(connection, b"warm")
        proxy.cut()
        with pytest.raises(ConnectionResetError):
            connection.recv(1)
    with client(proxy) as connection:
        assert said(connection, b"again") == b"again"


def test_a_server_that_is_away_looks_like_a_cut_line(echo: Echo, proxy: TcpProxy) -> None:
    echo.close()
    with pytest.raises(ConnectionResetError), client(proxy) as connection:
        connection.recv(1)


def test_closing_leaves_no_connection_open_not_even_one_that_has_just_come(echo: Echo) -> None:
    for _ in range(20):
        proxy = TcpProxy("127.0.0.1", echo.port)
        clients = [socket.create_connection(("127.0.0.1", proxy.port), timeout=5) for _ in range(10)]
        proxy.close()
        for client in clients:
            client.close()
    # A transport that nobody has closed complains when it is collected, which fails the test.
    del proxy
    gc.collect()
