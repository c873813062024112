"""The process that listens to the broker for the scheduler: what it reads, outlives and gives back."""

from __future__ import annotations

import socket
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from services.shared.facts import NotDelivered
from services.shared.facts_wire import to_json
from services.shared.log import request_id
from tests.contracts.facts_world import Make, on_channel, until
from tests.fakes.authority import Authority
from tests.fakes.collector import Collector
from tests.fakes.tls_front import behind_tls
from tests.faults.tcp_proxy import TcpProxy
from tests.servers import DATABASES

pytestmark = [pytest.mark.rabbitmq]

BOTH = pytest.mark.parametrize("kind", DATABASES)
POSTGRESQL = pytest.mark.parametrize("kind", [pytest.param("postgresql", marks=pytest.mark.postgresql)])


@BOTH
def test_a_body_that_cannot_be_read_is_kept_and_the_next_one_taken_in(world_of: Make, kind: str) -> None:
    world = world_of(kind)
    ear = world.listening()
    bodies = [b"\x80\x04garbage", b"{", b"[]", to_json([]).replace(b"[]", b"[7]")]
    kinds = ["application/x-python-serialize", "application/json", "text/plain", "application/data"]
    for body, content_type in zip(bodies, kinds, strict=True):
        world.publish_raw(body, content_type=content_type)
    world.publish_raw(b"packed", application_headers={"compression": "zlib", "nameko.call_id_stack": 5})
    world.publish_raw(b"\xff\xfe", content_encoding="utf-16")
    world.tell()
    world.publishing().run_once()
    until(lambda: len(world.taken()) == 7, "all are in the inbox")
    names = [row.name for row in world.taken()]
    assert sorted(names) == ["payment_succeeded"] + ["unreadable"] * 6
    assert all(row.parked_at and row.error for row in world.taken() if row.name == "unreadable")
    assert ear.terminate() == 0


def test_a_queue_deleted_under_the_ear_is_declared_anew(world_of: Make) -> None:
    world = world_of()
    ear = world.listening()
    world.delete_queue()
    until(lambda: ear.log.count('"listening"') >= 3, "it listens again")
    world.tell()
    assert world.publishing().run_once()
    until(world.all_arrived_once, "it has arrived")


def test_an_exchange_deleted_under_the_ear_is_declared_and_bound_anew(world_of: Make) -> None:
    world = world_of()
    world.listening()
    with on_channel(world.amqp_url) as channel:
        channel.exchange_delete("paynow.events")
    world.tell()

    def publish() -> bool:
        try:
            return world.publishing().run_once()
        except NotDelivered:
            return False

    until(publish, "its queue is bound again")
    until(world.all_arrived_once, "it has arrived")


@pytest.mark.parametrize("trouble", ["refuse", "black_hole", "cut"])
def test_the_ear_survives_a_broker_that_restarts_or_freezes(
    world_of: Make, proxied: tuple[TcpProxy, str], trouble: str
) -> None:
    world = world_of()
    proxy, url = proxied
    ear = world.listening(DUNLIN_AMQP_URL=url)
    getattr(proxy, trouble)()
    world.tell()
    assert world.publishing().run_once()
    if trouble == "black_hole":
        until(lambda: "Connection to broker lost" in ear.log, "the silence is noticed")
    if trouble == "refuse":
        until(lambda: "the broker is away" in ear.log, "it tries to come back")
    proxy.heal()
    until(world.all_arrived_once, "it has arrived")
    assert ear.terminate() == 0


@POSTGRESQL
def test_the_ear_holds_on_to_facts_while_the_database_is_away(world_of: Make, kind: str) -> None:
    world = world_of(kind)
    parts = urlsplit(world.subscriber_url)
    proxy = TcpProxy(str(parts.hostname), parts.port or 5432)
    user, _, _ = parts.netloc.rpartition("@")
    try:
        url = f"postgresql://{user}@{proxy.address}{parts.path}"
        ear = world.listening(DUNLIN_SCHEDULER_DATABASE_URL=url)
        world.tell()
        world.publishing().run_once()
        until(world.all_arrived_once, "the first has arrived")
        proxy.refuse()
        for _ in range(30):
            world.tell()
            world.publishing().run_once()
        until(lambda: "the database is away" in ear.log, "it notices")
        assert len(world.taken()) == 1
        proxy.heal()
        until(world.all_arrived_once, "all have arrived")
        until(lambda: world.queued() == 0, "and all were acknowledged")
    finally:
        proxy.close()


@POSTGRESQL
def test_sigterm_ends_the_ear_also_with_messages_in_hand_that_it_then_gives_back(
    world_of: Make, kind: str
) -> None:
    world = world_of(kind)
    away = world.subscriber_url.replace(str(urlsplit(world.subscriber_url).port), "1")
    ear = world.listening(DUNLIN_SCHEDULER_DATABASE_URL=away)
    world.tell(3)
    world.publishing().run_once()
    until(lambda: "the database is away" in ear.log, "it waits with the message in hand")
    assert ear.terminate() == 0
    until(lambda: world.queued() == 1, "the message is back in the queue")
    world.listening()
    until(world.all_arrived_once, "they have arrived")


def test_an_ear_without_a_broker_waits_for_it_and_ends_when_told(world_of: Make) -> None:
    world = world_of()
    ear = world.ear(DUNLIN_AMQP_URL="amqp://guest:guest@127.0.0.1:1//")
    ear.start()
    until(lambda: "the broker is away" in ear.log, "it tries")
    assert "guest:guest" not in ear.log
    assert ear.terminate() == 0


def test_an_ear_listens_to_the_first_of_its_brokers_that_is_there(world_of: Make) -> None:
    world = world_of()
    ear = world.listening(DUNLIN_AMQP_URL=f"amqp://guest:guest@127.0.0.1:1//;{world.amqp_url}")
    world.tell()
    assert world.publishing().run_once()
    until(world.all_arrived_once, "it has arrived")
    assert ear.terminate() == 0


def test_an_ear_checks_the_certificate_of_each_broker_against_its_own_name(
    world_of: Make, tmp_path: Path
) -> None:
    world = world_of()
    authority = Authority(tmp_path)
    parts = urlsplit(world.amqp_url)
    user, _, _ = parts.netloc.rpartition("@")
    with behind_tls((str(parts.hostname), parts.port or 5672), authority, "127.0.0.2") as port:
        urls = f"amqps://{user}@127.0.0.1:1//;amqps://{user}@127.0.0.2:{port}{parts.path}"
        ear = world.listening(DUNLIN_AMQP_URL=urls, SSL_CERT_FILE=str(authority.file))
        world.tell()
        assert world.publishing().run_once()
        until(world.all_arrived_once, "it has arrived")
        assert ear.terminate() == 0


def test_an_ear_sends_its_spans_to_whoever_collects_traces_also_the_last_ones(world_of: Make) -> None:
    collector, world = Collector(), world_of()
    try:
        # So long that only the end can send them.
        ear = world.listening(DUNLIN_TRACES_URL=collector.url, OTEL_BSP_SCHEDULE_DELAY="60000")
        token = request_id.set("a-click")
        world.tell()
        request_id.reset(token)
        assert world.publishing().run_once()
        until(lambda: "a fact came in" in ear.log, "it has arrived")
        assert ear.terminate() == 0
    finally:
        collector.stop()
    [span] = collector.spans
    assert (span.service, span.name) == ("dunlin-scheduler-events", "facts taken in")
    assert span.request_id == "a-click"


def test_an_ear_does_its_work_whatever_becomes_of_its_traces(world_of: Make) -> None:
    """The collector takes connections and never answers."""
    world = world_of()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/v1/traces"
        ear = world.listening(DUNLIN_TRACES_URL=url, OTEL_BSP_SCHEDULE_DELAY="10")
        for _ in range(3):
            world.tell()
            assert world.publishing().run_once()
            until(world.all_arrived_once, "it has arrived")
        assert ear.terminate() == 0


@pytest.mark.parametrize("url", ["", "http://127.0.0.1:5672//"])
def test_an_ear_without_a_usable_broker_url_says_so_and_ends(world_of: Make, url: str) -> None:
    ear = world_of().ear(DUNLIN_AMQP_URL=url)
    ear.start()
    until(lambda: "DUNLIN_AMQP_URL" in ear.log, "it names the variable")
