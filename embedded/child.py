"""One program as a process: started on a leash, logged to a file, named by a pid file, stopped."""

import contextlib
import os
import signal
import subprocess
import time
from pathlib import Path

from embedded import leash
from embedded.home import Home
from embedded.programs import Program, python

_LOG_BYTES = 5 * 1024 * 1024
_LOGS_KEPT = 3

# A program that ran for this long before it ended starts again as if for the first time.
_STEADY_SECONDS = 30.0
_FIRST_DELAY = 0.2
_LONGEST_DELAY = 10.0


def leashed(arguments: tuple[str, ...]) -> list[str]:
    """The command for a Python module that ends when this process does."""
    # -I and -S keep the leash free of the site's packages: it starts in milliseconds.
    return [*python(("-I", "-S", leash.__file__)), str(os.getpid()), *python(arguments)]


class Child:
    """Starts and restarts one program. Times are those of `time.monotonic`."""

    def __init__(self, program: Program, home: Home) -> None:
        self.program = program
        self.log_path = home.logs / f"{program.name}.log"
        self._pid_path = home.pid_file(program.name)
        self._process: subprocess.Popen[bytes] | None = None
        self._started_at = 0.0
        self._restart_at = 0.0
        self._delay = _FIRST_DELAY
        self._is_named = True
        self.restarts = 0

    def start(self) -> None:
        """Starts the program in a session of its own, so that Ctrl-C reaches the supervisor alone.

        OSError if it cannot be started, such as without room for its log.
        """
        rotate(self.log_path)
        with self.log_path.open("ab") as out:
            self._process = subprocess.Popen(  # noqa: S603 - our own programs
                leashed(self.program.arguments),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                env=dict(self.program.env),
                start_new_session=True,
            )
        self._started_at = time.monotonic()
        self._name(self._process.pid)

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def ended(self) -> str | None:
        """How the program ended, once for each end; None while it runs or waits for its restart."""
        if self._process is None:
            return None
        if self._process.poll() is None:
            if not self._is_named:
                self._name(self._process.pid)
            return None
        code = self._process.returncode
        self._process = None
        self._pid_path.unlink(missing_ok=True)
        now = time.monotonic()
        if now - self._started_at > _STEADY_SECONDS:
            self._delay = _FIRST_DELAY
        self._restart_at = now + self._delay
        self._delay = min(2 * self._delay, _LONGEST_DELAY)
        return f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"

    def restart_if_due(self) -> bool:
        """Starts the program again once its delay is over; says whether it did.

        Where it cannot be started, it is tried again after the delay, so that a full disk ends nothing.
        """
        if self._process is not None or time.monotonic() < self._restart_at:
            return False
        try:
            self.start()
        except OSError:
            self._restart_at = time.monotonic() + self._delay
            return False
        self.restarts += 1
        return True

    def _name(self, pid: int) -> None:
        """Writes the pid file; where that fails, at a later look at the program."""
        try:
            self._pid_path.write_text(f"{pid}\n", encoding="ascii")
            self._is_named = True
        except OSError:
            self._is_named = False

    def ask_to_stop(self) -> None:
        """Sends SIGTERM."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()

    def wait(self, seconds: float) -> bool:
        """Waits for the end; says whether it came."""
        if self._process is not None:
            try:
                self._process.wait(max(seconds, 0))
            except subprocess.TimeoutExpired:
                return False
        self._pid_path.unlink(missing_ok=True)
        return True

    def kill(self) -> None:
        """Ends the program and whatever it has started, at once."""
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self.wait(5)

    def last_words(self, lines: int = 8) -> str:
        """The end of its log, for the message that says why it does not run."""
        try:
            with self.log_path.open("rb") as log:
                log.seek(max(0, log.seek(0, os.SEEK_END) - 8192))
                return "\n".join(log.read().decode("utf-8", "replace").splitlines()[-lines:])
        except FileNotFoundError:
            return ""


def rotate(path: Path) -> None:
    """Puts a log that has grown large aside: mailer.log becomes mailer.log.1, and so on."""
    if not path.exists() or path.stat().st_size < _LOG_BYTES:
        return
    for number in range(_LOGS_KEPT - 1, 0, -1):
        older = path.with_name(f"{path.name}.{number}")
        if older.exists():
            older.replace(path.with_name(f"{path.name}.{number + 1}"))
    path.replace(path.with_name(f"{path.name}.1"))
