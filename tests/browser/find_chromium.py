"""Finds a Chromium for the browser tests, or gets one where that is allowed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
PLACES = (
    Path("/usr/lib/chromium/chromium"),
    Path("/snap/bin/chromium"),
    Path("/opt/google/chrome/chrome"),
    Path("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"),
    Path("/Applications/Chromium.app/Contents/MacOS/Chromium"),
)
PACKAGES = ("chromium", "fonts-dejavu-core", "fonts-noto-color-emoji")
DOWNLOAD_SECONDS = 300


def find_chromium() -> str | None:
    """$DUNLIN_CHROMIUM, else one at the usual places, else one that Playwright has downloaded before."""
    if chosen := os.environ.get("DUNLIN_CHROMIUM"):
        return chosen
    on_path = next((found for name in NAMES if (found := shutil.which(name))), None)
    if on_path is not None:
        return on_path
    return next((str(place) for place in (*PLACES, *_downloaded()) if place.exists()), None)


def find_or_install_chromium(tell: Callable[[str], None]) -> str | None:
    """The same; where there is none, downloads or installs one. None if that cannot be had."""
    if found := find_chromium():
        tell(f"Chromium: {found}")
        return found
    tell("No Chromium found; asking Playwright for one")
    downloaded = _worked([sys.executable, "-m", "playwright", "install", "chromium"])
    # A download brings no system libraries; where they are missing, the package brings both.
    if downloaded and (found := find_chromium()) and _worked([found, "--version"]):
        return found
    if os.geteuid() == 0 and shutil.which("apt-get"):
        tell("Installing Debian's Chromium")
        env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        _worked(["apt-get", "update", "-qq"], env)
        _worked(["apt-get", "install", "-y", "-qq", "--no-install-recommends", *PACKAGES], env)
    found = find_chromium()
    return found if found and _worked([found, "--version"]) else None


def _downloaded() -> list[Path]:
    cache = Path(os.environ.get("PLAYWRIGHT_BROWSERS_PATH") or Path.home() / ".cache" / "ms-playwright")
    return sorted(cache.glob("chromium-*/chrome-linux*/chrome"), reverse=True)


def _worked(command: list[str], env: dict[str, str] | None = None) -> bool:
    try:
        return subprocess.run(command, env=env, timeout=DOWNLOAD_SECONDS, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


if __name__ == "__main__":
    sys.stdout.write(f"{find_chromium() or 'none'}\n")
