"""What docker compose makes of our files; starts no container."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from embedded.stack.secrets import make_secrets
from tests.e2e.company import REPOSITORY

pytestmark = [
    pytest.mark.stack,
    pytest.mark.skipif(shutil.which("docker") is None, reason="docker is not installed"),
]

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
REAL_SMTP = {
    "COMPOSE_FILE": "docker-compose.yml:deploy/real-smtp.yml",
    "DUNLIN_SMTP_HOST": "smtp.example.test",
    "DUNLIN_SMTP_PORT": "587",
    "DUNLIN_SMTP_SECURITY": "starttls",
    "DUNLIN_SMTP_USER": "dunlin",
    "DUNLIN_DKIM_DOMAIN": "example.test",
}


def compose(secrets: Path, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["docker", "compose", "config", *arguments],
        cwd=REPOSITORY,
        env={**os.environ, "COMPOSE_ENV_FILES": os.devnull, "DUNLIN_SECRETS": str(secrets), **env},
        capture_output=True,
        text=True,
        check=False,
    )


def services(secrets: Path, **env: str) -> dict[str, Any]:
    """What `docker compose up` compares with what runs; it makes containers anew whose service differs."""
    found = compose(secrets, "--format", "json", **env)
    assert found.returncode == 0, found.stderr
    return dict(json.loads(found.stdout)["services"])


def test_a_new_certificate_makes_the_containers_anew_that_show_it_and_no_others(tmp_path: Path) -> None:
    make_secrets(tmp_path, NOW)
    before = services(tmp_path)
    assert services(tmp_path) == before
    (tmp_path / "mailer.pem").unlink()
    make_secrets(tmp_path, NOW)
    after = services(tmp_path)
    changed = {name for name in before if before[name] != after[name]}
    assert changed == {"mailer-serve", "mailer-work", "mailer-relay"}


def test_a_new_authority_makes_all_containers_anew_that_trust_it(tmp_path: Path) -> None:
    make_secrets(tmp_path, NOW)
    before = services(tmp_path)
    (tmp_path / "ca.pem").unlink()
    (tmp_path / "ca-key.pem").unlink()
    make_secrets(tmp_path, NOW)
    after = services(tmp_path)
    kept = {name for name in before if before[name] == after[name]}
    assert kept == {"postgres", "rabbitmq", "mail-sink", "migrate", "scheduler-events"}


@pytest.mark.parametrize("missing", [name for name in REAL_SMTP if name != "COMPOSE_FILE"])
def test_a_real_smtp_server_wants_all_its_settings(tmp_path: Path, missing: str) -> None:
    refused = compose(tmp_path, **{name: value for name, value in REAL_SMTP.items() if name != missing})
    assert refused.returncode != 0
    assert missing in refused.stderr


def test_the_sender_reaches_a_real_smtp_server_and_plain_text_stays_on_the_networks_inside(
    tmp_path: Path,
) -> None:
    sender = services(tmp_path, **REAL_SMTP)["mailer-work"]
    assert set(sender["networks"]) == {"back", "out"}
    networks = json.loads(compose(tmp_path, "--format", "json", **REAL_SMTP).stdout)["networks"]
    assert networks["back"]["internal"]
    assert not networks["out"].get("internal")
    assert sender["environment"]["DUNLIN_PLAINTEXT"] == "postgres,rabbitmq,mail-sink,collector"
    assert sender["environment"]["DUNLIN_SMTP_SECURITY"] == "starttls"


def test_settings_of_the_company_reach_the_programs_that_read_them(tmp_path: Path) -> None:
    found = services(tmp_path, DUNLIN_SMTP_CONNECTIONS="7", DUNLIN_SANDBOX_ACH_SECONDS="5")
    assert found["mailer-work"]["environment"]["DUNLIN_SMTP_CONNECTIONS"] == "7"
    for name in ("paynow-serve", "paynow-work"):
        assert found[name]["environment"]["DUNLIN_SANDBOX_ACH_SECONDS"] == "5"


def test_what_the_gateway_tells_about_itself_stays_inside(tmp_path: Path) -> None:
    gateway = services(tmp_path)["gateway"]
    assert gateway["environment"]["DUNLIN_METRICS_LISTEN"] == "gateway-inside:9100"
    assert gateway["networks"]["back"]["aliases"] == ["gateway-inside"]
    assert not gateway["networks"]["front"]


@pytest.mark.parametrize(
    ("secret", "holders"),
    [
        ("link-key", {"paynow-serve"}),
        ("portal-key", {"mailer-work", "gateway"}),
        ("dkim-key.pem", {"mailer-work"}),
        ("dkim-ed25519-key.pem", {"mailer-work"}),
        ("session-key", {"gateway"}),
        ("postgres-sandbox", {"postgres", "migrate", "paynow-serve", "paynow-work"}),
        ("postgres-identity", {"postgres", "migrate", "gateway"}),
        ("rabbitmq-password", {"mailer-relay", "paynow-relay", "scheduler-events"}),
    ],
)
def test_a_secret_is_with_those_alone_who_use_it(tmp_path: Path, secret: str, holders: set[str]) -> None:
    found = services(tmp_path)
    sources = {name: {one["source"] for one in service.get("secrets", ())} for name, service in found.items()}
    assert {name for name, held in sources.items() if secret in held} == holders
