"""What the repository promises about itself."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[2]
STUBS = REPOSITORY / "protos" / "gen"
BIN = Path(sys.executable).parent
MOST_LINES = 400
LOCKS = ["requirements.lock", "requirements-tracing.lock", "requirements-dev.lock"]

SOURCES = [
    path
    for folder in ("services", "gateway", "embedded", "tests")
    for path in sorted((REPOSITORY / folder).rglob("*.py"))
]

# Settings for tests and machines that build, not for people who run Dunlin.
# The last one is set by the stack for itself, so that compose sees a new certificate.
NOT_FOR_USERS = {"DUNLIN_CHROMIUM", "DUNLIN_IBM_CSV", "DUNLIN_FAULTS", "DUNLIN_CERTIFICATE"}


def _run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(part) for part in command], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )


def test_stubs_are_those_of_the_protos(tmp_path: Path) -> None:
    protos = sorted(str(path) for path in (REPOSITORY / "protos" / "dunlin").rglob("*.proto"))
    made = _run(
        sys.executable,
        "-m",
        "grpc_tools.protoc",
        f"-I{REPOSITORY / 'protos'}",
        f"--plugin=protoc-gen-mypy={BIN / 'protoc-gen-mypy'}",
        f"--plugin=protoc-gen-mypy_grpc={BIN / 'protoc-gen-mypy_grpc'}",
        f"--python_out={tmp_path}",
        f"--grpc_python_out={tmp_path}",
        f"--mypy_out=quiet:{tmp_path}",
        f"--mypy_grpc_out=quiet:{tmp_path}",
        *protos,
    )
    assert made.returncode == 0, made.stderr
    fresh = {path.relative_to(tmp_path) for path in tmp_path.rglob("*.py*")}
    committed = {
        path.relative_to(STUBS) for path in STUBS.rglob("*_pb2*.py*") if "__pycache__" not in path.parts
    }
    assert fresh == committed, "run make protos"
    stale = [
        str(path) for path in sorted(fresh) if (tmp_path / path).read_bytes() != (STUBS / path).read_bytes()
    ]
    assert stale == [], "run make protos"


def test_every_element_of_the_contracts_is_explained() -> None:
    result = _run(BIN / "buf", "lint", "protos")
    assert result.returncode == 0, result.stdout + result.stderr


def test_arrows_point_one_way() -> None:
    result = _run(BIN / "lint-imports", "--no-cache")
    assert result.returncode == 0, result.stdout


def test_no_module_is_too_long_to_read() -> None:
    lines = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in SOURCES}
    too_long = [
        f"{path.relative_to(REPOSITORY)}: {count}" for path, count in lines.items() if count > MOST_LINES
    ]
    assert too_long == []


def _settings_in_use() -> set[str]:
    """Every DUNLIN_ name in the product and its stack; those made of a service's name are written out."""
    product = [path for path in SOURCES if "tests" not in path.relative_to(REPOSITORY).parts[:1]]
    stack = [REPOSITORY / name for name in ("docker-compose.yml", "Dockerfile", "Makefile")]
    deploy = [path for path in (REPOSITORY / "deploy").rglob("*") if path.is_file()]
    names: set[str] = set()
    for path in (*product, *stack, *deploy):
        names |= set(re.findall(r"\bDUNLIN_[A-Z][A-Z_]*[A-Z]\b", path.read_text(encoding="utf-8")))
    for service in ("SCHEDULER", "MAILER", "PAYNOW"):
        names |= {f"DUNLIN_{service}_{what}" for what in ("DATABASE_URL", "LISTEN", "ADDRESS")}
    # As services/shared/server_urls.py makes them.
    names |= {
        f"{name.removesuffix('_URL')}_PASSWORD_FILE" for name in names if name.endswith("_DATABASE_URL")
    }
    return names - NOT_FOR_USERS


def test_every_setting_is_in_the_table_of_settings() -> None:
    documents = [REPOSITORY / "README.md", *(REPOSITORY / "docs").rglob("*.md")]
    documented = "\n".join(path.read_text(encoding="utf-8") for path in documents if path.exists())
    missing = sorted(name for name in _settings_in_use() if not re.search(rf"\b{name}\b", documented))
    assert missing == [], f"not documented: {', '.join(missing)}"


@pytest.mark.parametrize("name", LOCKS)
def test_locks_name_no_host_and_pin_each_package_with_hashes(name: str) -> None:
    text = (REPOSITORY / name).read_text(encoding="utf-8")
    assert "://" not in text
    assert "--index-url" not in text
    packages = re.findall(r"^([A-Za-z0-9._-]+)(.*)$", text, re.MULTILINE)
    assert len(packages) > 20
    assert [package for package, rest in packages if not rest.lstrip().startswith("==")] == []
    assert text.count("--hash=sha256:") >= len(packages)


def test_what_runs_is_locked_to_the_same_versions_as_what_is_tested() -> None:
    def pins(name: str) -> dict[str, str]:
        text = (REPOSITORY / name).read_text(encoding="utf-8")
        return dict(re.findall(r"^([A-Za-z0-9._-]+)==(\S+)", text, re.MULTILINE))

    tested = pins("requirements-dev.lock")
    assert {
        name: version for lock in LOCKS for name, version in pins(lock).items() if tested.get(name) != version
    } == {}
    assert pins("requirements.lock").items() < pins("requirements-tracing.lock").items()


def test_continuous_integration_can_be_started() -> None:
    script = REPOSITORY / ".ci" / "run"
    assert script.stat().st_mode & 0o111
    assert _run(shutil.which("bash") or "bash", "-n", script).returncode == 0
