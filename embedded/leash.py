"""Ties a program to the supervisor, then becomes it: `python leash.py PARENT_PID PROGRAM ARGUMENT...`.

When the supervisor is killed, the kernel sends its programs SIGTERM, so that none is left behind.
This is a program of its own because the tie must be made in the child, and running Python code between
fork and exec can deadlock. It imports nothing of Dunlin and adds a few milliseconds to a start.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def _main() -> None:
    parent = int(sys.argv[1])
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    # The supervisor may have died before the tie was made.
    if os.getppid() != parent:
        sys.exit(1)
    os.execv(sys.argv[2], sys.argv[2:])  # noqa: S606 - this is what a leash is for


if __name__ == "__main__":
    _main()
