"""Databases and the broker are spoken to in plain text here alone, and beyond only where it is allowed."""

from pathlib import Path

import pytest

from services.shared.facts_amqp import Broken, broker_url, brokers
from services.shared.server_urls import server_url
from services.shared.settings import SettingWrong

NAME = "DUNLIN_X_DATABASE_URL"
BROKER = "DUNLIN_AMQP_URL"

HERE = [
    "sqlite:///x.sqlite",
    "postgresql://me@127.0.0.1:5432/x",
    "postgresql://me@localhost/x",
    "postgresql://me@[::1]/x",
    "postgresql:///x",
    "postgresql://me@/x?host=/var/run/postgresql",
]
ENCRYPTED = [f"postgresql://me@db/x?sslmode={mode}" for mode in ("require", "verify-ca", "verify-full")]
PLAIN = [
    "postgresql://me@db/x",
    "postgresql://me@10.0.0.5:5432/x",
    "postgresql+psycopg://me@db/x",
    "postgresql://me@db/x?sslmode=prefer",
    "postgresql://me@/x?host=localhost:1&host=db:2",
    "postgresql://me@localhost/x?hostaddr=10.0.0.5",
    "postgresql://me:p@db/x?application_name=@localhost/",
]


@pytest.mark.parametrize("url", HERE + ENCRYPTED)
def test_a_database_here_or_behind_tls_is_taken(url: str) -> None:
    assert server_url({NAME: url}, NAME) == url


@pytest.mark.parametrize("url", PLAIN)
def test_a_database_elsewhere_in_plain_text_is_refused_with_its_variable_and_the_cure(url: str) -> None:
    with pytest.raises(SettingWrong, match=rf"{NAME} leads to (db|10\.0\.0\.5).*sslmode.*DUNLIN_PLAINTEXT"):
        server_url({NAME: url}, NAME)
    assert server_url({NAME: url, "DUNLIN_PLAINTEXT": "allowed"}, NAME) == url


@pytest.mark.parametrize(
    "url",
    ["mysql://me@localhost/x", "postgresql+asyncpg://me@localhost/x", "postgresql+foo://here/x", "x"],
)
def test_another_database_is_refused_in_words(url: str) -> None:
    with pytest.raises(SettingWrong, match=f"{NAME} is no URL of a database"):
        server_url({NAME: url}, NAME)


def test_a_password_with_an_at_shows_no_part_of_it() -> None:
    with pytest.raises(SettingWrong, match="%40") as refused:
        server_url({NAME: "postgresql://me:hun@ter2@localhost/x"}, NAME)
    assert "ter2" not in str(refused.value)


@pytest.mark.parametrize("url", ["amqp://me@localhost:abc//", "amqp://[::1/", "amqp://me@localhost:99999//"])
def test_an_address_of_a_broker_that_cannot_be_read_is_refused_in_words(url: str) -> None:
    for wrong in (url, url.replace("amqp://", "amqps://")):
        with pytest.raises(SettingWrong, match=f"{BROKER} is no URL of a broker"):
            broker_url({BROKER: wrong})


def test_leave_for_one_host_is_no_leave_for_another() -> None:
    env = {"DUNLIN_PLAINTEXT": "postgres, rabbitmq"}
    assert server_url(env | {NAME: "postgresql://me@postgres/x"}, NAME)
    assert broker_url(env | {BROKER: "amqp://me@rabbitmq//"})
    with pytest.raises(SettingWrong, match="leads to db"):
        server_url(env | {NAME: "postgresql://me@db/x"}, NAME)


def test_what_libpq_takes_from_the_environment_counts_as_well() -> None:
    url = {NAME: "postgresql:///x"}
    with pytest.raises(SettingWrong, match="leads to db"):
        server_url(url | {"PGHOST": "db"}, NAME)
    assert server_url(url | {"PGHOST": "db", "PGSSLMODE": "verify-full"}, NAME)


@pytest.mark.parametrize(
    ("url", "env", "where"),
    [
        ("postgresql://me@localhost/x", {"PGHOSTADDR": "10.0.0.5"}, "10.0.0.5"),
        ("postgresql:///x", {"PGHOSTADDR": "10.0.0.5"}, "10.0.0.5"),
        ("postgresql:///x", {"PGSERVICE": "books"}, "the service books"),
        ("postgresql:///x?service=books", {}, "the service books"),
        ("postgresql://me@localhost/x", {"PGSERVICE": "books"}, "the service books"),
    ],
)
def test_an_address_goes_before_a_name_and_nobody_knows_where_a_service_leads(
    url: str, env: dict[str, str], where: str
) -> None:
    with pytest.raises(SettingWrong, match=f"leads to {where}"):
        server_url({NAME: url} | env, NAME)
    assert server_url({NAME: url, "PGSSLMODE": "require"} | env, NAME)


def test_an_address_in_the_url_goes_before_one_in_the_environment() -> None:
    url = "postgresql://me@localhost/x?hostaddr=127.0.0.1"
    assert server_url({NAME: url, "PGHOSTADDR": "10.0.0.5"}, NAME) == url


def test_no_password_shows_in_a_refusal(tmp_path: Path) -> None:
    for url in ("postgresql://me:hunter2@db/x", "postgresql:me:hunter2"):
        with pytest.raises(SettingWrong) as refused:
            server_url({NAME: url}, NAME)
        assert "hunter2" not in str(refused.value)
    for url in ("amqp://me:hunter2@mq//", "amqps://me:hunter2/x@mq//"):
        with pytest.raises(SettingWrong) as refused:
            broker_url({BROKER: url})
        assert "hunter2" not in str(refused.value)


@pytest.mark.parametrize(
    "url", ["amqp://", "amqp://me@localhost//", "amqp://me@127.0.0.1:5/", "amqps://me@mq/"]
)
def test_a_broker_here_or_behind_tls_is_taken(url: str) -> None:
    assert broker_url({BROKER: url}) == url


@pytest.mark.parametrize("url", ["amqp://me@mq//", "amqp://mq", "amqp://localhost;amqp://mq"])
def test_a_broker_elsewhere_in_plain_text_is_refused_with_its_variable_and_the_cure(url: str) -> None:
    with pytest.raises(SettingWrong, match=r"DUNLIN_AMQP_URL leads to mq.*amqps://.*DUNLIN_PLAINTEXT"):
        broker_url({BROKER: url})
    assert broker_url({BROKER: url, "DUNLIN_PLAINTEXT": "allowed"}) == url


def test_each_of_several_brokers_gets_the_password_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("long;enough@to/be one\n")
    env = {"DUNLIN_AMQP_PASSWORD_FILE": str(tmp_path / "password")}
    found = broker_url(env | {BROKER: "amqps://me@mq-1//;amqps://you@mq-2:5/x"})
    told = [(one.userid, one.password, one.hostname) for one in brokers(found)]
    assert told == [("me", "long;enough@to/be one", "mq-1"), ("you", "long;enough@to/be one", "mq-2")]
    for wrong in ("amqps://me@mq-1//;amqps://mq-2//", "amqps://me@mq-1//;amqps://me:p@mq-2//"):
        with pytest.raises(SettingWrong, match="without a password"):
            broker_url(env | {BROKER: wrong})


def test_each_broker_has_to_prove_that_it_has_its_own_name() -> None:
    tried = brokers("amqps://127.0.0.1:1//;amqps://127.0.0.2:1//;amqp://127.0.0.3:1//")
    for one in tried:
        with pytest.raises(Broken):
            one.ensure_connection(max_retries=0, reraise_as_library_errors=False)
    assert [one.ssl and one.ssl["server_hostname"] for one in tried] == ["127.0.0.1", "127.0.0.2", False]
