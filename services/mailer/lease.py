"""Who holds a lease: a worker of a process on this machine, and whether that process still lives."""

import os
import socket
from pathlib import Path

_PROC = Path("/proc")


def this_host() -> str:
    """Tells machines, boots and process namespaces apart, as far as process ids mean something there."""
    return "/".join((socket.gethostname(), _first(_PROC / "sys/kernel/random/boot_id"), _namespace()))


def owner_name(worker: str) -> str:
    """The name of a worker of this process; a process that gets the same id later has another one."""
    return f"{this_host()}|{os.getpid()}|{_started(os.getpid())}|{worker}"


def is_dead(owner: str) -> bool:
    """Whether the owner's process is known to have ended. Of another machine nothing is known: False."""
    host, _, rest = owner.partition("|")
    pid, _, rest = rest.partition("|")
    started = rest.partition("|")[0]
    if host != this_host() or not pid.isdigit():
        return False
    return not _lives(int(pid)) or started != _started(int(pid))


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _started(pid: int) -> str:
    """When the process began, in the kernel's ticks; "ended" for a zombie, "" where there is no /proc."""
    # The command's name stands in parentheses and may hold anything, so the fields count from behind it.
    fields = _first(_PROC / str(pid) / "stat").rpartition(")")[2].split()
    if len(fields) < 20:
        return ""
    return "ended" if fields[0] in "ZX" else fields[19]


def _namespace() -> str:
    try:
        return os.readlink(_PROC / "self/ns/pid")
    except OSError:
        return ""


def _first(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""
