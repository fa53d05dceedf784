"""The phone in a real Chromium: a person pays, declines and pays late, with and without scripts."""

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from galla.clock import SYSTEM
from tests.browser import ARGUMENTS, find
from tests.sandbox.online_pretend import Shop
from tests.sandbox.pretend import served

Open = Callable[..., Page]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=find(), args=list(ARGUMENTS))
        yield chromium
        chromium.close()


@pytest.fixture
def shop() -> Shop:
    """A shop in real time that may ask a UPI id."""
    return Shop(SYSTEM, collects=True)


@pytest.fixture
def visit(browser: Browser, shop: Shop) -> Iterator[Open]:
    """Open a page of the sandbox; any complaint of the browser fails the test."""
    complaints: list[str] = []
    with served(shop.sandbox) as address:
        contexts = []

        def open_page(path: str, *, scripts: bool = True, width: int = 1366, height: int = 768) -> Page:
            context = browser.new_context(
                viewport={"width": width, "height": height}, java_script_enabled=scripts, base_url=address
            )
            contexts.append(context)
            page = context.new_page()
            page.on("console", lambda message: complaints.append(message.text))
            page.on("pageerror", lambda error: complaints.append(str(error)))
            page.goto(path)
            return page

        yield open_page
        for context in contexts:
            context.close()
    assert [text for text in complaints if "status of 4" not in text] == []


def test_a_person_answers_a_request(shop: Shop, visit: Open) -> None:
    """It appears by itself; paying with the right PIN makes the status TXN_SUCCESS."""
    page = visit("/phone")
    glass = page.get_by_role("status", name="Screen of the phone")
    expect(glass).to_contain_text("Nothing to pay")

    shop.collect()
    expect(glass).to_contain_text("₹2,500.00")
    expect(glass).to_contain_text("Sandbox Skin Clinic")
    page.get_by_role("button", name="Pay", exact=True).click()
    expect(glass).to_contain_text("Enter UPI PIN")
    page.get_by_role("button", name="PIN right").click()
    expect(glass).to_contain_text("Paid")

    assert shop.says() == "TXN_SUCCESS 01"


def test_a_person_scans_a_qr(shop: Shop, visit: Open) -> None:
    """The QR of the counter lies in front of the customer, who scans it and pays."""
    page = visit("/phone")
    shop.qr()
    expect(page.get_by_role("img", name="UPI QR of ORD-0412")).to_be_visible()
    page.get_by_role("button", name="Scan ORD-0412").click()
    page.get_by_role("button", name="Pay", exact=True).click()
    page.get_by_role("button", name="PIN right").click()
    expect(page.get_by_role("status", name="Screen of the phone")).to_contain_text("Paid")
    expect(page.get_by_text("No QR and no link to open.")).to_be_visible()

    assert shop.says() == "TXN_SUCCESS 01"


def test_a_person_pastes_a_link(shop: Shop, visit: Open) -> None:
    """A link from anywhere is opened by its text; an altered one leads to a sentence and back."""
    link = shop.link()
    page = visit("/phone")
    page.get_by_label("A payment link").fill(link.replace("am=2500.00", "am=1.00"))
    page.get_by_role("button", name="Open", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("not possible now")
    page.get_by_role("link", name="Back to the phone").click()

    page.get_by_label("A payment link").fill(link)
    page.get_by_role("button", name="Open", exact=True).click()
    expect(page.get_by_role("button", name="Decline")).to_be_visible()


def test_a_person_types_wrong_pins_and_the_money_moves_after_all(shop: Shop, visit: Open) -> None:
    """Three wrong PINs fail the payment; the bank's late money still makes it a success."""
    shop.collect()
    page = visit("/phone")
    page.get_by_role("button", name="Pay", exact=True).click()
    glass = page.get_by_role("status", name="Screen of the phone")
    for left in ("2 tries left", "1 try left", "Too many wrong PINs"):
        page.get_by_role("button", name="PIN wrong").click()
        expect(glass).to_contain_text(left)
    assert shop.says() == "TXN_FAILURE 401"

    page.get_by_role("button", name="Money moves after all").click()
    expect(glass).to_contain_text("Paid")
    assert shop.says() == "TXN_SUCCESS 01"


def test_the_keyboard_is_enough(shop: Shop, visit: Open) -> None:
    """Focus goes from pay to the PIN, so a request can be paid without a mouse."""
    shop.collect()
    page = visit("/phone")
    page.get_by_role("button", name="Pay", exact=True).focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="PIN right")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("status", name="Screen of the phone")).to_contain_text("Paid")


def test_every_button_works_without_scripts(shop: Shop, visit: Open) -> None:
    """Plain forms open a link and decline it."""
    shop.link()
    page = visit("/phone/neha@okhdfcbank", scripts=False)
    page.get_by_role("button", name="Open ORD-0412").click()
    page.get_by_role("button", name="Decline").click()
    expect(page.get_by_role("status", name="Screen of the phone")).to_contain_text("Declined")

    assert shop.says() == "TXN_FAILURE 227"
    assert page.url.endswith("/phone/neha@okhdfcbank")


def test_each_person_sees_their_own_requests(shop: Shop, visit: Open) -> None:
    """A request to one UPI id is not on the other's phone."""
    shop.collect("neha@okhdfcbank")
    page = visit("/phone")
    expect(page.get_by_role("status", name="Screen of the phone")).to_contain_text("Nothing to pay")
    page.get_by_role("link", name="Neha S.").click()

    expect(page.get_by_role("status", name="Screen of the phone")).to_contain_text("₹2,500.00")


def test_a_second_request_waits_its_turn(shop: Shop, visit: Open) -> None:
    """The newest is on the screen, the other in the list with its own buttons."""
    shop.collect(id_="ORD1", amount="1.00")
    shop.collect(id_="ORD2", amount="2.00")
    page = visit("/phone")
    glass = page.get_by_role("status", name="Screen of the phone")
    expect(glass).to_contain_text("₹2.00")
    expect(page.get_by_text("1 more on this phone.")).to_be_visible()
    page.locator(".row-buttons").get_by_role("button", name="Decline").click()
    expect(page.get_by_text("1 more on this phone.")).to_have_count(0)

    assert (shop.says("ORD1"), shop.says("ORD2")) == ("TXN_FAILURE 227", "PENDING 402")


def test_what_people_typed_is_text(shop: Shop, visit: Open) -> None:
    """Names with signs in them are shown, not run."""
    shop.sandbox.add_phone("asha@okbank", name="<b>Asha</b>")
    page = visit("/phone/asha@okbank")

    expect(page.get_by_role("link", name="<b>Asha</b>")).to_be_visible()


def test_the_front_page_shows_phones_orders_and_callbacks(shop: Shop, visit: Open) -> None:
    """An order and its callback appear by themselves; payers can be left to act by themselves."""
    page = visit("/")
    shop.pay(callback_url="https://example.com/paytm")
    expect(page.get_by_role("cell", name=re.compile("ramesh@oksbi · RRN"))).to_be_visible()
    expect(page.get_by_role("cell", name="not sent: another computer")).to_be_visible()

    page.get_by_label("Payers").select_option("late")
    page.get_by_role("region", name="Phones by themselves").get_by_role("button", name="Set").click()
    expect(page.get_by_text("Phones act by themselves after 2.0 s: late.")).to_be_visible()


@pytest.mark.parametrize(("width", "height"), [(1366, 768), (800, 1024), (390, 844)])
def test_a_phone_fits_every_screen(shop: Shop, visit: Open, width: int, height: int) -> None:
    """Nothing scrolls sideways, with a long list in front of the customer; all says Sandbox."""
    for number in range(5):
        shop.qr(f"INV-2026-0000000000000000000000000000-{number:04}")
    shop.collect(amount="99999.99")
    page = visit("/phone", width=width, height=height)
    expect(page.get_by_role("button", name="Decline").first).to_be_visible()

    assert page.evaluate("document.documentElement.scrollWidth") <= width
    expect(page.locator("header .badge")).to_have_text("Sandbox")


def test_the_policy_allows_no_inline_code(shop: Shop, visit: Open) -> None:
    """The phone's page is served under the same strict policy as the machines."""
    page = visit("/phone")
    policy = page.request.get("/phone").headers["content-security-policy"]

    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert page.request.get("/phone/nobody@okbank").status == 404
