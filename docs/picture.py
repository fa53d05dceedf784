"""Take docs/counter.png, the picture of the README: `.venv/bin/python -m docs.picture` in the project's folder.

It runs `galla demo`, pushes a bill from the counter and photographs counter and machine while the card is awaited.
Nothing is drawn by hand.
"""

from __future__ import annotations

import base64
import re
import signal
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from tests.browser import ARGUMENTS, ensure

PICTURE = Path(__file__).parent / "counter.png"
COUNTER_SIZE = {"width": 1240, "height": 700}
MACHINE_CUT = {"x": 334, "y": 50, "width": 340, "height": 650}


def main() -> None:
    """Take the picture."""
    words = [sys.executable, "-m", "galla.cli", "demo", "--port", "0", "--sandbox-port", "0"]
    demo = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    try:
        places = _places(demo)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=ensure(), args=list(ARGUMENTS))
            _join(browser, *_shoot(browser, places["Counter"], places["Machines"]))
            browser.close()
    finally:
        demo.send_signal(signal.SIGINT)
        demo.wait(timeout=20)
    print(f"Wrote {PICTURE}")


def _places(demo: subprocess.Popen[str]) -> dict[str, str]:
    places: dict[str, str] = {}
    for line in demo.stdout or ():
        if found := re.match(r"  (Counter|Machines) +(http\S+)", line):
            places[found[1]] = found[2]
        if "Ctrl-C" in line:
            break
    return places


def _shoot(browser: Browser, counter_url: str, machines_url: str) -> tuple[bytes, bytes]:
    context = browser.new_context(viewport=COUNTER_SIZE)
    counter = context.new_page()
    counter.goto(counter_url)
    counter.get_by_label("Counter").fill("Counter 2")
    counter.get_by_role("button").first.click()
    counter.wait_for_url("**/counter")
    _open_bill(counter)
    machines = context.new_page()
    machines.goto(machines_url)
    machines.get_by_role("button", name="Accept").click()
    machines.get_by_text("Tap, insert").first.wait_for()
    counter.bring_to_front()
    counter.wait_for_timeout(1500)
    return counter.screenshot(), machines.screenshot(clip=MACHINE_CUT)


if __name__ == "__main__":
    main()
