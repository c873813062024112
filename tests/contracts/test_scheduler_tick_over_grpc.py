"""The tick over a real channel, with its retries, while another one holds the lease."""

from datetime import timedelta

import grpc
import pytest
from dunlin.scheduler.v1 import scheduler_pb2 as pb
from dunlin.scheduler.v1 import scheduler_pb2_grpc

from services.scheduler.servicer import SchedulerServicer
from services.scheduler.use_cases.tick import LEASE
from services.shared.errors import Busy
from services.shared.grpc_channel import open_channel
from services.shared.grpc_errors import refusal_of
from services.shared.grpc_server import Server
from tests.unit.scheduler.world import World

TOKEN = "a token for the tests"


def test_a_tick_that_finds_another_one_at_work_is_refused_after_one_wait() -> None:
    world = World(15)
    began = world.clock.now()
    with world.store.write() as work:
        work.leases.take(LEASE, "other", now=began, until=began + timedelta(days=1))

    def add(server: grpc.Server) -> None:
        scheduler_pb2_grpc.add_SchedulerServiceServicer_to_server(SchedulerServicer(world.ticking), server)

    server = Server("127.0.0.1:0", TOKEN, servicers=add, names=())
    with open_channel(server.start(), TOKEN) as channel:
        stub = scheduler_pb2_grpc.SchedulerServiceStub(channel)
        with pytest.raises(grpc.RpcError) as error:
            list(stub.RunTick(pb.RunTickRequest()))
    server.stop(0)
    refusal = refusal_of(error.value)
    assert refusal is not None
    assert (type(refusal), refusal.reason) == (Busy, "TICK_RUNNING")
    assert world.clock.now() - began < timedelta(seconds=32), "the channel did not send the call again"
