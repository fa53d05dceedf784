"""PaisaPay on the wire: two JSON calls, each signed in a header with HMAC-SHA256 over the exact body.

`POST /v1/order` makes an order and returns a link; `POST /v1/order/state` says what became of it. What that means
for a payment is not decided here.
"""

from __future__ import annotations

import hashlib
import hmac

import msgspec

from galla.errors import ChecksumMismatch, RemoteProtocolError
from galla.protocol.message import MerchantKey, Request, Response

HEADER = "x-paisapay-signature"


class Secret:
    """The shop's secret at PaisaPay. It never shows itself."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def sign(self, body: bytes) -> str:
        """Return the signature of a body."""
        return hmac.new(self._text.encode(), body, hashlib.sha256).hexdigest()

    def __repr__(self) -> str:
        return "Secret('****')"


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What PaisaPay says of an order. `amount` is paise as text; `state` is open, paid, failed or unknown."""

    shop: str
    order: str
    state: str
    amount: str = ""
    link: str | None = None
    utr: str | None = None
    why: str | None = None


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One signed call and its signed answer, in the form that `exchange` takes."""

    url: str
    secret: Secret
    path: str
    operation: str
    shop: str
    order: str
    amount: str | None = None

    def encode(self, key: MerchantKey) -> Request:
        """Write the request. The key is Paytm's, so it is not used here."""
        fields = {"shop": self.shop, "order": self.order, "amount": self.amount}
        body = msgspec.json.encode({name: text for name, text in fields.items() if text is not None})
        return Request(
            host=self.url,
            path=self.path,
            body=body,
            operation=self.operation,
            paytm_id=self.order,
            headers=(("Content-Type", "application/json"), (HEADER, self.secret.sign(body))),
        )

    def parse_reply(self, response: Response, key: MerchantKey) -> Order:
        """Read the answer: the text that was verified is the text that is read.

        Raises:
            ChecksumMismatch: the signature is missing or does not fit.
            RemoteProtocolError: it is not an answer of PaisaPay's; the outcome is unknown.
        """
        signature = response.headers.get(HEADER, "")
        if not hmac.compare_digest(signature.encode(), self.secret.sign(response.body).encode()):
            raise ChecksumMismatch("The signature is not PaisaPay's.", operation=self.operation, paytm_id=self.order)
        try:
            return msgspec.json.decode(response.body, type=Order)
        except msgspec.DecodeError:
            raise RemoteProtocolError(
                "PaisaPay's answer cannot be read.", operation=self.operation, paytm_id=self.order
            ) from None
