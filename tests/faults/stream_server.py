"""A server whose streams end at once, to be killed: `python stream_server.py PORT`."""

import sys
from collections.abc import Iterator
from concurrent import futures

import grpc


class Streams(grpc.GenericRpcHandler):
    """Answers every method with two messages."""

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
        return grpc.unary_stream_rpc_method_handler(self._two)

    def _two(self, _request: bytes, _context: grpc.ServicerContext) -> Iterator[bytes]:
        yield from (b"one", b"two")


if __name__ == "__main__":
    server = grpc.server(futures.ThreadPoolExecutor(8))
    server.add_generic_rpc_handlers((Streams(),))
    server.add_insecure_port(f"127.0.0.1:{sys.argv[1]}")
    server.start()
    server.wait_for_termination()
