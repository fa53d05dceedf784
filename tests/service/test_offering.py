"""Which ways to pay are offered: by connector, date, category, device, setting, amount and time to pay."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from galla.clock import ManualClock
from galla.connectors.connector import Account
from galla.connectors.upi import Session
from galla.errors import AmountNotAllowed, InvalidField
from galla.payments.model import Method
from galla.sandbox.sandbox import DEMO_KEY, DEMO_MID, DEMO_VPA, Sandbox
from galla.service import payments
from galla.service.offering import Offer, offer
from tests.till import Counter, open_counter

LAST_MINUTE = datetime(2026, 2, 27, 18, 29, tzinfo=UTC)  # 27 February 2026, 23:59 in India
MIDNIGHT = LAST_MINUTE + timedelta(minutes=1)
VPA = "neha.k@okbank"
UPI = (Method.UPI_INTENT, Method.UPI_QR, Method.UPI_COLLECT)


class Desk:
    """A till at one moment and a merchant whose standing a test can change."""

    def __init__(self, counter: Counter, account: Account) -> None:
        self.counter = counter
        self.account = account

    def ask(self, method: str, amount: int = 250_000, **more: Any) -> Offer:
        """Ask what may be offered; the merchant's fields come as `mcc`, `collect_allowed`, … beside the rest."""
        own = {name: more.pop(name) for name in list(more) if name in Account.__struct_fields__}
        return offer(self.counter.till, msgspec.structs.replace(self.account, **own), method, amount, **more)

    def says(self, method: str, amount: int = 250_000, **more: Any) -> tuple[str, str]:
        """Ask for what may not be offered, and return the code and the message."""
        with pytest.raises((InvalidField, AmountNotAllowed)) as caught:
            self.ask(method, amount, **more)
        return caught.value.code, str(caught.value)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """A till on SQLite on the last evening of Collect, with a merchant that may do all it could."""
    counter = await open_counter(f"sqlite:///{tmp_path / 'galla.db'}", ManualClock(LAST_MINUTE))
    account = await counter.till.account(counter.principal.merchant_id)
    allowed = msgspec.structs.replace(
        account, client_id="C11", mcc="8011", collect_allowed=True, upi_limit_paise=5_00_000_00
    )
    yield Desk(counter, allowed)
    await counter.till.close()


async def test_collect_ends_at_midnight_in_india(desk: Desk) -> None:
    """At 23:59 on 27 February Collect is offered; a minute later it is not, and the message names what is."""
    assert desk.ask(Method.UPI_COLLECT, vpa=VPA).vpa == "ne***@okbank"
    desk.counter.clock.advance(60)
    assert desk.counter.clock.now() == MIDNIGHT
    code, message = desk.says(Method.UPI_COLLECT, vpa=VPA)
    assert code == "collect_not_permitted"
    assert "28 February 2026" in message
    assert "QR" in message


@pytest.mark.parametrize(
    ("more", "is_offered"),
    [
        ({}, False),
        ({"platform": "web"}, False),
        ({"platform": "android"}, False),
        ({"platform": "ios"}, True),
        ({"mcc": "6012"}, True),
        ({"mcc": "6211"}, True),
        ({"mcc": None}, False),
        ({"mcc": "6012", "collect_allowed": False}, False),
        ({"platform": "ios", "collect_allowed": False}, False),
    ],
    ids=str,
)
async def test_who_keeps_collect(desk: Desk, more: dict[str, Any], is_offered: bool) -> None:
    """Afterwards Collect is for exempt categories and iPhones, and only where the merchant has it switched on."""
    desk.counter.clock.advance(60)
    if is_offered:
        assert desk.ask(Method.UPI_COLLECT, vpa=VPA, **more).vpa == "ne***@okbank"
    else:
        assert desk.says(Method.UPI_COLLECT, vpa=VPA, **more)[0] == "collect_not_permitted"


async def test_collect_is_off_unless_switched_on(desk: Desk) -> None:
    """Before the end, too, Collect needs the merchant's setting, and intent and QR never do."""
    assert "switched off" in desk.says(Method.UPI_COLLECT, vpa=VPA, collect_allowed=False)[1]
    for method in (Method.UPI_INTENT, Method.UPI_QR):
        assert desk.ask(method, collect_allowed=False).vpa is None


@pytest.mark.parametrize("method", UPI)
@pytest.mark.parametrize(
    ("more", "limit"),
    [
        ({}, 5_00_000_00),
        ({"mcc": "5411"}, 1_00_000_00),
        ({"mcc": None}, 1_00_000_00),
        ({"upi_limit_paise": 10_000_00}, 10_000_00),
        ({"mcc": "5411", "upi_limit_paise": 10_00_000_00}, 1_00_000_00),
    ],
    ids=str,
)
async def test_upi_has_its_limits(desk: Desk, method: Method, more: dict[str, Any], limit: int) -> None:
    """One UPI payment takes up to the lower of the merchant's limit and its category's, to the paisa."""
    assert desk.ask(method, limit, vpa=VPA, **more)
    code, message = desk.says(method, limit + 1, vpa=VPA, **more)
    assert code == "amount_above_limit"
    assert "Take it by card on the machine" in message


async def test_a_card_has_no_upi_limit(desk: Desk) -> None:
    """The UPI limits are not the card machine's."""
    assert desk.ask(Method.EDC, 50_00_000_00, mcc="5411").expires_at is None


async def test_a_code_lives_one_to_fifteen_minutes(desk: Desk) -> None:
    """`expires_in` of a QR is 60 to 900 whole seconds, fifteen minutes if left out; anything else is refused."""
    now = desk.counter.clock.now()
    ends = [desk.ask(Method.UPI_QR, expires_in=seconds).expires_at for seconds in (60, 300, 900, None)]
    assert ends == [now + timedelta(seconds=seconds) for seconds in (60, 300, 900, 900)]
    for wrong in (0, -60, 59, 901, 10**9, True, 60.0, "300"):
        assert "`expires_in` must be 60 to 900 seconds" in desk.says(Method.UPI_QR, expires_in=wrong)[1]


@pytest.mark.parametrize("method", [Method.UPI_INTENT, Method.UPI_COLLECT])
async def test_a_token_lives_as_long_as_paytm_lets_it(desk: Desk, method: Method) -> None:
    """A link and a request end with Paytm's token, so a shorter life is not promised: the payer could still pay."""
    now = desk.counter.clock.now()
    assert desk.ask(method, vpa=VPA).expires_at == now + timedelta(seconds=900)
    assert "`expires_in` is for a QR" in desk.says(method, vpa=VPA, expires_in=300)[1]


@pytest.mark.parametrize(
    "wrong", [None, "", "neha", "neha@", "@okbank", "neha@bank.com", "neha k@okbank", "n@okbank", "neha@okbank\n", 7]
)
async def test_a_collect_needs_a_upi_id(desk: Desk, wrong: Any) -> None:
    """Without a well-formed UPI id Collect is refused before anything is made, and the id is not repeated."""
    code, message = desk.says(Method.UPI_COLLECT, vpa=wrong)
    assert code == "invalid_vpa"
    assert "neha@okbank\n" not in message


async def test_a_upi_id_is_kept_sealed(desk: Desk) -> None:
    """The whole UPI id is kept only sealed; what is shown is masked."""
    found = desk.ask(Method.UPI_COLLECT, vpa=VPA)
    assert found.session is not None
    assert "neha" not in found.session
    opened = desk.counter.till.vault.open_text(found.session)
    assert msgspec.json.decode(opened, type=Session) == Session(vpa=VPA)
    assert "neha" not in repr(found)


@pytest.mark.parametrize("method", [Method.UPI_INTENT, Method.UPI_QR])
async def test_a_link_is_for_whoever_opens_it(desk: Desk, method: Method) -> None:
    """An intent or QR remembers no payer, also when one was named."""
    found = desk.ask(method, vpa=VPA)
    assert (found.session, found.vpa) == (None, None)


async def test_a_qr_needs_its_client_id(desk: Desk) -> None:
    """Without Paytm's client id a QR is not offered, and the message says where it goes."""
    code, message = desk.says(Method.UPI_QR, client_id=None)
    assert code == "method_not_offered"
    assert "`client_id`" in message
    assert desk.ask(Method.UPI_INTENT, client_id=None)


@pytest.mark.parametrize("method", ["", "barter", "UPI_QR", "upi", "cheque"])
async def test_an_unknown_way_names_those_there_are(desk: Desk, method: str) -> None:
    """What no connector offers is refused with the list of what may be written."""
    code, message = desk.says(method)
    assert code == "method_not_offered"
    assert "cash, edc, queue, upi_collect, upi_intent, upi_qr" in message


async def test_a_refused_way_leaves_nothing_behind(counter: Counter) -> None:
    """Through the service: what is not offered makes no payment and sends nothing to Paytm."""
    for new in (
        payments.NewPayment(amount_paise=250_000, method="upi_collect", vpa=VPA),
        payments.NewPayment(amount_paise=5_00_000_01, method="upi_intent"),
        payments.NewPayment(amount_paise=250_000, method="upi_intent", expires_in=901),
    ):
        with pytest.raises((InvalidField, AmountNotAllowed)):
            await payments.start(counter.till, counter.principal, new)
    assert (await payments.find(counter.till, counter.principal, {}))["data"] == []
    assert list(counter.sandbox.wire.calls()) == []


async def test_an_offered_collect_reaches_the_customer(database_url: str) -> None:
    """Through the service, on the last evening: the request goes to the payer's own id, which is shown masked."""
    clock = ManualClock(LAST_MINUTE)
    box = Sandbox(clock, seed=1, has_demo=False)
    box.add_merchant(DEMO_MID, DEMO_KEY, name="Sandbox Skin Clinic", collect_allowed=True)
    box.add_phone(DEMO_VPA, name="Ramesh K.", bank="State Bank of India")
    counter = await open_counter(database_url, clock, box, collect_allowed=True)
    try:
        new = payments.NewPayment(amount_paise=250_000, method="upi_collect", vpa=DEMO_VPA, platform="web")
        view = (await payments.start(counter.till, counter.principal, new)).payment
        assert (view["status"], view["next_action"]["type"]) == ("pending", "approve_in_upi_app")
        assert DEMO_VPA not in repr(view)
        counter.clock.advance(60)
        with pytest.raises(InvalidField, match="28 February 2026"):
            await payments.start(counter.till, counter.principal, new)
    finally:
        await counter.till.close()
