"""What a merchant can ask Paytm for online, each verb once, as a flow in the merchant's name.

The two clients in `upi.py` run these, blocking or async. Nothing is sent here, and what an answer is compared
with is in `online.py`.
"""

# ruff: noqa: A002 - `id` is the word callers know

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from galla import ids
from galla.client.flows import Flow
from galla.client.merchant import Merchant
from galla.client.online import (
    Collect,
    Intent,
    collect_flow,
    initiate_flow,
    intent_flow,
    options_flow,
    order_list_flow,
    qr_flow,
    refund_flow,
    refund_status_flow,
    status_flow,
    vpa_flow,
    wait_flow,
)
from galla.clock import IST, Clock, ist_text, to_millis
from galla.errors import InvalidField, PaymentError
from galla.money import check_amount, rupees
from galla.protocol.message import MerchantKey
from galla.protocol.order import OrderListReply, OrderListRequest, OrderStatusReply, OrderStatusRequest
from galla.protocol.pg_envelope import TxnToken
from galla.protocol.qr import QrReply, QrRequest
from galla.protocol.refund import RefundReply, RefundRequest, RefundStatusReply, RefundStatusRequest
from galla.protocol.theia import (
    UPI_ANY,
    UPI_PUSH,
    InitiateReply,
    InitiateRequest,
    OptionsReply,
    OptionsRequest,
    PaymentMode,
)
from galla.protocol.vpa import VpaReply, VpaRequest, check_vpa

WEBSITES: Final = {"sandbox": "WEBSTAGING", "staging": "WEBSTAGING", "production": "DEFAULT"}


class Desk(Merchant):
    """The verbs of both clients, as flows in the merchant's name."""

    def __init__(
        self,
        *,
        mid: str,
        key: str | MerchantKey,
        website: str | None,
        client_id: str | None,
        channel_id: str,
        collect_allowed: bool,
        environment: str,
        clock: Clock,
    ) -> None:
        super().__init__(mid=mid, key=key, channel_id=channel_id, environment=environment, clock=clock)
        self.website: Final = website or WEBSITES.get(environment, "DEFAULT")
        self.client_id: Final = client_id
        self.collect_allowed: Final = collect_allowed

    def initiate(
        self,
        *,
        amount_paise: int,
        customer_id: str,
        id: str | None = None,
        modes: tuple[PaymentMode, ...] = (),
        mobile: str | None = None,
        email: str | None = None,
        callback_url: str | None = None,
        reference: str | None = None,
    ) -> Flow[InitiateReply]:
        """Make an order and get its token, for a checkout of your own.

        `id` is 1 to 50 letters, digits or @ - _ . and never used before; `customer_id` up to 64 letters and
        digits; `modes` limits the ways to pay; `reference` comes back as MERC_UNQ_REF. The same order sent
        again, unchanged, gets its token again.

        Raises:
            AmountNotAllowed, LocalProtocolError: it cannot be sent; nothing was.
            Refused: Paytm said no; `.hint` says what to do.
            NotSent, NoReply, RemoteProtocolError: no money has moved; send the same order again.
        """
        order = self._order(amount_paise, customer_id, id, modes, mobile, email, callback_url, reference)
        return initiate_flow(order, self._key)

    def intent(
        self,
        *,
        amount_paise: int,
        customer_id: str,
        id: str | None = None,
        note: str | None = None,
        mobile: str | None = None,
        email: str | None = None,
        callback_url: str | None = None,
        reference: str | None = None,
    ) -> Flow[Intent]:
        """Get a link that opens a UPI app for this amount. The customer may pay for 15 minutes: `wait`.

        Pass `.link` on byte for byte. Arguments as for `initiate`; `note` is shown to the payer.

        Raises:
            AmountNotAllowed, LocalProtocolError: it cannot be sent; nothing was.
            Refused: Paytm said no; `.hint` says what to do.
            NotSent, NoReply, RemoteProtocolError: ask the status of `.paytm_id` before you begin another.
        """
        order = self._order(
            amount_paise, customer_id, id, (UPI_PUSH,), mobile, email, callback_url, reference
        )
        return intent_flow(order, self._key, clock=self._clock, note=note)

    def collect(
        self,
        *,
        vpa: str,
        amount_paise: int,
        customer_id: str,
        id: str | None = None,
        mobile: str | None = None,
        email: str | None = None,
        callback_url: str | None = None,
        reference: str | None = None,
    ) -> Flow[Collect]:
        """Ask the holder of a UPI id to pay; then `wait`. Only for merchants whom NPCI still lets collect.

        Raises:
            PaymentError: `collect_allowed` was not set (`.code` is `collect_not_permitted`).
            InvalidField: the UPI id does not have the form of one.
            AmountNotAllowed, LocalProtocolError, Refused, NotSent, NoReply, RemoteProtocolError: as `intent`.
        """
        if not self.collect_allowed:
            raise PaymentError(
                "Collecting from a UPI id is not permitted: NPCI ended it on 28 February 2026 for most merchants."
                " Use a link or a QR, or set `collect_allowed` if this merchant is exempt.",
                code="collect_not_permitted",
                param="vpa",
            )
        check_vpa(vpa)
        order = self._order(amount_paise, customer_id, id, (UPI_ANY,), mobile, email, callback_url, reference)
        return collect_flow(order, self._key, vpa=vpa, clock=self._clock)

    def qr(
        self,
        *,
        amount_paise: int,
        pos_id: str,
        id: str | None = None,
        expires_at: datetime | None = None,
        display_name: str | None = None,
        image: bool = False,
    ) -> Flow[QrReply]:
        """Make a QR for one order: show `.qr_data` as a code, byte for byte, then `wait`.

        `pos_id` names the counter; `display_name` is at most 30 characters; `expires_at` is an aware instant.

        Raises:
            AmountNotAllowed, InvalidField, LocalProtocolError: it cannot be sent; nothing was.
            Refused: Paytm said no; `.hint` says what to do.
            NotSent, NoReply, RemoteProtocolError: send the same request again, or ask the status.
        """
        if expires_at is not None and (expires_at.tzinfo is None or expires_at <= self._clock.now()):
            raise InvalidField("`expires_at` must be an aware instant in the future.", param="expires_at")
        request = QrRequest(
            **self._who(id),
            amount=_rupees(amount_paise),
            pos_id=pos_id,
            display_name=display_name,
            expiry_date=ist_text(expires_at) if expires_at is not None else None,
            image_required=image or None,
        )
        return qr_flow(request, self._key)

    def status(self, id: str, *, amount_paise: int | None = None) -> Flow[OrderStatusReply]:
        """Ask what became of an order. Moves no money.

        A failed, pending or unknown payment is a value: look at `.kind`. Give `amount_paise`, and a success for
        another amount is an error instead of a surprise.

        Raises:
            Refused: Paytm would not answer, for instance because of a wrong key.
            NotSent, NoReply, RemoteProtocolError: no answer that can be used; the outcome is open, ask again.
        """
        return status_flow(self._ask(id), self._key, amount_paise=amount_paise)

    def refund(
        self, id: str, *, transaction_id: str, refund_id: str, amount_paise: int, comment: str | None = None
    ) -> Flow[RefundReply]:
        """Ask for money of a paid order to go back. Taken in is not refunded: ask `refund_status`.

        `transaction_id` is Paytm's, from the status. Choose `refund_id` and store it before you call.

        Raises:
            AmountNotAllowed, LocalProtocolError: it cannot be sent; nothing was.
            Refused: Paytm said no, or has this refund already.
            NotSent: it never left; it may be sent again.
            NoReply, RemoteProtocolError: it may have arrived: ask `refund_status` with the same `refund_id`.
        """
        request = RefundRequest(
            **self._who(id),
            txn_id=transaction_id,
            ref_id=refund_id,
            refund_amount=_rupees(amount_paise),
            comments=comment,
        )
        return refund_flow(request, self._key)

    def refund_status(
        self, id: str, *, refund_id: str, amount_paise: int | None = None
    ) -> Flow[RefundStatusReply]:
        """Ask what became of a refund. Moves no money; `amount_paise` as for `status`.

        Raises:
            Refused: Paytm would not answer.
            NotSent, NoReply, RemoteProtocolError: no answer that can be used: ask again.
        """
        request = RefundStatusRequest(**self._who(id), ref_id=refund_id)
        return refund_status_flow(request, self._key, amount_paise=amount_paise)

    def check_vpa(self, vpa: str, *, id: str, token: TxnToken) -> Flow[VpaReply]:
        """Ask whether a UPI id exists, within an order of yours. One that exists may still fail to pay.

        Raises:
            InvalidField: it does not have the form of a UPI id.
            Refused: Paytm would not answer.
            NotSent, NoReply, RemoteProtocolError: no answer that can be used: ask again.
        """
        return vpa_flow(VpaRequest(**self._held(id, token), vpa=check_vpa(vpa)), self._key)

    def options(self, id: str, *, token: TxnToken) -> Flow[OptionsReply]:
        """Ask how an order may be paid.

        Raises:
            Refused: Paytm would not answer.
            NotSent, NoReply, RemoteProtocolError: no answer that can be used: ask again.
        """
        return options_flow(OptionsRequest(**self._held(id, token)), self._key)

    def orders(
        self, *, since: datetime, until: datetime, page: int = 1, size: int = 20, refunds: bool = False
    ) -> Flow[OrderListReply]:
        """Ask for a page of the orders, or refunds, between two aware instants at most 30 days apart.

        Raises:
            InvalidField, LocalProtocolError: it cannot be asked.
            Refused: Paytm would not answer.
            NotSent, NoReply, RemoteProtocolError: no answer that can be used: ask again.
        """
        if (
            since.tzinfo is None
            or until.tzinfo is None
            or not 0 <= (until - since).total_seconds() <= 30 * 86_400
        ):
            raise InvalidField(
                "`since` and `until` must be aware instants, in order, at most 30 days apart.", param="since"
            )
        request = OrderListRequest(
            **{name: value for name, value in self._who("-").items() if name != "order_id"},
            from_date=_offset_text(since),
            to_date=_offset_text(until),
            order_search_type=("REFUND",) if refunds else ("TRANSACTION",),
            page_number=str(page),
            page_size=str(size),
        )
        return order_list_flow(request, self._key)

    def ends_s(self, timeout_s: float, every_s: float | None) -> float:
        """Return when a wait that begins now ends, on the clock's monotonic scale.

        Raises:
            InvalidField: one of the times is not above zero.
        """
        return self._ends_s(timeout_s, every_s if every_s is not None else timeout_s)

    def limit_s(self, ends_s: float, timeout_s: float) -> float:
        """Return how many seconds one request may take that must be over at `ends_s`."""
        return self._limit_s(ends_s, timeout_s)

    def waiting(
        self, id: str, amount_paise: int | None, ends_s: float, every_s: float | None
    ) -> Flow[OrderStatusReply]:
        """Ask until the answer is final or the time is up."""
        return wait_flow(
            lambda: self._ask(id),
            self._key,
            ends_s=ends_s,
            every_s=every_s,
            clock=self._clock,
            amount_paise=amount_paise,
        )

    def _who(self, id: str | None) -> dict[str, Any]:
        now = self._clock.now()
        return {
            "mid": self.mid,
            "order_id": id if id is not None else ids.paytm_id(self.environment, now),
            "client_id": self.client_id,
            "channel_id": self.channel_id,
            "request_timestamp": str(to_millis(now) // 1000),
        }

    def _held(self, id: str, token: TxnToken) -> dict[str, Any]:
        return {
            **{name: value for name, value in self._who(id).items() if name != "client_id"},
            "txn_token": token,
        }

    def _ask(self, id: str) -> OrderStatusRequest:
        return OrderStatusRequest(**self._who(id))

    def _order(
        self,
        amount_paise: int,
        customer_id: str,
        id: str | None,
        modes: tuple[PaymentMode, ...],
        mobile: str | None,
        email: str | None,
        callback_url: str | None,
        reference: str | None,
    ) -> InitiateRequest:
        return InitiateRequest(
            **self._who(id),
            website_name=self.website,
            txn_amount=_rupees(amount_paise),
            cust_id=customer_id,
            mobile=mobile,
            email=email,
            callback_url=callback_url,
            enable_payment_mode=modes,
            extend_info={"mercUnqRef": reference} if reference is not None else {},
        )


def _rupees(amount_paise: int) -> str:
    return rupees(check_amount(amount_paise, param="amount_paise"))


def _offset_text(instant: datetime) -> str:
    """Write an instant as India time with its offset: `2026-01-05T10:20:30+05:30`."""
    return instant.astimezone(IST).isoformat(timespec="seconds")
