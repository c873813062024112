"""Which places programs connect to, by the settings that they themselves ask for:

    python -m tests.faults.places FOLDER PROGRAM...

prints them as JSON, by program. The listener cannot share a process with the others, hence the command.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path

from tests.faults.fleet_plan import DATABASES, PROGRAMS, SERVICES, settings

OWN = ("_LISTEN", "_PUBLIC_URL")
"""How settings end that say where the program itself is."""


class Asked(Mapping[str, str]):
    """Settings that remember which of them were asked for."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._env = env
        self.names: set[str] = set()

    def __getitem__(self, name: str) -> str:
        self.names.add(name)
        return self._env[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._env)

    def __len__(self) -> int:
        return len(self._env)


def places(program: str, root: Path) -> set[str]:
    """The settings of a program of the fleet that hold the port of another program, or of a server."""
    ports = {name: 40_000 + at for at, name in enumerate((*SERVICES, "gateway", *DATABASES, "amqp", "smtp"))}
    databases = {name: f"postgresql://dunlin@127.0.0.1:{ports[name]}/{name}" for name in DATABASES}
    broker = f"amqp://guest:guest@127.0.0.1:{ports['amqp']}//"
    asked = Asked(settings(root, ports, databases, broker, ports["smtp"]))
    compose(PROGRAMS[program], asked)
    return {
        name
        for name in asked.names.intersection(asked)
        if any(str(port) in asked[name] for port in ports.values()) and not name.endswith(OWN)
    }


def compose(words: tuple[str, ...], env: Mapping[str, str]) -> None:
    """Puts the program together as its own start does, which connects to nothing yet."""
    module, *roles = words
    if module == "gateway":
        import_module("gateway.settings").Settings.read(env)
    elif module.endswith(".events"):
        import_module(module).Settings.read(env)
    else:
        import_module(f"{module}.__main__").compose(env, roles).close()


if __name__ == "__main__":
    found = {program: sorted(places(program, Path(sys.argv[1]))) for program in sys.argv[2:]}
    sys.stdout.write(json.dumps(found))
