"""Programs that outlived their supervisor: found by their pid files, ended before new ones start."""

import contextlib
import os
import signal
import time
from pathlib import Path

from embedded.home import Home

_PATIENCE_SECONDS = 3.0


def end_leftovers(home: Home) -> list[str]:
    """Ends programs of this home that still run, and returns their names.

    Only to be called while holding the home: then whatever runs is left over.
    """
    found = {path.stem: pid for path in sorted(home.run.glob("*.pid")) if (pid := _running(path, home))}
    for pid in found.values():
        _send(pid, signal.SIGTERM)
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while any(_is_alive(pid) for pid in found.values()) and time.monotonic() < deadline:
        time.sleep(0.05)
    for pid in found.values():
        _send(pid, signal.SIGKILL)
    for path in home.run.glob("*.pid"):
        path.unlink(missing_ok=True)
    return list(found)


def _running(path: Path, home: Home) -> int | None:
    """The process that the file names, if it is alive and was started for this home.

    A pid may have gone to somebody else since, so its environment decides.
    """
    try:
        pid = int(path.read_text(encoding="ascii"))
        environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except (OSError, ValueError):
        return None
    return pid if f"DUNLIN_HOME={home.root}".encode() in environment else None


def _is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    return not state.rpartition(")")[2].lstrip().startswith("Z")


def _send(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
