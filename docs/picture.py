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

from playwright.sync_api import Browser, FloatRect, ViewportSize, sync_playwright

from tests.browser import ARGUMENTS, ensure

PICTURE = Path(__file__).parent / "counter.png"
COUNTER_SIZE: ViewportSize = {"width": 1120, "height": 620}
MACHINE_CUT: FloatRect = {"x": 384, "y": 50, "width": 328, "height": 620}
WHOLE: ViewportSize = {"width": 1448, "height": 620}
LINES = (("Consultation", "500"), ("Tretinoin cream", "250"), ("Chemical peel", "1750"))


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
    """Open a bill, push it, and photograph both sides while the card is awaited."""
    context = browser.new_context(viewport=COUNTER_SIZE)
    counter = context.new_page()
    counter.goto(counter_url)
    counter.locator("#counter").fill("Counter 2")
    counter.get_by_role("button").first.click()
    counter.wait_for_url("**/counter")
    counter.goto(counter_url.split("/sign-in")[0] + "/counter?new=bill")
    counter.locator("#name").fill("Ramesh Kumar")
    counter.locator("#number").fill("INV-2026-0412")
    for place, (what, price) in enumerate(LINES):
        counter.locator("[name=description]").nth(place).fill(what)
        counter.locator("[name=price]").nth(place).fill(price)
    counter.get_by_role("button", name="Open the bill").click()
    counter.locator("[name=terminal]").last.check()
    counter.get_by_role("button", name="Push to the machine").click()
    counter.wait_for_url("**/counter?payment=*")
    machine = context.new_page()
    machine.goto(machines_url)
    machine.get_by_role("button", name="Accept").first.click()
    machine.wait_for_timeout(1500)
    shot = machine.screenshot(clip=MACHINE_CUT)
    counter.bring_to_front()
    counter.wait_for_timeout(2500)
    return counter.screenshot(), shot


def _join(browser: Browser, counter: bytes, machine: bytes) -> None:
    """Put the two photographs side by side."""
    page = browser.new_page(viewport=WHOLE)
    sides = "".join(
        f"<img src='data:image/png;base64,{base64.b64encode(side).decode()}'>" for side in (counter, machine)
    )
    page.set_content(
        f"<style>body{{margin:0;display:flex;align-items:start;background:#f5f4f0}}</style>{sides}"
    )
    page.wait_for_timeout(300)
    page.screenshot(path=PICTURE)


if __name__ == "__main__":
    main()
