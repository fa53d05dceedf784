"""One order's status, asked for and read, by Paytm's own SDK and by galla; and what became of hyperswitch-prism.

Both write the question, sign it, and read the same signed answer; what lies between is answered at once, without a
network. Paytm's SDK checks the signature and makes objects; galla compares the answer with its payment as well.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from bench.report import Figure, Part, compared_us
from bench.upi_order import KEY, MID, NOW, PATHS, SHOP, UPI, answer, order_id, payment
from galla.connectors.connector import inquire
from galla.payments.model import Captured

LIBRARY_LACKS = "does not load here"


def measure(rounds: int) -> Part:
    """Measure those SDKs that are installed and load."""
    return Part(
        title="An order's status, beside other SDKs",
        how=(
            "The question written and signed, the signed answer read and verified, no network. galla's includes the "
            "comparison with the payment. hyperswitch-prism would be measured where its library loads; its wheels up "
            "to 0.3.0 hold one for macOS alone."
        ),
        figures=[*_paytm_pg(rounds), *_prism()],
    )


def _paytm_pg(rounds: int) -> list[Figure]:
    try:
        name = f"paytm-pg {version('paytm-pg')}"
    except PackageNotFoundError:
        return [Figure(what="paytm-pg: not installed here", value="–")]
    theirs, ours, ratio = compared_us(_their_status(), _our_status(), rounds)
    return [
        Figure(what=f"ask and read: {name}", value=f"{theirs:,.0f} µs"),
        Figure(what="ask and read: galla", value=f"{ours:.3g} µs"),
        Figure(what="ask and read: ratio", value=f"{ratio:.3g}×"),
    ]


def _their_status() -> Callable[[], object]:
    sdk = importlib.import_module("paytmpg")
    sending = importlib.import_module("paytmpg.pg.Request")
    sdk.MerchantProperty.initialize("https://pretend.example", MID, KEY.reveal(), "C11", SHOP.website)
    sdk.MerchantProperty.set_logging_disable(True)
    reply = answer(PATHS[2], order_id(0))
    sending.post = lambda *_args, **_given: _Answered(reply.body)
    detail = sdk.PaymentStatusDetailBuilder(order_id(0)).build()

    def ask() -> object:
        return sdk.Payment.getPaymentStatus(detail)

    found: Any = ask()
    said = found.get_response_object().get_body().get_result_info().get_result_status()
    if said != "TXN_SUCCESS":
        raise RuntimeError(f"paytm-pg reads the answer as {said}.")
    return ask


class _Answered:
    """What `requests` would have brought back."""

    status_code = 200

    def __init__(self, content: bytes) -> None:
        self.content = content

    def json(self) -> Any:
        """Return the JSON, read as `requests` reads it."""
        return importlib.import_module("json").loads(self.content)


def _our_status() -> Callable[[], object]:
    asked_about, reply = payment(), answer(PATHS[2], order_id(0))

    def ask() -> object:
        flow = inquire(UPI, asked_about, SHOP, NOW)
        next(flow)
        try:
            flow.send(reply)
        except StopIteration as stop:
            return stop.value
        raise RuntimeError("galla asks a second question.")

    assert isinstance(ask(), Captured)
    return ask


def _prism() -> list[Figure]:
    try:
        name = f"hyperswitch-prism {version('hyperswitch-prism')}"
    except PackageNotFoundError:
        return [Figure(what="hyperswitch-prism: not installed here", value="–")]
    try:
        importlib.import_module("payments")
    except (ImportError, OSError):
        return [Figure(what=f"{name}: {LIBRARY_LACKS}", value="–")]
    return [Figure(what=f"{name}: loads here, and no comparison has been written", value="–")]
