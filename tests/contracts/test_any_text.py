"""Whatever text somebody sends, no call ends in a fault of ours, and all databases answer alike."""

from __future__ import annotations

import random
import string
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import grpc
import pytest
from google.protobuf import descriptor_pool
from google.protobuf.descriptor import FieldDescriptor, MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

import services.mailer.__main__ as mailer
import services.paynow.__main__ as paynow
import services.scheduler.__main__ as scheduler
from services.paynow.domain.lines import SyncRecord
from services.paynow.repository.books import SqlLedger
from services.paynow.use_cases.sync import sync_books
from services.shared.clock import SystemClock
from services.shared.database import Database
from services.shared.grpc_channel import open_channel
from services.shared.grpc_server import Server
from services.shared.migrate import migrate
from services.shared.process import Program
from tests.servers import DATABASES, PostgresServer

TOKEN = "a token for the tests"
NAMES = {
    "paynow": paynow.SERVICE_NAMES,
    "mailer": mailer.NAMES,
    "scheduler": scheduler.SERVICE_NAMES,
}
TEXTS = {
    "NUL": "a\0b",
    "control": "a\x01\x1f\x7f\u0085b",
    "beyond": "\U0010ffff\u202e\ufeff\ufffe",
    # Of characters that compress badly: PostgreSQL refuses index entries of more than 2.7 kB.
    "long": "".join(random.Random(7).choices(string.ascii_letters + string.digits, k=20_000)),
    "number": "9" * 400,
    "date": "2026-02-30",
}
DEPTH = 3


@pytest.fixture(params=DATABASES)
def new_url(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[str], str]:
    if request.param == "postgresql":
        postgres: PostgresServer = request.getfixturevalue("postgres")
        return lambda _name: postgres.empty()
    return lambda name: f"sqlite:///{tmp_path}/{name}.sqlite"


@pytest.fixture(params=NAMES)
def service(
    request: pytest.FixtureRequest, tmp_path: Path, new_url: Callable[[str], str]
) -> Iterator[tuple[str, grpc.Channel]]:
    """The service without its workers, and nobody to call."""
    for name in ("token", "key"):
        (tmp_path / name).write_text("a secret that is long enough")
    (tmp_path / "token").write_text(TOKEN)
    name = request.param
    env = {
        f"DUNLIN_{name.upper()}_DATABASE_URL": new_url(name),
        f"DUNLIN_{name.upper()}_LISTEN": "127.0.0.1:0",
        "DUNLIN_SANDBOX_DATABASE_URL": new_url("sandbox"),
        "DUNLIN_SERVICE_TOKEN_FILE": str(tmp_path / "token"),
        "DUNLIN_LINK_KEY_FILE": str(tmp_path / "key"),
        "DUNLIN_PORTAL_KEY_FILE": str(tmp_path / "key"),
        "DUNLIN_PUBLIC_URL": "http://127.0.0.1:8000",
        "DUNLIN_SMTP_HOST": "127.0.0.1",
    }
    for peer in {"SCHEDULER", "MAILER", "PAYNOW"} - {name.upper()}:
        env[f"DUNLIN_{peer}_ADDRESS"] = "127.0.0.1:1"
    migrate = {
        "paynow": paynow.bring_up_to_date,
        "mailer": mailer.migrate_database,
        "scheduler": scheduler.bring_up_to_date,
    }
    migrate[name](env)
    program: Program = {"paynow": paynow, "mailer": mailer, "scheduler": scheduler}[name].compose(env)
    server = Server(program.listen, program.token, servicers=program.servicers, names=program.service_names)
    with open_channel(server.start(), TOKEN, timeout=20) as channel:
        yield name, channel
    server.stop(0)
    program.close()


def filled(message: Message, text: str, depth: int = 0) -> Message:
    """The message with this text wherever a text may stand, and one of whatever may be repeated."""
    for field in message.DESCRIPTOR.fields:
        if field.containing_oneof is not None and field != field.containing_oneof.fields[0]:
            continue
        if field.type == FieldDescriptor.TYPE_STRING:
            if field.is_repeated:
                getattr(message, field.name).append(text)
            else:
                setattr(message, field.name, text)
        elif field.type == FieldDescriptor.TYPE_MESSAGE and not is_map(field) and depth < DEPTH:
            inner = getattr(message, field.name)
            if field.is_repeated:
                filled(inner.add(), text, depth + 1)
            else:
                inner.SetInParent()
                filled(inner, text, depth + 1)
        elif field.type == FieldDescriptor.TYPE_ENUM and not field.is_repeated:
            setattr(message, field.name, field.enum_type.values[-1].number)
    return message


def is_map(field: FieldDescriptor) -> bool:
    return bool(field.message_type.GetOptions().map_entry)


def call(channel: grpc.Channel, method: MethodDescriptor, request: Message) -> grpc.StatusCode:
    """Calls the method, whatever kind it is; how it ended."""
    path = f"/{method.containing_service.full_name}/{method.name}"
    there, back = (
        "stream" if many else "unary" for many in (method.client_streaming, method.server_streaming)
    )
    multicallable = getattr(channel, f"{there}_{back}")(
        path,
        request_serializer=lambda message: message.SerializeToString(),
        response_deserializer=GetMessageClass(method.output_type).FromString,
    )
    try:
        answer = multicallable(iter([request]) if method.client_streaming else request)
        for _ in answer if method.server_streaming else ():
            pass
    except grpc.RpcError as error:
        return cast(grpc.Call, error).code()
    return grpc.StatusCode.OK


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_no_text_makes_a_call_fail_inside(service: tuple[str, grpc.Channel], text: str) -> None:
    name, channel = service
    methods = [
        method for one in NAMES[name] for method in descriptor_pool.Default().FindServiceByName(one).methods
    ]
    assert methods
    ours = {grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN, grpc.StatusCode.DEADLINE_EXCEEDED}
    found = {
        method.full_name: code
        for method in methods
        for code in [call(channel, method, filled(GetMessageClass(method.input_type)(), text))]
        if code in ours
    }
    assert found == {}


def test_a_line_that_cannot_be_stored_is_refused_alone(new_url: Callable[[str], str]) -> None:
    """A NUL in one line of a list, which PostgreSQL would refuse to be asked about."""
    url = new_url("paynow")
    migrate(url, paynow.MIGRATIONS)
    database = Database(url)
    ledger = SqlLedger(database)
    good = SyncRecord(
        1, "A", "A Ltd", *[""] * 6, "Ana", ("ana@a.test",), None, "",
        "A-1", "2026-01-01", "2026-02-01", "USD", "10.00", "10.00", "open",
    )  # fmt: skip
    bad = good._replace(line=2, organization_id="B\0", invoice_number="B-\0")
    for added in (1, 0):
        report = sync_books([[good, bad]], ledger=ledger, clock=SystemClock())
        assert (report.added, report.unchanged, report.refused) == (added, 1 - added, 1)
        assert report.refusals[0].line == 2
    database.dispose()
