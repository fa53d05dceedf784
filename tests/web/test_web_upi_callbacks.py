"""What Paytm posts to us: only its own word is kept, kept once, and it never does more than make galla ask."""

import asyncio
import base64
import json
from contextlib import suppress
from typing import Any

import httpx2
import pytest

from galla.protocol.checksum import sign
from galla.protocol.message import MerchantKey
from galla.service import ledgers
from galla.service.till import Principal
from galla.store import callbacks
from tests.web.shop import Shop, eventually
from tests.web.test_web_problems import check_problem
from tests.web.upi_shop import KEY, QR, callback_path, notice, pay_in_app, posted

STRANGER = MerchantKey("somebody_elses_1")
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
BROWSER = {**FORM, "Accept": "text/html,application/xhtml+xml", "Sec-Fetch-Site": "cross-site"}


async def open_payment(shop: Shop, **more: Any) -> dict[str, Any]:
    """Start a QR payment of ₹2,500 and let galla's first own question pass: the next one would come in a minute."""
    async with shop.client() as client:
        made: dict[str, Any] = (await client.post("/v1/payments", json={**QR, **more})).json()

    async def is_asked() -> bool:
        return bool((await now(shop, made))["checks"] == 1)

    await eventually(is_asked)
    return await now(shop, made)


async def now(shop: Shop, payment: dict[str, Any]) -> dict[str, Any]:
    """Return a payment as it is now."""
    async with shop.client() as client:
        found: dict[str, Any] = (await client.get(f"/v1/payments/{payment['id']}")).json()
    return found


async def post(shop: Shop, body: bytes, headers: dict[str, str] = FORM, path: str | None = None) -> httpx2.Response:
    """Post to the merchant's callback address, as Paytm does: no key, no cookie."""
    async with shop.client(None) as paytm:
        return await paytm.post(path or await callback_path(shop), content=body, headers=headers)


def asked(shop: Shop) -> int:
    """Return how often Paytm was asked what became of an order since `open_payment`."""
    return len(shop.sandbox.wire.calls(operation="order_status")) - 1


async def until_asked(shop: Shop, times: int) -> None:
    """Wait until Paytm was asked so many times."""

    async def so_often() -> bool:
        return asked(shop) >= times

    await eventually(so_often)


async def postings(shop: Shop) -> int:
    """Return how many ledger entries there are."""
    who = Principal(merchant_id=await shop.merchant(), actor="test", scopes=frozenset({"read"}))
    return len((await ledgers.entries(shop.till, who, limit=50, cursor=None))["data"])


async def test_a_signed_word_of_success_only_makes_galla_ask(upi_shop: Shop) -> None:
    """A signed ₹1 notice of success, then one of pending, about an unpaid order: an inquiry each, and no money."""
    payment = await open_payment(upi_shop)
    order = payment["paytm"]["id"]
    said: tuple[dict[str, str], ...] = ({"txn_amount": "1.00"}, {"status": "PENDING", "resp_code": "402"})
    for count, more in enumerate(said, 1):
        answer = await post(upi_shop, posted(order, **more).body)
        assert (answer.status_code, answer.json()) == (200, {"received": True})
        await until_asked(upi_shop, count)
    seen = await now(upi_shop, payment)
    assert (seen["status"], seen["proof"], await postings(upi_shop)) == ("pending", None, 0)
    assert {call.operation for call in upi_shop.sandbox.wire.calls()} == {"qr", "order_status"}


async def test_a_true_notice_brings_the_proof_at_once(upi_shop: Shop) -> None:
    """The ladder would ask in an hour; the sandbox's own callback, over a socket, makes it a matter of moments."""
    payment = await open_payment(upi_shop)
    async with upi_shop.client() as client:
        intent = (await client.post("/v1/payments", json={**QR, "method": "upi_intent", "reference": "B"})).json()
    pay_in_app(upi_shop, intent["next_action"]["upi_link"])

    async def is_paid() -> bool:
        return bool((await now(upi_shop, intent))["status"] == "paid")

    await eventually(is_paid)
    assert (await now(upi_shop, payment))["status"] == "pending"
    assert (await now(upi_shop, intent))["proof"]["source"] == "status"


async def test_a_repeated_notice_is_kept_once(upi_shop: Shop) -> None:
    """The same message five times, form or JSON: 200 each time, one record, at most a question each, no money."""
    payment = await open_payment(upi_shop)
    said = notice(payment["paytm"]["id"])
    form, both = said.encode_form(KEY), said.encode_json(KEY)
    for each in (form, both, form, form, both):
        answer = await post(upi_shop, each.body, {"Content-Type": each.content_type})
        assert answer.status_code == 200
        await until_asked(upi_shop, 1)
    merchant_id, order = await upi_shop.merchant(), payment["paytm"]["id"]
    assert len(await upi_shop.till.database.read(callbacks.of_payment, merchant_id, order)) == 1
    assert 1 <= asked(upi_shop) <= 5
    assert (await now(upi_shop, payment))["status"] == "pending"
    assert await postings(upi_shop) == 0


def forged(order: str) -> dict[str, tuple[bytes, dict[str, str], int]]:
    """Return messages that must not be used, by what is wrong with them, with the answer each gets."""
    good = posted(order).body
    as_json = {"Content-Type": "application/json"}
    said = json.dumps({"mid": "M", "orderId": order, "status": "TXN_SUCCESS", "txnAmount": "2500.00"})
    fields = good.decode().split("&")
    head, tail = [each for each in fields if each.startswith("CHECKSUM")], fields[:-1]
    lifted = json.dumps({"head": {"signature": sign(said, KEY)}, "body": {"orderId": order}})
    short = base64.b64encode(b"x" * 16).decode()
    return {
        "unsigned": (posted(order, None).body, FORM, 401),
        "signature empty": ("&".join([*tail, "CHECKSUMHASH="]).encode(), FORM, 401),
        "signature of nothing": ("&".join([*tail, "CHECKSUMHASH=%C3%A9"]).encode(), FORM, 401),
        "signature too short": ("&".join([*tail, f"CHECKSUMHASH={short}"]).encode(), FORM, 401),
        "another's key": (posted(order, STRANGER).body, FORM, 401),
        "amount changed": (good.replace(b"2500.00", b"2500.01"), FORM, 401),
        "signature for another body": (lifted.encode(), as_json, 401),
        "JSON unsigned": (f'{{"head":{{}},"body":{said}}}'.encode(), as_json, 401),
        "key renamed": (good.replace(b"ORDERID=", b"ORDERIE="), FORM, 400),
        "amount renamed": (good.replace(b"TXNAMOUNT=", b"TXNAMOUNU="), FORM, 400),
        "key twice": (good + b"&STATUS=TXN_SUCCESS", FORM, 400),
        "key twice, the same": (good + b"&" + "&".join(head).encode(), FORM, 400),
        "split by a pipe": (good.replace(b"&ORDERID=", b"%7C").replace(b"MID=", b"MID=", 1), FORM, 400),
        "half an escape": (good + b"&BANKNAME=%4", FORM, 400),
        "not UTF-8": (good + b"&BANKNAME=%ff", FORM, 400),
        "raw bytes": (good + b"&BANKNAME=\xff\x00", FORM, 400),
        "no form": (good, {"Content-Type": "text/plain"}, 400),
        "no type": (good, {"Content-Type": ""}, 400),
        "broken JSON": (b'{"head":', as_json, 400),
        "deep JSON": (b"[" * 60_000, as_json, 400),
        "a JSON list": (b"[]", as_json, 400),
        "empty": (b"", FORM, 400),
        "65 KiB": (good + b"&BANKNAME=" + b"x" * 65_536, FORM, 413),
    }


async def test_what_is_not_paytms_word_changes_nothing(upi_shop: Shop) -> None:
    """Unsigned, forged, renamed, doubled, split, cut, huge: 401, 400 or 413; nobody is asked, nothing is kept."""
    payment = await open_payment(upi_shop)
    path = await callback_path(upi_shop)
    for name, (body, headers, status) in forged(payment["paytm"]["id"]).items():
        answer = await post(upi_shop, body, headers, path)
        assert answer.status_code == status, (name, answer.text)
        assert answer.headers["content-type"] == "application/problem+json", name
        said = answer.json()
        assert said["code"] == {401: "checksum_mismatch", 400: "invalid_request", 413: "body_too_large"}[status], name
        assert "2500" not in said["detail"], name
    assert await now(upi_shop, payment) == payment
    assert asked(upi_shop) == 0


async def test_five_megabytes_are_not_read(upi_shop: Shop) -> None:
    """A huge body is cut off with 413 long before its end; galla goes on as before."""
    payment = await open_payment(upi_shop)
    head = f"POST {await callback_path(upi_shop)} HTTP/1.1\r\nHost: x\r\nContent-Type: {FORM['Content-Type']}\r\n"
    port = int(upi_shop.url.rpartition(":")[2])
    for framing in ("Content-Length: 5000000\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n"):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write((head + framing).encode())
        with suppress(ConnectionError):
            for _ in range(5):
                writer.write(b"F4240\r\n" + b"x" * 1_000_000 + b"\r\n" if "chunked" in framing else b"x" * 1_000_000)
                await writer.drain()
        with suppress(ConnectionError):
            assert b" 413 " in await reader.readline()
        writer.close()
    after = await now(upi_shop, payment)
    kept = {name: value for name, value in payment.items() if name not in ("next_check_at", "checks")}
    assert {name: after[name] for name in kept} == kept


async def test_the_address_says_whose_it_is(upi_shop: Shop) -> None:
    """A wrong token is 404; another merchant's MID, truly signed, is refused; an unknown order is kept, unasked."""
    payment = await open_payment(upi_shop)
    good = posted(payment["paytm"]["id"])
    for token in ("x", "0" * 50, "..%2f..", "%00", "é"):
        answer = await post(upi_shop, good.body, path=f"/v1/callbacks/paytm/{token}")
        assert answer.status_code == 404, token
    async with upi_shop.client() as client:
        merchant = {"name": "Other", "mid": "OTHERM00000000000001", "key": KEY.reveal()}
        other = (await client.post("/v1/merchants", json=merchant)).json()
    check_problem(await post(upi_shop, good.body, path=other["callback_url"]), 400, "invalid_request")
    assert (await post(upi_shop, posted("NOBODYS1").body)).status_code == 200
    assert asked(upi_shop) == 0


async def test_only_the_methods_of_a_callback_are_there(upi_shop: Shop) -> None:
    """No session, no key and no CSRF token is needed or looked at; other verbs are 405."""
    path = await callback_path(upi_shop)
    async with upi_shop.client("gk_wrong") as client:
        for verb in ("PUT", "DELETE", "PATCH"):
            assert (await client.request(verb, path)).status_code == 405
        payment = await open_payment(upi_shop)
        form = posted(payment["paytm"]["id"])
        assert (await client.post(path, content=form.body, headers=FORM)).status_code == 200


async def test_a_browser_is_led_to_the_truth(upi_shop: Shop) -> None:
    """A browser posts or, after Back, gets: it is led to what Paytm answered, not to what the form says."""
    payment = await open_payment(upi_shop)
    form = posted(payment["paytm"]["id"])
    path = await callback_path(upi_shop)
    async with upi_shop.client(None) as browser:
        led = await browser.post(path, content=form.body, headers=BROWSER)
        back = await browser.get(f"{path}?{form.body.decode()}", headers=BROWSER)
        assert (led.status_code, back.status_code) == (303, 303)
        assert led.headers["location"] == back.headers["location"]
        assert led.headers["location"].startswith("/pay/")
        assert payment["id"] not in led.headers["location"]
        assert led.headers["referrer-policy"] == "no-referrer"
        shown = await browser.get(led.headers["location"], headers=BROWSER)
    assert shown.status_code == 200
    assert 'data-state="waiting"' in shown.text
    assert "2,500.00" in shown.text
    await until_asked(upi_shop, 1)


@pytest.mark.parametrize("verb", ["GET", "POST"])
async def test_a_browser_with_nothing_usable_gets_a_plain_page(upi_shop: Shop, verb: str) -> None:
    """Back without the form, a forged form, an unknown order: a page without a word of what was posted."""
    payment = await open_payment(upi_shop)
    path = await callback_path(upi_shop)
    nasty = posted(payment["paytm"]["id"], STRANGER, resp_msg="<script>alert(1)</script>").body
    async with upi_shop.client(None) as browser:
        for body, status in ((b"", 404 if verb == "GET" else 400), (nasty, 401), (posted("NOBODYS1").body, 404)):
            if verb == "GET":
                answer = await browser.get(f"{path}?{body.decode()}", headers=BROWSER)
            else:
                answer = await browser.post(path, content=body, headers=BROWSER)
            assert (answer.status_code, answer.headers["content-type"]) == (status, "text/html; charset=utf-8")
            assert "do not pay again" in answer.text
            assert "script>alert" not in answer.text
    assert asked(upi_shop) == 0
    assert await now(upi_shop, payment) == payment
