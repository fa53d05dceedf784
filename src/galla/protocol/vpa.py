"""UPI ids (VPAs): the rule they follow, how they are shown, and Paytm's check, both directions.

A VPA that Paytm calls valid may still fail to pay. Whether collecting from one is allowed is not decided here.
"""

from __future__ import annotations

import re
from typing import Any, ClassVar

from galla.errors import InvalidField
from galla.protocol.message import MerchantKey, Response, scalar
from galla.protocol.pg import Reply, TokenCall
from galla.protocol.pg_envelope import Opened
from galla.protocol.pg_rules import VPA_SHAPE

VPA_PATH = "/theia/api/v1/vpa/validate"
_VPA = re.compile(VPA_SHAPE, re.ASCII)
_HANDLE = re.compile(r"[a-zA-Z][a-zA-Z0-9]{1,63}", re.ASCII)


def is_vpa(text: object) -> bool:
    """Return whether a text has the form of a UPI id: `name@handle`, and no e-mail address.

    Example:
        >>> is_vpa("neha.k@okbank"), is_vpa("neha@bank.com"), is_vpa("neha@")
        (True, False, False)
    """
    return isinstance(text, str) and _VPA.fullmatch(text) is not None


def check_vpa(text: object, *, param: str = "vpa") -> str:
    """Return a UPI id unchanged.

    Raises:
        InvalidField: it does not have the form of one; `.code` is `invalid_vpa`.
    """
    if isinstance(text, str) and is_vpa(text):
        return text
    raise InvalidField(
        "A UPI id is a name of 2 to 256 letters, digits, dots, - or _, then @, then the bank's handle without"
        " a dot, such as name@okbank. Ask the customer to read it from their app.",
        code="invalid_vpa",
        param=param,
    )


def masked_vpa(text: str) -> str:
    """Return a UPI id fit for a proof or a screen: two characters of the name, and the handle.

    Example:
        >>> masked_vpa("neha@okbank")
        'ne***@okbank'
    """
    name, _, handle = text.rpartition("@")
    if not name or _HANDLE.fullmatch(handle) is None:
        return "***"
    return f"{name[:2] if len(name) > 2 else name[:1]}***@{handle}"


class VpaReply(Reply, frozen=True, kw_only=True):
    """Whether a UPI id exists. `is_valid` is None when Paytm did not say."""

    vpa: str | None = None
    is_valid: bool | None = None

    operation: ClassVar[str] = "vpa"

    @classmethod
    def tidied(cls, values: dict[str, Any], body: dict[str, Any]) -> dict[str, Any]:
        """Read the verdict, which is a boolean, or the word."""
        said = (scalar(body.get("valid")) or "").strip().lower()
        values["is_valid"] = {"true": True, "false": False}.get(said)
        return values

    def encode_body(self) -> dict[str, object]:
        """Return the body with Paytm's names."""
        body: dict[str, object] = {"resultInfo": self.result}
        if self.vpa is not None:
            body["vpa"] = self.vpa
        if self.is_valid is not None:
            body["valid"] = self.is_valid
        return body


class VpaRequest(TokenCall, frozen=True, kw_only=True):
    """Ask whether a UPI id exists, within an order: `POST /theia/api/v1/vpa/validate`.

    Either `vpa`, or `numeric_id` of 8 to 11 digits. The order is named in the query only.
    """

    order_id: str
    vpa: str | None = None
    numeric_id: str | None = None

    operation: ClassVar[str] = "vpa"
    path: ClassVar[str] = VPA_PATH
    has_query: ClassVar[bool] = True
    query_only: ClassVar[frozenset[str]] = frozenset({"orderId"})
    token_type: ClassVar[str | None] = "TXN_TOKEN"  # noqa: S105 - a kind of token

    def body(self) -> dict[str, object]:
        """Return the body, checked, with Paytm's names.

        Raises:
            LocalProtocolError: a field cannot be sent; `.path` names it.
        """
        if (self.vpa is None) == (self.numeric_id is None):
            raise self.unsendable("body.vpa", "and `numericId` exclude each other: give one of the two")
        return super().body()

    def parse_reply(self, response: Response, key: MerchantKey) -> VpaReply:
        """Read the answer to this question; raises as `VpaReply.parse`."""
        return VpaReply.parse(response, key, paytm_id=self.order_id)

    @classmethod
    def from_nested(cls, opened: Opened) -> dict[str, Any]:
        """Read the token, and check that one of the two is asked about."""
        if (opened.body.get("vpa") is None) == (opened.body.get("numericId") is None):
            raise cls.unreadable(opened.body, "body.vpa", "is missing, or given beside `numericId`")
        return super().from_nested(opened)
