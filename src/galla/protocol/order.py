"""What became of an order, and the list of orders, both directions.

`POST /v3/order/status` is the only answer that proves an online payment, and only when merchant, order and
amount are those that were asked for. Comparing them is the caller's: this file reads and writes.
"""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec

from galla.protocol.codes import Kind
from galla.protocol.message import MerchantKey, Response, field
from galla.protocol.pg import Reply, SignedCall
from galla.protocol.pg_envelope import Opened, paise
from galla.protocol.vpa import masked_vpa

STATUS_PATH = "/v3/order/status"
LIST_PATH = "/merchant-passbook/search/list/order/v2"


class OrderStatusReply(Reply, frozen=True, kw_only=True):
    """What became of an order. Amounts are rupees as text; a UPI id is masked when read, whatever was sent."""

    mid: str | None = None
    order_id: str | None = None
    txn_id: str | None = None
    bank_txn_id: str | None = None
    txn_amount: str | None = None
    txn_type: str | None = None
    txn_date: str | None = None
    currency: str | None = None
    payment_mode: str | None = None
    gateway_name: str | None = None
    bank_name: str | None = None
    refund_amt: str | None = None
    rrn: str | None = None
    masked_vpa: str | None = None
    masked_card_no: str | None = None
    card_scheme: str | None = None
    auth_ref_id: str | None = None
    merchant_unique_reference: str | None = None
    pos_id: str | None = None

    operation: ClassVar[str] = "order_status"
    signed_on: ClassVar[frozenset[Kind]] = frozenset({Kind.SUCCESS})

    @property
    def amount_paise(self) -> int | None:
        """What was paid, in paise; None when Paytm left it out or it cannot be read exactly."""
        return paise(self.txn_amount)

    @property
    def refunded_paise(self) -> int | None:
        """What has been refunded so far, in paise; None when Paytm does not say."""
        return paise(self.refund_amt)

    def kind_while(self, is_alive: bool) -> Kind | None:
        """Return `kind`, with "nobody has paid" as pending while the order's token or QR is alive."""
        return Kind.PENDING if is_alive and self.kind is Kind.NOT_FOUND else self.kind

    @classmethod
    def tidied(cls, values: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
        """Mask who paid."""
        if values["masked_vpa"] is not None:
            values["masked_vpa"] = masked_vpa(values["masked_vpa"])
        card = values["masked_card_no"]
        if card is not None and sum("0" <= char <= "9" for char in card) > 10:
            values["masked_card_no"] = f"XXXX{card[-4:]}"
        return values


class OrderStatusRequest(SignedCall, frozen=True, kw_only=True):
    """Ask what became of an order, by the merchant's own id: `POST /v3/order/status`.

    `txn_type` is for pre-authorised payments only, which UPI does not have.

    Example:
        >>> key = MerchantKey("unit_test_key_16")
        >>> question = OrderStatusRequest(mid="TESTMID0000000000001", order_id="ORD1")
        >>> OrderStatusRequest.parse(question.encode(key), key) == question
        True
    """

    order_id: str
    txn_type: str | None = None

    operation: ClassVar[str] = "order_status"
    path: ClassVar[str] = STATUS_PATH

    def parse_reply(self, response: Response, key: MerchantKey) -> OrderStatusReply:
        """Read the answer to this question; raises as `OrderStatusReply.parse`."""
        return OrderStatusReply.parse(response, key, paytm_id=self.order_id)


class ListedOrder(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """One line of the list of orders. `amount` is rupees as text."""

    merchant_order_id: str
    txn_id: str | None = None
    amount: str | None = None
    pay_mode: str | None = None
    order_created_time: str | None = None
    order_completed_time: str | None = None
    order_search_status: str | None = None
    merchant_name: str | None = None
    rrn: str | None = None


class OrderListReply(Reply, frozen=True, kw_only=True):
    """A page of the list of orders: for comparing, never a proof by itself."""

    orders: tuple[ListedOrder, ...] = ()

    operation: ClassVar[str] = "order_list"

    @classmethod
    def tidied(cls, values: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
        """Read the lines that name an order."""
        listed = body.get("orders")
        lines = [_listed(line) for line in listed] if isinstance(listed, list) else []
        return {"orders": tuple(line for line in lines if line is not None)}


class OrderListRequest(SignedCall, frozen=True, kw_only=True):
    """Ask for a page of orders: `POST /merchant-passbook/search/list/order/v2`.

    `from_date` and `to_date` are India time with its offset, at most 30 days apart. `order_search_type` are
    words such as `TRANSACTION` and `REFUND`. Pages begin at 1 and hold 1 to 50 orders.
    """

    from_date: str
    to_date: str
    order_search_type: tuple[str, ...] = ("TRANSACTION",)
    order_search_status: str | None = None
    page_number: str = "1"
    page_size: str = "20"
    is_sort: str | None = None
    pay_mode: str | None = None
    merchant_order_id: str | None = None

    operation: ClassVar[str] = "order_list"
    path: ClassVar[str] = LIST_PATH
    may_hold_pipe: ClassVar[bool] = True

    def body(self) -> dict[str, object]:
        """Return the body, checked, with Paytm's names; the search types are joined by pipes.

        Raises:
            LocalProtocolError: a field cannot be sent; `.path` names it.
        """
        if not self.order_search_type or not all(map(_is_search_type, self.order_search_type)):
            raise self.unsendable("body.orderSearchType", "must be words such as TRANSACTION or REFUND")
        return {**super().body(), "orderSearchType": "|".join(self.order_search_type)}

    def head(self, body: bytes, key: MerchantKey) -> dict[str, object]:
        """Return the head, with the signature of this body."""
        return {"tokenType": "CHECKSUM", **super().head(body, key)}

    def parse_reply(self, response: Response, key: MerchantKey) -> OrderListReply:
        """Read the answer to this question; raises as `OrderListReply.parse`."""
        return OrderListReply.parse(response, key)

    @classmethod
    def from_nested(cls, opened: Opened) -> dict[str, Any]:
        """Read the search types."""
        types = tuple((field(opened.body, "orderSearchType") or "").split("|"))
        if not all(map(_is_search_type, types)):
            raise cls.unreadable(
                opened.body, "body.orderSearchType", "must be words such as TRANSACTION or REFUND"
            )
        return {"order_search_type": types}


def _is_search_type(word: str) -> bool:
    return word.isascii() and word.replace("_", "").isalnum() and word == word.upper()


def _listed(line: object) -> ListedOrder | None:
    """Read one line; one without an order id can be compared with nothing."""
    order_id = field(line, "merchantOrderId")
    if order_id is None:
        return None
    return ListedOrder(
        merchant_order_id=order_id,
        **{
            each.name: field(line, each.encode_name)
            for each in msgspec.structs.fields(ListedOrder)
            if not each.required
        },
    )
