"""Debian's Chromium for the page tests: `python -m tests.browser` finds it, or installs it and Devanagari."""

import os
import shutil
import subprocess
import sys

NAMES = ("chromium", "chromium-browser", "google-chrome")

# Root needs --no-sandbox; the rest keeps the browser from calling its maker while a test runs.
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


def find() -> str | None:
    """Return the path of the first browser on PATH, for Playwright's `executable_path`, or None."""
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def ensure() -> str:
    """Return the browser's path, installing it where that takes no question (root on Debian).

    Raises:
        SystemExit: There is none, with the sentence that says what to do.
    """
    if find() is None and os.geteuid() == 0 and shutil.which("apt-get"):
        print("Installing Debian's chromium for the page tests (a minute or two, once)", flush=True)
        unasked = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        for command in ("apt-get -qq update", "apt-get -qq install -y chromium fonts-lohit-deva"):
            subprocess.run(command.split(), check=True, env=unasked, stdout=subprocess.DEVNULL)
    if path := find():
        return path
    sys.exit("The page tests need a browser: install Chromium (on Debian: apt-get install chromium).")


if __name__ == "__main__":
    print(f"Page tests use {ensure()}")
