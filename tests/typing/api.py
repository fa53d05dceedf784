"""The public types as a caller meets them: checked by `mypy --strict`, never run."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import assert_type

from galla import (
    AsyncPaytmEDC,
    AsyncTransport,
    Kind,
    MerchantKey,
    NoReply,
    PaytmEDC,
    Refused,
    Request,
    Response,
    ResultInfo,
    SaleReply,
    StatusReply,
    SyncTransport,
    VoidReply,
    addresses,
    is_final,
    parse_rupees,
    paytm_id,
)


class InProcess:
    """Somebody's own transport."""

    def send(self, request: Request, timeout_s: float | None = None) -> Response:
        """Answer at once."""
        return Response(status=200, body=b"{}")


class AsyncInProcess:
    """The same, awaited."""

    async def send(self, request: Request, timeout_s: float | None = None) -> Response:
        """Answer at once."""
        return Response(status=200, body=b"{}")


def counter(key: MerchantKey, handle: Callable[[Request], Response]) -> None:
    """Use the blocking client in each way it is made to be used."""
    with PaytmEDC(mid="M", key=key, environment="staging", timeout_s=15) as edc:
        sale = edc.sale(tid="12345678", amount_paise=parse_rupees("2500"), accept="card", display={"a": "b"})
        assert_type(sale, SaleReply)
        assert_type(sale.merchant_transaction_id, str | None)
        assert_type(edc.status(paytm_id("staging"), tid="12345678", event="VOID"), StatusReply)
        assert_type(edc.void("CLINIC000001", tid="12345678"), VoidReply)
        reply = edc.wait("CLINIC000001", tid="12345678", timeout_s=60)
        assert_type(reply, StatusReply)
        assert_type(reply.kind, Kind | None)
        assert_type(reply.result, ResultInfo)
        assert_type(is_final(reply), bool)

    PaytmEDC(mid="M", key="unit_test_key_16", transport=InProcess())
    PaytmEDC(mid="M", key="unit_test_key_16", transport=SyncTransport(addresses("production")))
    PaytmEDC(mid="M", key="unit_test_key_16", transport=handle)

    edc.sale(tid="12345678", amount_paise=2500.0)  # type: ignore[arg-type]
    edc.sale(tid="12345678", amount_paise=2500, accept="cash")  # type: ignore[arg-type]
    edc.status("CLINIC000001", tid="12345678", event="SALE")  # type: ignore[arg-type]
    edc.sale("12345678", 2500)  # type: ignore[call-arg]
    PaytmEDC(mid="M", key="unit_test_key_16", transport=AsyncInProcess())  # type: ignore[arg-type]


async def acounter(handle: Callable[[Request], Awaitable[Response]]) -> None:
    """Use the async client likewise."""
    async with AsyncPaytmEDC(mid="M", key="unit_test_key_16") as edc:
        assert_type(await edc.sale(tid="12345678", amount_paise=250000), SaleReply)
        assert_type(await edc.status("CLINIC000001", tid="12345678"), StatusReply)
        assert_type(await edc.void("CLINIC000001", tid="12345678"), VoidReply)
        assert_type(await edc.wait("CLINIC000001", tid="12345678", timeout_s=60), StatusReply)

    AsyncPaytmEDC(mid="M", key="unit_test_key_16", transport=AsyncInProcess())
    AsyncPaytmEDC(mid="M", key="unit_test_key_16", transport=AsyncTransport(addresses("staging")))
    AsyncPaytmEDC(mid="M", key="unit_test_key_16", transport=handle)


def told(refused: Refused, lost: NoReply) -> None:
    """Read what the errors carry."""
    assert_type(refused.code, str)
    assert_type(refused.hint, str)
    assert_type(refused.is_retryable, bool)
    assert_type(lost.paytm_id, str | None)
