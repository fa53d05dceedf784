"""UPI over the API: links, QRs, requests to a UPI id, pay links, and money given back."""

import io
import struct
import zlib
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import segno

from galla.sandbox.faults import Fault, Kind
from galla.sandbox.phone import Tap
from galla.sandbox.sandbox import DEMO_VPA
from tests.web.shop import FIRST, Shop, eventually
from tests.web.test_web_openapi import check_shape
from tests.web.test_web_problems import check_problem
from tests.web.upi_shop import QR, open_upi_shop, pay_in_app

INTENT: dict[str, Any] = {**QR, "method": "upi_intent"}
COLLECT: dict[str, Any] = {**QR, "method": "upi_collect", "vpa": DEMO_VPA, "platform": "ios"}


async def until(client: Any, path: str, status: str) -> dict[str, Any]:
    """Wait until an object of the API has a status, and return it."""
    seen: dict[str, Any] = {}

    async def has_come() -> bool:
        seen.update((await client.get(path)).json())
        return bool(seen["status"] == status)

    await eventually(has_come)
    return seen


async def paid(shop: Shop, client: Any, body: dict[str, Any] = QR) -> dict[str, Any]:
    """Start a payment, approve it on the phone, and return it once it is paid."""
    started = (await client.post("/v1/payments", json=body)).json()
    pay_in_app(shop, started["next_action"]["upi_link"])
    return await until(client, f"/v1/payments/{started['id']}", "paid")


@pytest.mark.parametrize(("method", "kind"), [("upi_qr", "scan_qr"), ("upi_intent", "open_upi_app")])
async def test_a_link_is_answered_and_paid(upi_shops: Shop, method: str, kind: str) -> None:
    """The first answer carries the link and where its picture is; the phone approves; the API proves it paid."""
    async with upi_shops.client() as client:
        answer = await client.post("/v1/payments", json={**QR, "method": method, "terminal": FIRST})
        payment = answer.json()
        action = payment["next_action"]
        assert (201, kind, "pending") == (answer.status_code, action["type"], payment["status"])
        assert action["qr_url"] == f"/v1/payments/{payment['id']}/qr.svg"
        assert action["upi_link"].startswith("upi://pay?")
        assert "am=2500.00" in action["upi_link"]
        assert action["expires_at"] > payment["created_at"]
        pay_in_app(upi_shops, action["upi_link"])
        done = await until(client, f"/v1/payments/{payment['id']}", "paid")
        assert (done["proof"]["mode"], done["payment_detail"]["upi_amount"]) == ("UPI", 250000)
        assert (await client.get(action["qr_url"])).status_code == 404


async def test_the_picture_holds_the_link_byte_for_byte(upi_shop: Shop) -> None:
    """SVG and PNG are the link's QR and nothing else; a payment without a link has none, nor has a stranger's."""
    async with upi_shop.client() as client, upi_shop.client(await upi_shop.key("read")) as reader:
        payment = (await client.post("/v1/payments", json=INTENT)).json()
        link, path = payment["next_action"]["upi_link"], f"/v1/payments/{payment['id']}/qr"
        svg, png = await reader.get(f"{path}.svg"), await reader.get(f"{path}.png")
        assert (svg.headers["content-type"], png.headers["content-type"]) == ("image/svg+xml", "image/png")
        assert svg.headers["cache-control"] == "no-store"
        drawn = io.BytesIO()
        symbol = segno.make_qr(link, error="m")
        symbol.save(drawn, kind="svg", border=4, light="white", xmldecl=False, omitsize=True, svgclass=None)
        assert svg.content == drawn.getvalue()
        assert modules(png.content, 8, 4) == [[bool(cell) for cell in row] for row in symbol.matrix]
        sale = (await client.post("/v1/payments", json={"amount": 100, "method": "edc", "terminal": FIRST})).json()
        check_problem(await client.get(f"/v1/payments/{sale['id']}/qr.svg"), 404, "not_found")
        check_problem(await client.get("/v1/payments/pay_none/qr.png"), 404, "not_found")
    async with upi_shop.client(None) as nobody:
        check_problem(await nobody.get(f"{path}.svg"), 401, "unauthenticated")


def modules(png: bytes, scale: int, border: int) -> list[list[bool]]:
    """Read the dark cells out of a QR's PNG of one bit a pixel."""
    width, height = struct.unpack(">II", png[16:24])
    raw, place = b"", 8
    while place < len(png):
        size, kind = struct.unpack(">I4s", png[place : place + 8])
        raw += png[place + 8 : place + 8 + size] if kind == b"IDAT" else b""
        place += size + 12
    rows, stride = zlib.decompress(raw), (width + 7) // 8 + 1
    cells = range(border, width // scale - border)

    def is_dark(x: int, y: int) -> bool:
        byte = rows[(y * scale) * stride + 1 + (x * scale) // 8]
        return not byte >> (7 - (x * scale) % 8) & 1

    assert {rows[line * stride] for line in range(0, height, scale)} == {0}  # a line of its own, not a difference
    return [[is_dark(x, y) for x in cells] for y in cells]


async def test_collect_keeps_to_the_rules(tmp_path: Path) -> None:
    """Off unless the merchant has it, barred by the rule book, and a UPI id is checked before anything is sent."""
    url = f"sqlite:///{tmp_path / 'galla.db'}"
    async with open_upi_shop(url) as shop, shop.client() as client:
        check_problem(await client.post("/v1/payments", json=COLLECT), 422, "collect_not_permitted", "method")
    async with open_upi_shop(f"{url}2", collect_allowed=True) as shop, shop.client() as client:
        for vpa in ("a@b@c", "someone", "a b@ybl", "@ybl", "9" * 300 + "@ybl", None):
            answer = await client.post("/v1/payments", json={**COLLECT, "vpa": vpa, "platform": "ios"})
            assert (answer.status_code, answer.json()["param"]) == (422, "vpa"), vpa
        assert (await client.post("/v1/payments", json={**COLLECT, "vpa": "x@y.in"})).json()["code"] == "invalid_vpa"
        assert shop.sandbox.wire.calls() == ()


async def test_limits_and_ways_to_pay_are_named(tmp_path: Path) -> None:
    """Above the limit, without a client id, out of its life span, unknown platform: 422 with code and field."""
    async with open_upi_shop(f"sqlite:///{tmp_path / 'galla.db'}", client_id="") as shop, shop.client() as client:
        for body, code, param in (
            ({**INTENT, "amount": 1_00_000_01}, "amount_above_limit", "amount"),
            (QR, "method_not_offered", "method"),
            ({**INTENT, "expires_in": 60}, "invalid_field", "expires_in"),
            ({**INTENT, "platform": "fridge"}, "invalid_field", "platform"),
            ({**INTENT, "method": "cheque"}, "method_not_offered", "method"),
            ({**INTENT, "tendered": 1_00_000_00}, "invalid_field", "tendered"),
        ):
            check_problem(await client.post("/v1/payments", json=body), 422, code, param)
        assert shop.sandbox.wire.calls() == ()
        assert (await client.post("/v1/payments", json={**INTENT, "return_url": "/thanks"})).status_code == 201


async def test_a_qr_can_be_made_to_end_sooner(upi_shop: Shop) -> None:
    """One to fifteen minutes, in whole seconds; anything else is 422 and nothing is sent."""
    async with upi_shop.client() as client:
        for life in (59, 901, 0, -60, True, "60", 60.0):
            check_problem(
                await client.post("/v1/payments", json={**QR, "expires_in": life}), 422, "invalid_field", "expires_in"
            )
        assert upi_shop.sandbox.wire.calls() == ()
        given = (await client.post("/v1/payments", json={**QR, "expires_in": 60})).json()
        made, ends = given["created_at"], given["next_action"]["expires_at"]
        assert 59 <= (datetime.fromisoformat(ends) - datetime.fromisoformat(made)).total_seconds() <= 61


async def test_a_refund_is_followed_to_its_end(upi_shops: Shop) -> None:
    """201 with what is on its way, later done; totals, list and shapes agree; the key answers the same again."""
    async with upi_shops.client() as client:
        document = (await client.get("/openapi.json")).json()
        payment = await paid(upi_shops, client)
        path = f"/v1/payments/{payment['id']}/refunds"
        body = {"amount": 50000, "reason": "Cream returned"}
        first = await client.post(path, json=body, headers={"Idempotency-Key": "back-1"})
        check_shape(document, "/v1/payments/{payment_id}/refunds", "post", first)
        again = await client.post(path, json=body, headers={"Idempotency-Key": "back-1"})
        assert (first.status_code, again.status_code) == (201, 201)
        assert again.json() == first.json()
        assert again.headers["idempotent-replayed"] == "true"
        other = await client.post(path, json={**body, "amount": 1}, headers={"Idempotency-Key": "back-1"})
        check_problem(other, 422, "idempotency_mismatch", "Idempotency-Key")
        refund = await until(client, first.headers["location"], "done")
        assert (refund["amount"], refund["payment"]) == (50000, payment["id"])
        seen = (await client.get(f"/v1/payments/{payment['id']}")).json()
        assert (seen["amount_refunded"], seen["amount_refundable"]) == (50000, 200000)
        listed = await client.get(f"/v1/refunds?payment={payment['id']}&status=done")
        check_shape(document, "/v1/refunds", "get", listed)
        assert [each["id"] for each in listed.json()["data"]] == [refund["id"]]
        rest = await client.post(path, json={"reason": "All of it"})
        assert rest.json()["amount"] == 200000
        assert len(upi_shops.sandbox.wire.calls(operation="refund")) == 2


async def test_what_cannot_be_given_back_is_refused(upi_shop: Shop) -> None:
    """Too much, too little, a void, an unpaid payment, no reason, an unknown field: each with status and code."""
    async with upi_shop.client() as client, upi_shop.client(await upi_shop.key("collect")) as clerk:
        open_one = (await client.post("/v1/payments", json={**QR, "reference": "INV-2"})).json()
        payment = await paid(upi_shop, client)
        path = f"/v1/payments/{payment['id']}/refunds"
        for body, status, code, param in (
            ({"amount": 250001, "reason": "x"}, 409, "over_refund", "amount"),
            ({"amount": 99, "reason": "x"}, 422, "amount_below_minimum", "amount"),
            ({"amount": 0, "reason": "x"}, 422, "invalid_field", "amount"),
            ({"amount": "100", "reason": "x"}, 422, "invalid_field", "amount"),
            ({"amount": 100}, 422, "missing_field", "reason"),
            ({"reason": ""}, 422, "invalid_field", "reason"),
            ({"reason": "4111 1111 1111 1111"}, 422, "invalid_field", "reason"),
            ({"reason": "x", "kind": "void"}, 409, "void_not_possible", "kind"),
            ({"reason": "x", "kind": "gift"}, 422, "invalid_field", "kind"),
            ({"reason": "x", "currency": "INR"}, 422, "unknown_field", "currency"),
        ):
            check_problem(await client.post(path, json=body), status, code, param)
        unpaid = await client.post(f"/v1/payments/{open_one['id']}/refunds", json={"reason": "x"})
        check_problem(unpaid, 409, "payment_not_paid")
        check_problem(await client.post("/v1/payments/pay_none/refunds", json={"reason": "x"}), 404, "not_found")
        check_problem(await clerk.post(path, json={"reason": "x"}), 403, "forbidden")
        check_problem(await client.get("/v1/refunds/rfd_none"), 404, "not_found")
        check_problem(await client.get("/v1/refunds?status=gone"), 422, "invalid_field", "status")
        assert (await client.get("/v1/refunds")).json()["data"] == []
        assert upi_shop.sandbox.wire.calls(operation="refund") == ()


async def test_a_refund_whose_reply_is_lost_is_asked_about(upi_shops: Shop) -> None:
    """The reply is lost: 201 with a refund that is being checked, and one refund only at Paytm in the end."""
    async with upi_shops.client() as client:
        payment = await paid(upi_shops, client)
        upi_shops.sandbox.add_fault(Fault(kind=Kind.DROP_AFTER, operation="refund"))
        answer = await client.post(f"/v1/payments/{payment['id']}/refunds", json={"reason": "x"})
        assert (answer.status_code, answer.json()["status"]) == (201, "in_doubt")
        await until(client, answer.headers["location"], "done")
        assert len(upi_shops.sandbox.refunds) == 1


async def test_a_pay_link_is_one_per_bill(upi_shop: Shop) -> None:
    """The address names the public host and an unguessable token, the same while it is in force; strangers get 404."""
    line = {"description": "Cream", "unit_amount": 5000}
    async with upi_shop.client() as client, upi_shop.client(await upi_shop.key("read")) as reader:
        document = (await client.get("/openapi.json")).json()
        bill = (await client.post("/v1/bills", json={"lines": [line]})).json()
        path = f"/v1/bills/{bill['id']}/pay_link"
        first, again = await client.post(path), await client.post(path)
        check_shape(document, "/v1/bills/{bill_id}/pay_link", "post", first)
        made = first.json()
        assert made == again.json()
        assert made["url"] == f"{upi_shop.url}/pay/{made['token']}"
        assert len(made["token"]) >= 40
        assert bill["id"] not in made["url"]
        check_problem(await client.post("/v1/bills/bill_none/pay_link"), 404, "not_found")
        check_problem(await reader.post(path), 403, "forbidden")


async def test_a_declined_payment_says_so(upi_shops: Shop) -> None:
    """The customer declines in the app: not paid, with a reason, and the bill's money is free again."""
    async with upi_shops.client() as client:
        started = (await client.post("/v1/payments", json=INTENT)).json()
        pay_in_app(upi_shops, started["next_action"]["upi_link"], Tap.DECLINE)
        ended = await until(client, f"/v1/payments/{started['id']}", "not_paid")
        assert ended["reason"]["message"].endswith(".")
        assert ended["next_action"]["type"] == "none"
        assert (await client.post("/v1/payments", json=INTENT)).status_code == 201

