"""docker-compose.yml hands each program the secrets that its settings name, and publishes the site alone."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from embedded.stack.secrets import make_secrets

REPOSITORY = Path(__file__).parents[2]
STACK: dict[str, Any] = yaml.safe_load((REPOSITORY / "docker-compose.yml").read_text("utf-8"))
OURS = {name: one for name, one in STACK["services"].items() if "build" in one or "dunlin:" in one["image"]}
HANDED = "/run/secrets/"


def targets(service: dict[str, Any]) -> set[str]:
    """The files below /run/secrets in a container of the service."""
    secrets = [one if isinstance(one, dict) else {"source": one} for one in service.get("secrets", [])]
    return {one.get("target", one["source"]) for one in secrets}


@pytest.mark.parametrize("name", OURS)
def test_a_program_is_handed_the_secrets_that_its_settings_name_and_no_other(name: str) -> None:
    values = [str(value) for value in OURS[name].get("environment", {}).values()]
    named = {value.removeprefix(HANDED) for value in values if value.startswith(HANDED)}
    assert targets(OURS[name]) == named


def test_every_secret_of_the_stack_is_one_that_is_made(tmp_path: Path) -> None:
    made = set(make_secrets(tmp_path / "secrets", datetime.now(UTC)))
    files = {name: Path(one["file"]).name for name, one in STACK["secrets"].items()}
    assert files == {name: name for name in files}
    # Who holds the authority's key can be anybody; the others tell compose of a new certificate.
    told = {name for name in made if name.endswith(".env")}
    assert made - set(files) == {"ca-key.pem", *told}
    assert set(files) <= made


def test_no_password_stands_in_a_setting() -> None:
    for name, service in STACK["services"].items():
        for setting, value in service.get("environment", {}).items():
            assert "PASS" not in setting or setting.endswith("_FILE"), (name, setting)
            assert urlsplit(str(value)).password is None, (name, setting)


def test_the_site_alone_is_published_and_everything_else_lives_on_a_closed_network() -> None:
    assert [name for name, one in STACK["services"].items() if "ports" in one] == ["gateway"]
    assert STACK["networks"]["back"] == {"internal": True}
    assert {tuple(one["networks"]) for name, one in STACK["services"].items() if name != "gateway"} == {
        ("back",)
    }


@pytest.mark.parametrize("name", OURS)
def test_each_of_our_containers_has_limits_and_no_rights_to_spare(name: str) -> None:
    service = OURS[name]
    assert service["read_only"]
    assert service["cap_drop"] == ["ALL"]
    assert "cap_add" not in service
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert {"mem_limit", "cpus", "pids_limit", "init", "stop_grace_period", "logging"} <= service.keys()
    assert service["healthcheck"].get("test") or name == "migrate", "whoever stays says how it is"


def test_any_number_of_containers_of_a_service_may_run() -> None:
    assert [name for name, one in STACK["services"].items() if "container_name" in one] == []
