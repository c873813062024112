"""Who holds a lease: a worker of a process on this machine, and whether that process still lives.

A lease says how long others wait for one of whom they hear nothing. Of a process on the same machine it can
be known at once, so that a restart goes on where the killed one was.
"""

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


def is_dead(owner: str, proc: Path = _PROC) -> bool:
    """Whether the owner's process is known to have ended.

    False where nothing is known: of another machine, or of a living process whose start cannot be read, as
    where /proc hides the processes of other users.
    """
    host, _, rest = owner.partition("|")
    pid, _, rest = rest.partition("|")
    started = rest.partition("|")[0]
    if host != this_host() or not pid.isdigit():
        return False
    if not _lives(int(pid)):
        return True
    begun = _started(int(pid), proc)
    return bool(started and begun) and begun != started


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _started(pid: int, proc: Path = _PROC) -> str:
    """When the process began, in the kernel's ticks; "ended" for a zombie, "" where that cannot be read."""
    # The command's name stands in parentheses and may hold anything, so the fields count from behind it.
    fields = _first(proc / str(pid) / "stat").rpartition(")")[2].split()
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
