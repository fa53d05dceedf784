"""Dynamic QR codes, both directions: one order, one amount, one code.

`POST /paymentservices/qr/create`. It needs no token; what became of the order is for `order.py` to say.
"""

from __future__ import annotations

from typing import Any, ClassVar

from galla.protocol.codes import Kind
from galla.protocol.message import MerchantKey, Response
from galla.protocol.pg import Reply, SignedCall
from galla.protocol.pg_envelope import Opened

QR_PATH = "/paymentservices/qr/create"
UPI_QR = "UPI_QR_CODE"


class QrReply(Reply, frozen=True, kw_only=True):
    """A QR: `qr_data` is the text to show as a code, byte for byte; `image` is base64 PNG when asked for."""

    qr_code_id: str | None = None
    qr_data: str | None = None
    image: str | None = None

    operation: ClassVar[str] = "qr"
    signed_on: ClassVar[frozenset[Kind]] = frozenset({Kind.ACCEPTED})


class QrRequest(SignedCall, frozen=True, kw_only=True):
    """Make a QR for one order: `POST /paymentservices/qr/create`.

    `client_id` (of the merchant key) and `pos_id` (of the counter) must be there. `amount` is rupees with two
    decimals, `expiry_date` India time. An identical repeat returns the same QR; a changed one is refused.
    """

    order_id: str
    amount: str
    business_type: str = UPI_QR
    pos_id: str
    display_name: str | None = None
    expiry_date: str | None = None
    order_details: str | None = None
    image_required: bool | None = None

    operation: ClassVar[str] = "qr"
    path: ClassVar[str] = QR_PATH

    def body(self) -> dict[str, object]:
        """Return the body, checked, with Paytm's names; what is left out is absent.

        Raises:
            LocalProtocolError: a field cannot be sent; `.path` names it.
        """
        if not self.client_id:
            raise self.unsendable(
                "head.clientId", "is missing: a QR needs the client id that came with the key"
            )
        body = super().body()
        if self.image_required is not None:
            body["imageRequired"] = self.image_required
        return body

    def parse_reply(self, response: Response, key: MerchantKey) -> QrReply:
        """Read the answer to this request; raises as `QrReply.parse`."""
        return QrReply.parse(response, key, paytm_id=self.order_id)

    @classmethod
    def from_nested(cls, opened: Opened) -> dict[str, Any]:
        """Read what is not text, and check that the client is named."""
        if not opened.head.get("clientId"):
            raise cls.unreadable(opened.body, "head.clientId", "is missing")
        if opened.body.get("businessType") is None:
            raise cls.unreadable(opened.body, "body.businessType", "is missing")
        wanted = opened.body.get("imageRequired")
        if wanted is None:
            return {}
        if wanted in (True, "true", "false", False):
            return {"image_required": wanted in (True, "true")}
        raise cls.unreadable(opened.body, "body.imageRequired", "must be true or false")
