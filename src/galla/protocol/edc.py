"""The card machine API, both directions: sale, status and void as pairs of request and reply.

`POST /ecr/payment/request`, `/ecr/V2/payment/status` and `/ecr/void`. The client encodes requests and parses
replies; the sandbox parses requests and encodes replies. Names are Paytm's in snake_case, amounts Paytm's
paise texts, times Paytm's India-time texts: what they mean for a payment is not decided here.
"""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec

from galla.errors import LocalProtocolError
from galla.protocol.codes import ResultInfo as ResultInfo
from galla.protocol.codes import masked_text
from galla.protocol.ecr import CONTROL, Call, Reply, refuse, wires_of
from galla.protocol.message import MerchantKey, Response, field, section

SALE_PATH = "/ecr/payment/request"
STATUS_PATH = "/ecr/V2/payment/status"
OLD_STATUS_PATH = "/ecr/payment/status"
VOID_PATH = "/ecr/void"
MAX_INFO_LINES = 3

_FROM_ORDER = frozenset(
    {
        "acquirement_id", "retrieval_reference_no", "auth_code", "issuer_mask_card_no", "issuing_bank_name",
        "pay_method", "card_type", "card_scheme", "aid",
    }
)  # fmt: skip
_NETWORKS = frozenset(
    {"VISA", "MASTER", "MASTERCARD", "RUPAY", "AMEX", "DINERS", "MAESTRO", "DISCOVER", "JCB"}
)


class SaleReply(Reply, frozen=True, kw_only=True):
    """Answer to a sale: accepted for the machine, or refused. Never a proof of payment."""

    operation: ClassVar[str] = "sale"


class SaleRequest(Call, frozen=True, kw_only=True):
    """Push a sale to a card machine: `POST /ecr/payment/request`.

    `transaction_amount` is paise as text; `merchant_transaction_id` 8 to 32 letters and digits;
    `payment_mode` `ALL`, `CARD` or `QR`; `auto_accept` skips the question on the machine; `display_info` and
    `print_info` are at most three lines each, by name. Control characters in texts are dropped.

    Example:
        >>> key = MerchantKey("unit_test_key_16")
        >>> sale = SaleRequest(
        ...     paytm_mid="TESTMID0000000000001",
        ...     paytm_tid="12345678",
        ...     merchant_transaction_id="CLINIC000001",
        ...     transaction_amount="50000",
        ...     transaction_date_time="2026-01-05 10:20:30",
        ...     channel_id="EDC",
        ...     request_time_stamp="2026-01-05 10:20:30",
        ... )
        >>> SaleRequest.parse(sale.encode(key), key) == sale
        True
    """

    transaction_amount: str
    merchant_reference_no: str | None = None
    auto_accept: bool | None = None
    payment_mode: str | None = None
    display_info: dict[str, str] = msgspec.field(default_factory=dict)
    print_info: dict[str, str] = msgspec.field(default_factory=dict)
    callback_url: str | None = None
    path: str = SALE_PATH

    operation: ClassVar[str] = "sale"

    def body(self) -> dict[str, object]:
        """Return the body, checked, with Paytm's names; what is left out is absent.

        Raises:
            LocalProtocolError: a field cannot be sent; `.path` names it.
        """
        body = super().body()
        extended: dict[str, str] = {}
        if self.auto_accept is not None:
            extended["autoAccept"] = "True" if self.auto_accept else "False"
        if self.payment_mode is not None:
            extended["paymentMode"] = self.payment_mode
        if extended:
            body["merchantExtendedInfo"] = extended
        for wire, lines in (("displayInfo", self.display_info), ("printInfo", self.print_info)):
            if lines:
                says = lines_fault(lines)
                if says is not None:
                    raise LocalProtocolError(
                        f"`{wire}` {says}. Nothing was sent.",
                        path=f"body.{wire}",
                        operation=self.operation,
                        paytm_id=self.merchant_transaction_id,
                    )
                body[wire] = {CONTROL.sub("", name): CONTROL.sub("", text) for name, text in lines.items()}
        return body

    def parse_reply(self, response: Response, key: MerchantKey) -> SaleReply:
        """Read the answer to this sale; raises as `SaleReply.parse`."""
        return SaleReply.parse(response, key, paytm_id=self.merchant_transaction_id)

    @classmethod
    def from_nested(cls, body: dict[str, Any]) -> dict[str, Any]:
        """Read what the machine shows and asks, where any of the known integrations puts it."""
        extended = section(body, "merchantExtendedInfo")
        values: dict[str, Any] = {}
        mode = field(extended, "paymentMode", "PaymentMode") or field(body, "paymentMode")
        if mode is not None:
            values["payment_mode"] = mode.upper()
        accept = field(extended, "autoAccept") or field(body, "autoAccept")
        if accept is not None:
            if accept.lower() not in ("true", "false"):
                raise refuse(
                    cls.operation, body, "body.merchantExtendedInfo.autoAccept", "must be True or False"
                )
            values["auto_accept"] = accept.lower() == "true"
        for name, wire in (("display_info", "displayInfo"), ("print_info", "printInfo")):
            lines = body.get(wire)
            if lines:
                says = lines_fault(lines)
                if says is not None:
                    raise refuse(cls.operation, body, f"body.{wire}", says)
                values[name] = lines
        return values


class StatusReply(Reply, frozen=True, kw_only=True):
    """What became of a sale, or of its void. The card number is masked when read, whatever was sent."""

    merchant_reference_no: str | None = None
    transaction_date_time: str | None = None
    transaction_amount: str | None = None
    currency: str | None = None
    acquirement_id: str | None = None
    retrieval_reference_no: str | None = None
    auth_code: str | None = None
    issuer_mask_card_no: str | None = None
    issuing_bank_name: str | None = None
    issuing_bank_id: str | None = None
    pay_method: str | None = None
    card_type: str | None = None
    card_scheme: str | None = None
    bank_response_code: str | None = None
    bank_response_message: str | None = None
    bank_mid: str | None = None
    bank_tid: str | None = None
    acquiring_bank: str | None = None
    aid: str | None = None
    original_amount: str | None = None

    operation: ClassVar[str] = "status"

    @classmethod
    def tidied(cls, values: dict[str, str], body: dict[str, Any]) -> dict[str, str]:
        """Fill in from the list of attempts, tell network from card type, mask the card."""
        order = _one_order(body)
        if order:
            for name, wires in wires_of(cls):
                if name in _FROM_ORDER and name not in values and (text := field(order, *wires)):
                    values[name] = text
        network = values.get("card_type")
        if network is not None and network.upper() in _NETWORKS:
            del values["card_type"]
            values.setdefault("card_scheme", network)
        card = values.get("issuer_mask_card_no")
        if card is not None:
            values["issuer_mask_card_no"] = _masked_card(card)
        message = values.get("bank_response_message")
        if message is not None:
            values["bank_response_message"] = masked_text(message)
        return values


class StatusRequest(Call, frozen=True, kw_only=True):
    """Ask what became of a sale, or with `event="VOID"` of its void: `POST /ecr/V2/payment/status`."""

    paytm_tid: str = ""
    merchant_reference_no: str | None = None
    event: str | None = None
    path: str = STATUS_PATH

    operation: ClassVar[str] = "status"

    def parse_reply(self, response: Response, key: MerchantKey) -> StatusReply:
        """Read the answer to this question; raises as `StatusReply.parse`."""
        return StatusReply.parse(response, key, paytm_id=self.merchant_transaction_id)


class VoidReply(Reply, frozen=True, kw_only=True):
    """Answer to a void: accepted is not voided; ask the status with `event="VOID"`."""

    operation: ClassVar[str] = "void"


class VoidRequest(Call, frozen=True, kw_only=True):
    """Reverse a sale of the same India day, whole: `POST /ecr/void`.

    `merchant_transaction_id` is the sale's own id: a void has no id and no amount.
    """

    path: str = VOID_PATH

    operation: ClassVar[str] = "void"

    def parse_reply(self, response: Response, key: MerchantKey) -> VoidReply:
        """Read the answer to this void; raises as `VoidReply.parse`."""
        return VoidReply.parse(response, key, paytm_id=self.merchant_transaction_id)


def _one_order(body: dict[str, Any]) -> dict[str, Any]:
    """The attempt that paid, when a reply lists attempts and exactly one did."""
    orders = body.get("Orders") or body.get("orders")
    if not isinstance(orders, list):
        return {}
    listed = [order for order in orders if isinstance(order, dict)]
    paid = [
        order for order in listed if (field(order, "status", "orderStatus") or "").upper().endswith("SUCCESS")
    ]
    if len(paid) == 1:
        return paid[0]
    return listed[0] if len(listed) == 1 else {}


def _masked_card(text: str) -> str:
    digits = "".join(char for char in text if "0" <= char <= "9")
    return f"XXXX{digits[-4:]}" if len(digits) >= 13 else text


def lines_fault(lines: object) -> str | None:
    """What is wrong with displayInfo or printInfo, if anything."""
    if not isinstance(lines, dict) or len(lines) > MAX_INFO_LINES:
        return f"must be at most {MAX_INFO_LINES} lines, each a name and a text"
    for name, text in lines.items():
        if not isinstance(name, str) or not isinstance(text, str) or "|" in name or "|" in text:
            return "must hold texts without the character |"
    return None
