"""Beginning an online payment, both directions: initiateTransaction, processTransaction, fetchPaymentOptions.

`POST /theia/api/v1/…`. A good answer here means *begun*, never *paid*: that is for `order.py` to say.
"""

from __future__ import annotations

from typing import Any, ClassVar
from urllib.parse import urlsplit

import msgspec

from galla.errors import RemoteProtocolError
from galla.protocol.codes import Kind
from galla.protocol.message import MerchantKey, Response, field, section
from galla.protocol.pg import Reply, SignedCall, TokenCall
from galla.protocol.pg_envelope import Opened, TxnToken

INITIATE_PATH = "/theia/api/v1/initiateTransaction"
PROCESS_PATH = "/theia/api/v1/processTransaction"
OPTIONS_PATH = "/theia/api/v1/fetchPaymentOptions"
TOKEN_LIFE_S = 900.0
"""How long a transaction token may be used, in seconds: 15 minutes."""

CURRENCY = "INR"
_EXTENDED = frozenset({"udf1", "udf2", "udf3", "mercUnqRef", "comments", "subwalletAmount"})
_CHANNELS = "must list ways of paying, each with its channels"


class PaymentMode(msgspec.Struct, frozen=True):
    """A way of paying, such as `UPI`, with its channels: `UPI` is collect, `UPIPUSH` intent."""

    mode: str
    channels: tuple[str, ...] = ()


UPI_PUSH = PaymentMode("UPI", ("UPIPUSH",))
UPI_ANY = PaymentMode("UPI", ("UPI", "UPIPUSH"))


class InitiateReply(Reply, frozen=True, kw_only=True):
    """Answer to an order: a token to pay it with, or a no. An identical repeat (0002) has its token too."""

    txn_token: TxnToken | None = None

    operation: ClassVar[str] = "initiate"
    signed_on: ClassVar[frozenset[Kind]] = frozenset({Kind.ACCEPTED})

    @classmethod
    def tidied(cls, values: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
        """Hide the token."""
        try:
            token = TxnToken(values["txn_token"]) if values["txn_token"] is not None else None
        except ValueError:
            raise RemoteProtocolError(
                "Paytm's token cannot be used. Send the same order again.",
                path="body.txnToken",
                operation=cls.operation,
            ) from None
        return {"txn_token": token}


class InitiateRequest(SignedCall, frozen=True, kw_only=True):
    """Make an order and get its token: `POST /theia/api/v1/initiateTransaction`.

    `txn_amount` is rupees with two decimals. The same order may be sent again: with the same fields it gets its
    token again (0002), with others a no (2023). `extend_info` holds udf1, udf2, udf3, mercUnqRef, comments.

    Example:
        >>> key = MerchantKey("unit_test_key_16")
        >>> order = InitiateRequest(
        ...     mid="TESTMID0000000000001",
        ...     order_id="ORD1",
        ...     website_name="WEBSTAGING",
        ...     txn_amount="1.00",
        ...     cust_id="C1",
        ... )
        >>> InitiateRequest.parse(order.encode(key), key) == order
        True
    """

    order_id: str
    website_name: str
    txn_amount: str = msgspec.field(name="value")
    cust_id: str
    mobile: str | None = None
    email: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    callback_url: str | None = None
    enable_payment_mode: tuple[PaymentMode, ...] = ()
    disable_payment_mode: tuple[PaymentMode, ...] = ()
    extend_info: dict[str, str] = msgspec.field(default_factory=dict)

    operation: ClassVar[str] = "initiate"
    path: ClassVar[str] = INITIATE_PATH
    has_query: ClassVar[bool] = True
    objects: ClassVar[tuple[str, ...]] = ("txnAmount", "userInfo")

    def body(self) -> dict[str, object]:
        """Return the body, checked, with Paytm's names; what is left out is absent.

        Raises:
            LocalProtocolError: a field cannot be sent; `.path` names it.
        """
        body = {
            "requestType": "Payment",
            **self.checked("body"),
            "txnAmount": {**self.checked("txnAmount"), "currency": CURRENCY},
            "userInfo": self.checked("userInfo"),
        }
        if self.enable_payment_mode:
            body["enablePaymentMode"] = self.enable_payment_mode
        if self.disable_payment_mode:
            body["disablePaymentMode"] = self.disable_payment_mode
        if self.extend_info:
            if not self.extend_info.keys() <= _EXTENDED:
                raise self.unsendable("body.extendInfo", f"may hold only {', '.join(sorted(_EXTENDED))}")
            body["extendInfo"] = self.extend_info
        return body

    def parse_reply(self, response: Response, key: MerchantKey) -> InitiateReply:
        """Read the answer to this order; raises as `InitiateReply.parse`."""
        return InitiateReply.parse(response, key, paytm_id=self.order_id)

    @classmethod
    def from_nested(cls, opened: Opened) -> dict[str, Any]:
        """Read the objects and lists of the body."""
        body = opened.body
        if field(body, "requestType") != "Payment":
            raise cls.unreadable(body, "body.requestType", "must be Payment")
        if field(section(body, "txnAmount"), "currency") != CURRENCY:
            raise cls.unreadable(body, "body.txnAmount.currency", "must be INR")
        values: dict[str, Any] = {}
        for name, wire in (
            ("enable_payment_mode", "enablePaymentMode"),
            ("disable_payment_mode", "disablePaymentMode"),
        ):
            if body.get(wire) is not None:
                try:
                    values[name] = msgspec.convert(body[wire], tuple[PaymentMode, ...])
                except msgspec.ValidationError:
                    raise cls.unreadable(body, f"body.{wire}", _CHANNELS) from None
        extended = section(body, "extendInfo")
        if extended:
            values["extend_info"] = {name: text for name in extended if (text := field(extended, name))}
        return values


class DeepLinkInfo(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Where a UPI app is to be sent. `deep_link` is passed on byte for byte."""

    deep_link: str
    order_id: str | None = None
    cashier_request_id: str | None = None
    trans_id: str | None = None


class BankForm(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Paytm's page that polls while the customer approves; its fields hold the token, so they do not show."""

    action_url: str
    method: str = "POST"
    content: dict[str, str] = msgspec.field(default_factory=dict)

    def __repr__(self) -> str:
        """Show where it leads, without the query and the fields."""
        return f"BankForm(action_url={urlsplit(self.action_url).path!r}, content={sorted(self.content)})"


class ProcessReply(Reply, frozen=True, kw_only=True):
    """Answer to a payment: begun, with a link for a UPI app or Paytm's polling page. Never a proof of payment."""

    deep_link_info: DeepLinkInfo | None = None
    bank_form: BankForm | None = None

    operation: ClassVar[str] = "process"

    @classmethod
    def tidied(cls, values: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
        """Read the link and the page."""
        return {"deep_link_info": _deep_link(body), "bank_form": _bank_form(body)}

    def encode_body(self) -> dict[str, object]:
        """Return the body, the page in the nest that Paytm builds around it."""
        body: dict[str, object] = {"resultInfo": self.result}
        if self.deep_link_info is not None:
            body["deepLinkInfo"] = self.deep_link_info
        if self.bank_form is not None:
            form = {
                **msgspec.to_builtins(self.bank_form),
                "type": "redirect",
                "headers": {"Content-Type": "application/x-www-form-urlencoded"},
            }
            body["bankForm"] = {"pageType": "redirect", "isForceResendOtp": False, "redirectForm": form}
        return body


class ProcessRequest(TokenCall, frozen=True, kw_only=True):
    """Begin to pay an order: `POST /theia/api/v1/processTransaction`.

    `payment_mode` is `UPI_INTENT` for a link, or `UPI` to collect from `payer_account`, which must then be there.
    """

    order_id: str
    payment_mode: str
    payer_account: str | None = None
    payment_flow: str | None = None
    txn_note: str | None = None

    operation: ClassVar[str] = "process"
    path: ClassVar[str] = PROCESS_PATH
    has_query: ClassVar[bool] = True

    def body(self) -> dict[str, object]:
        """Return the body, checked, with Paytm's names; what is left out is absent.

        Raises:
            LocalProtocolError: a field cannot be sent; `.path` names it.
        """
        if says := _payer_fault(self.payment_mode, self.payer_account):
            raise self.unsendable("body.payerAccount", says)
        return {**self.checked("body"), "requestType": "NATIVE"}

    def parse_reply(self, response: Response, key: MerchantKey) -> ProcessReply:
        """Read the answer to this payment; raises as `ProcessReply.parse`."""
        return ProcessReply.parse(response, key, paytm_id=self.order_id)

    @classmethod
    def from_nested(cls, opened: Opened) -> dict[str, Any]:
        """Read the token, and check what belongs together."""
        body = opened.body
        if field(body, "requestType") != "NATIVE":
            raise cls.unreadable(body, "body.requestType", "must be NATIVE")
        if says := _payer_fault(field(body, "paymentMode"), field(body, "payerAccount")):
            raise cls.unreadable(body, "body.payerAccount", says)
        return super().from_nested(opened)


class OptionsReply(Reply, frozen=True, kw_only=True):
    """The ways an order may be paid, as Paytm names them: `UPI`, `CREDIT_CARD`, …; disabled ones left out."""

    payment_modes: tuple[str, ...] = ()

    operation: ClassVar[str] = "options"

    @classmethod
    def tidied(cls, values: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
        """Pick the names of the ways that are open."""
        listed = section(body, "merchantPayOption").get("paymentModes")
        modes = [mode for mode in listed if isinstance(mode, dict)] if isinstance(listed, list) else []
        names = [
            field(mode, "paymentMode")
            for mode in modes
            if field(mode.get("isDisabled"), "status") not in ("true", "TRUE", "True")
        ]
        return {"payment_modes": tuple(name for name in names if name is not None)}

    def encode_body(self) -> dict[str, object]:
        """Return the body as Paytm nests it."""
        modes = [
            {"paymentMode": name, "displayName": name, "isDisabled": {"status": "false", "msg": ""}}
            for name in self.payment_modes
        ]
        return {
            "resultInfo": self.result,
            "merchantPayOption": {"paymentModes": modes, "savedInstruments": []},
        }


class OptionsRequest(TokenCall, frozen=True, kw_only=True):
    """Ask how an order may be paid: `POST /theia/api/v1/fetchPaymentOptions`."""

    order_id: str

    operation: ClassVar[str] = "options"
    path: ClassVar[str] = OPTIONS_PATH
    has_query: ClassVar[bool] = True

    def parse_reply(self, response: Response, key: MerchantKey) -> OptionsReply:
        """Read the answer to this question; raises as `OptionsReply.parse`."""
        return OptionsReply.parse(response, key, paytm_id=self.order_id)


def _payer_fault(mode: str | None, payer: str | None) -> str | None:
    """What is wrong with who is to pay, if anything."""
    if mode == "UPI" and not payer:
        return "is missing: to collect, Paytm must know the payer's UPI id"
    if mode == "UPI_INTENT" and payer:
        return "belongs to collect: a link is for whoever opens it"
    return None


def _deep_link(body: dict[str, Any]) -> DeepLinkInfo | None:
    info = section(body, "deepLinkInfo")
    link = field(info, "deepLink")
    if link is None:
        return None
    return DeepLinkInfo(
        deep_link=link,
        order_id=field(info, "orderId"),
        cashier_request_id=field(info, "cashierRequestId"),
        trans_id=field(info, "transId"),
    )


def _bank_form(body: dict[str, Any]) -> BankForm | None:
    form = section(section(body, "bankForm"), "redirectForm")
    url = field(form, "actionUrl")
    if url is None:
        return None
    content = section(form, "content")
    return BankForm(
        action_url=url,
        method=(field(form, "method") or "POST").upper(),
        content={name: text for name in content if (text := field(content, name)) is not None},
    )
