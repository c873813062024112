"""A disk that is full for a while, for a company that runs on it."""

from __future__ import annotations

import errno
import resource
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.e2e.company import Company

MEGABYTES = 96
_PIECE = bytes(64 * 1024)


class SmallDisk:
    """A file system of its own that is filled to the last byte."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._ballast = root / "ballast"

    def fill(self, _company: Company) -> None:
        """No byte more fits."""
        with suppress(OSError), self._ballast.open("wb", buffering=0) as file:
            while True:
                file.write(_PIECE)

    def free(self, _company: Company) -> None:
        """There is room again."""
        self._ballast.unlink()

    def is_full(self) -> bool:
        """Whether a write fails as it does on a full disk."""
        probe = self.root / "probe"
        try:
            probe.write_bytes(_PIECE)
        except OSError as error:
            return error.errno == errno.ENOSPC
        finally:
            probe.unlink(missing_ok=True)
        return False


class LimitedFiles:
    """Where no file system may be mounted: no file of the company's processes may grow any more."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def fill(self, company: Company) -> None:
        """Every write behind the first kilobytes of a file fails."""
        self._limit(company, 4096)

    def free(self, company: Company) -> None:
        """Files may grow again."""
        self._limit(company, resource.RLIM_INFINITY)

    @staticmethod
    def _limit(company: Company, most: int) -> None:
        for pid in company.processes():
            with suppress(ProcessLookupError):
                resource.prlimit(pid, resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))


@contextmanager
def small_disk(root: Path) -> Iterator[SmallDisk | None]:
    """A disk at `root` for the time of the block; None where mounting is not allowed."""
    root.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={MEGABYTES}m", "tmpfs", str(root)]
    try:
        mounted = subprocess.run(command, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        mounted = False
    try:
        yield SmallDisk(root) if mounted else None
    finally:
        if mounted:
            subprocess.run(["umount", str(root)], check=True)
