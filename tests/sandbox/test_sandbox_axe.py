"""The sandbox's own pages by the rules of WCAG 2.2 AA, in each state a person brings them to, light and dark."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from galla.clock import SYSTEM
from galla.sandbox import Kind
from galla.sandbox.faults import Fault
from galla.sandbox.terminal import Action
from tests.axe import check_accessible_sync
from tests.browser import ARGUMENTS, find
from tests.sandbox.online_pretend import Shop
from tests.sandbox.pretend import FIRST, SECOND, Till, served

Open = Callable[[str], Page]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=find(), args=list(ARGUMENTS))
        yield chromium
        chromium.close()


@pytest.fixture
def shop() -> Shop:
    """A sandbox in real time where a UPI id may be asked."""
    return Shop(SYSTEM, collects=True)


@pytest.fixture
def visit(browser: Browser, shop: Shop) -> Iterator[Open]:
    """Open a page of the sandbox and let axe look at it."""
    with served(shop.sandbox) as address:
        context = browser.new_context(base_url=address, reduced_motion="reduce")

        def open_page(path: str) -> Page:
            page = context.new_page()
            page.goto(path)
            check_accessible_sync(page)
            return page

        yield open_page
        context.close()


def sell(shop: Shop, id_: str, tid: str) -> None:
    """Push a sale to a machine."""
    till = Till(SYSTEM)
    till.sandbox = shop.sandbox
    till.sale(id_, tid)


def test_the_front_page_and_the_machines(shop: Shop, visit: Open) -> None:
    """The front page, the machines side by side, and one alone; idle, with faults in force, offline, out of paper."""
    visit("/")
    visit("/terminals")
    visit(f"/terminals/{FIRST}")
    shop.sandbox.add_fault(Fault(kind=Kind.DROP_AFTER, operation="sale"))
    shop.sandbox.act(FIRST, Action.NETWORK_OFF)
    shop.sandbox.act(SECOND, Action.PAPER_OUT)
    visit("/")
    visit("/terminals")
    visit(f"/terminals/{FIRST}")


def test_a_machine_from_the_request_to_the_slip(shop: Shop, visit: Open) -> None:
    """Asked, waiting for the card, for the PIN, paid with its slip; and one that was declined."""
    sell(shop, "CLINIC000001", FIRST)
    sell(shop, "CLINIC000002", SECOND)
    page = visit(f"/terminals/{FIRST}")
    for action in (Action.ACCEPT, Action.INSERT, Action.PIN_RIGHT):
        shop.sandbox.act(FIRST, action)
        page.reload()
        check_accessible_sync(page)
    shop.sandbox.act(SECOND, Action.REJECT)
    visit("/terminals")
    visit(f"/terminals/{SECOND}")
    visit("/")


def test_the_phone_from_the_request_to_its_end(shop: Shop, visit: Open) -> None:
    """Nothing to pay, a QR and a link lying there, a request, the PIN pad, paid, declined."""
    visit("/phone")
    shop.qr("ORD-1")
    shop.link("ORD-2")
    shop.collect(id_="ORD-3")
    page = visit("/phone")
    page.get_by_role("button", name="Pay", exact=True).click()
    expect(page.get_by_role("status", name="Screen of the phone")).to_contain_text("Enter UPI PIN")
    check_accessible_sync(page)
    page.get_by_role("button", name="PIN wrong").click()
    check_accessible_sync(page)
    page.get_by_role("button", name="PIN right").click()
    expect(page.get_by_role("status", name="Screen of the phone")).to_contain_text("Paid")
    check_accessible_sync(page)
    shop.collect(id_="ORD-4")
    page.reload()
    page.get_by_role("button", name="Decline").click()
    check_accessible_sync(page)


def test_a_page_that_says_no(visit: Open) -> None:
    """An unknown machine, and what the phone says of a link that is none."""
    visit("/terminals/00000000")
    page = visit("/phone")
    page.get_by_label("A payment link").fill("upi://pay?pa=x@y")
    page.get_by_role("button", name="Open", exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("not possible now")
    check_accessible_sync(page)
