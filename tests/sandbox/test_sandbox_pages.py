"""The pages in a real Chromium: a person at the machines, with and without scripts."""

from collections.abc import Callable, Iterator
from time import monotonic, sleep

import pytest
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from galla.sandbox import Kind
from galla.sandbox.terminal import Screen
from tests.browser import ARGUMENTS, find
from tests.sandbox.pretend import FIRST, SECOND, Till, real_till, served

Open = Callable[..., Page]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=find(), args=list(ARGUMENTS))
        yield chromium
        chromium.close()


@pytest.fixture
def till() -> Till:
    """A till in real time."""
    return real_till()


@pytest.fixture
def visit(browser: Browser, till: Till) -> Iterator[Open]:
    """Open a page of the sandbox; any complaint of the browser fails the test."""
    complaints: list[str] = []
    with served(till.sandbox) as address:
        contexts = []

        def open_page(path: str, *, scripts: bool = True, width: int = 1366, height: int = 768) -> Page:
            context = browser.new_context(
                viewport={"width": width, "height": height}, java_script_enabled=scripts, base_url=address
            )
            contexts.append(context)
            page = context.new_page()
            page.on(
                "console", lambda message: complaints.append(message.text)
            )  # a 409 is logged by Chromium itself
            page.on("pageerror", lambda error: complaints.append(str(error)))
            page.goto(path)
            return page

        yield open_page
        for context in contexts:
            context.close()
    assert [text for text in complaints if "status of 409" not in text] == []


def machine(page: Page, tid: str) -> Locator:
    return page.locator(f'[data-tid="{tid}"]')


def eventually(check: Callable[[], bool]) -> None:
    deadline = monotonic() + 10
    while not check():
        assert monotonic() < deadline, "It did not happen in ten seconds."
        sleep(0.05)


def test_a_person_takes_a_card_payment(till: Till, visit: Open) -> None:
    """The pushed amount appears by itself; accept and tap make the status S, and a slip comes out."""
    page = visit("/terminals")
    counter = machine(page, FIRST)
    expect(counter).to_contain_text("Ready")

    till.sale(merchant_reference_no="INV-2026-0412", transaction_amount="250000")
    expect(counter).to_contain_text("₹2,500.00")
    expect(counter).to_contain_text("INV-2026-0412")
    counter.get_by_role("button", name="Accept", exact=True).click()
    counter.get_by_label("Pays with").select_option("rupay_debit")
    counter.get_by_role("button", name="Tap card").click()
    expect(counter.get_by_role("status")).to_contain_text("Approved")

    reply = till.status()
    assert (reply.result.code, reply.card_scheme) == ("S", "RUPAY")
    counter.get_by_role("button", name="Tear off the slip").click()
    expect(counter.get_by_role("button", name="Tear off the slip")).to_have_count(0)


def test_the_card_in_hand_survives_news(till: Till, visit: Open) -> None:
    """A choice made before the page changes is still made afterwards."""
    till.sale()
    till.press("accept")
    page = visit("/terminals")
    machine(page, FIRST).get_by_label("Pays with").select_option("amex")

    till.sale("CLINIC000002", SECOND)
    expect(machine(page, SECOND)).to_contain_text("Take this payment?")

    expect(machine(page, FIRST).get_by_label("Pays with")).to_have_value("amex")


def test_a_person_pays_by_upi(till: Till, visit: Open) -> None:
    """The machine shows a QR as a picture with a name; scanning and approving pays."""
    till.sale(auto_accept=True)
    page = visit(f"/terminals/{FIRST}")
    page.get_by_role("button", name="Show UPI QR").click()
    expect(page.get_by_role("img", name="UPI QR of this payment")).to_be_visible()
    page.get_by_role("button", name="Scan UPI QR").click()
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_role("region", name="Slip", exact=True)).to_contain_text("UPI ramesh@oksbi")

    assert till.status().pay_method == "UPI"


def test_the_keyboard_is_enough(till: Till, visit: Open) -> None:
    """Focus goes to the next thing to press, so a sale can be taken without a mouse."""
    till.sale()
    page = visit(f"/terminals/{FIRST}")
    page.get_by_role("button", name="Accept", exact=True).focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Tap card")).to_be_focused()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Insert card")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="PIN right")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").first).to_contain_text("Approved")

    assert till.says() == "S 0000"


def test_every_button_works_without_scripts(till: Till, visit: Open) -> None:
    """Plain forms carry a whole sale, ending in a decline."""
    till.sale()
    page = visit(f"/terminals/{FIRST}", scripts=False)
    page.get_by_role("button", name="Green key: accept").click()
    page.get_by_label("Pays with").select_option("no_funds")
    page.get_by_role("button", name="Tap card").click()
    expect(page.get_by_role("status").first).to_contain_text("Insufficient funds")
    assert till.says() == "F 0011"
    assert page.url.endswith(f"/terminals/{FIRST}")


def test_a_button_that_came_too_late_is_explained(till: Till, visit: Open) -> None:
    """A press the machine no longer offers leads to a sentence and a way back."""
    till.sale()
    page = visit(f"/terminals/{FIRST}", scripts=False)
    till.press("reject")
    page.get_by_role("button", name="Accept", exact=True).click()

    expect(page.get_by_role("heading", level=1)).to_contain_text("not possible now")
    page.get_by_role("link", name="Back to the machines").click()
    expect(machine(page, FIRST)).to_be_visible()


def test_trouble_can_be_made_and_mended(till: Till, visit: Open) -> None:
    """Network, battery and paper go and come back, each in words on the machine."""
    page = visit("/terminals")
    counter = machine(page, FIRST)
    counter.get_by_role("button", name="Pull network").click()
    expect(counter.get_by_role("img", name="No network")).to_be_visible()
    counter.get_by_role("button", name="Take out paper").click()
    expect(counter).to_contain_text("no paper")
    counter.get_by_role("button", name="Drain battery").click()
    expect(counter).to_contain_text("Battery empty")
    for name in ("Charge battery", "Give network", "Put in paper"):
        counter.get_by_role("button", name=name).click()
    expect(counter).to_contain_text("Ready")
    eventually(lambda: till.sandbox.terminals[FIRST].screen is Screen.IDLE)


def test_machines_side_by_side_do_not_mix(till: Till, visit: Open) -> None:
    """Pressing one machine's buttons leaves the other as it was."""
    till.sale("CLINIC000001", FIRST, transaction_amount="10000")
    till.sale("CLINIC000002", SECOND, transaction_amount="20000")
    page = visit("/terminals")
    machine(page, SECOND).get_by_role("button", name="Reject").click()
    expect(machine(page, SECOND)).to_contain_text("Rejected at the machine")

    expect(machine(page, FIRST)).to_contain_text("Take this payment?")
    assert (till.says("CLINIC000001"), till.says("CLINIC000002", SECOND)) == ("P 0010", "F 0011")


def test_a_failure_is_armed_on_the_front_page(till: Till, visit: Open) -> None:
    """The front page shows how to connect, arms a failure, and lists it until it is removed."""
    page = visit("/")
    expect(page.get_by_role("region", name="Connect")).to_contain_text("SANDBX00000000000001")
    page.get_by_label("What goes wrong").select_option("html")
    page.get_by_label("To the next").select_option("status")
    page.get_by_role("button", name="Let it happen").click()
    expect(page.get_by_role("region", name="Failures waiting")).to_contain_text("HTML page")
    assert [(fault.kind, fault.operation) for fault in till.sandbox.faults.waiting] == [(Kind.HTML, "status")]

    page.get_by_role("button", name="Remove all").click()
    expect(page.get_by_role("region", name="Failures waiting")).to_have_count(0)


def test_the_front_page_follows_the_wire(till: Till, visit: Open) -> None:
    """A sale appears in both lists without a reload, what people typed included as text."""
    page = visit("/")
    till.sale(merchant_reference_no="<b>INV</b>")

    expect(page.get_by_role("cell", name="<b>INV</b>")).to_be_visible()
    expect(page.get_by_role("cell", name="A 0009")).to_be_visible()


@pytest.mark.parametrize("path", ["/", "/terminals", f"/terminals/{FIRST}"])
def test_pages_fit_a_cheap_screen_and_run_nothing_foreign(visit: Open, path: str) -> None:
    """At 1366×768 nothing scrolls sideways, all says Sandbox, and the policy allows no inline code."""
    page = visit(path)

    assert page.evaluate("document.documentElement.scrollWidth") <= 1366
    expect(page.locator("header .badge")).to_have_text("Sandbox")
    response = page.request.get(path)
    policy = response.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


def test_four_machines_stand_side_by_side_without_scrolling(till: Till, visit: Open) -> None:
    """On a 1366×768 screen four machines and all their buttons are in view at once."""
    for number in (3, 4):
        till.sandbox.add_terminal(f"1234567{number}", "SANDBX00000000000001")
    till.sale(auto_accept=True)
    page = visit("/terminals")

    assert page.evaluate("document.documentElement.scrollHeight") <= 768
    tops = [box["y"] for article in page.locator("article.machine").all() if (box := article.bounding_box())]
    assert (len(tops), len(set(tops))) == (4, 1)


@pytest.mark.parametrize("width", [800, 390])
def test_a_machine_fits_a_tablet_and_a_phone(till: Till, visit: Open, width: int) -> None:
    """One machine with a card to choose never scrolls sideways."""
    till.sale(auto_accept=True)
    page = visit(f"/terminals/{FIRST}", width=width, height=900)
    expect(page.get_by_label("Pays with")).to_be_visible()

    assert width >= page.evaluate("document.documentElement.scrollWidth")


def test_an_unknown_machine_is_said_so(visit: Open) -> None:
    """A wrong address is a page with a sentence."""
    page = visit("/")
    response = page.request.get("/terminals/99999999")

    assert response.status == 404
    assert "no machine 99999999" in response.text()
