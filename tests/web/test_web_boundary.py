"""The outermost layer over real sockets: ids, headers, sizes, and bodies made to break a parser."""

import asyncio
import json
from collections.abc import AsyncIterator

import httpx2
import pytest

from galla.web.app import make_app, server
from galla.web.boundary import BODY_LIMIT
from tests.web.shop import ADMIN_KEY, Shop, running

JSON = {"Content-Type": "application/json"}

KILLERS: dict[str, bytes] = {
    "nothing": b" ",
    "not json": b"{",
    "two values": b"{}{}",
    "an array": b"[]",
    "a text": b'"x"',
    "null": b"null",
    "not a number": b'{"amount": NaN, "method": "edc"}',
    "infinity": b'{"amount": Infinity, "method": "edc"}',
    "minus infinity": b'{"amount": -Infinity, "method": "edc"}',
    "a float beyond floats": b'{"amount": 1e999, "method": "edc"}',
    "5,000 digits": b'{"amount": ' + b"9" * 5000 + b', "method": "edc"}',
    "20 digits": b'{"amount": 99999999999999999999, "method": "edc"}',
    "a long fraction": b'{"amount": 0.' + b"1" * 5000 + b', "method": "edc"}',
    "deep arrays": b"[" * 100_000 + b"]" * 100_000,
    "deep objects": b'{"a":' * 30_000 + b"1" + b"}" * 30_000,
    "33 levels": b'{"metadata": ' + b'{"a":' * 32 + b"1" + b"}" * 33,
    "the same key twice": b'{"amount": 1, "amount": 100, "method": "edc"}',
    "a lone surrogate": b'{"amount": 100, "method": "edc", "reference": "\\ud800"}',
    "a lone surrogate as key": b'{"amount": 100, "method": "edc", "metadata": {"\\udfff": "x"}}',
    "a NUL": b'{"amount": 100, "method": "edc", "reference": "a\\u0000b"}',
    "a NUL as key": b'{"\\u0000": 1}',
    "not UTF-8": b'{"reference": "\xff"}',
    "a byte order mark": b'\xef\xbb\xbf{"amount": 100}',
    "UTF-16": '{"amount": 100}'.encode("utf-16"),
    "a comment": b'{"amount": 100 /* one rupee */}',
    "a prototype": b'{"__proto__": {"amount": 1}, "amount": 1, "method": "edc"}',
}


async def test_no_body_breaks_the_parser(shop: Shop) -> None:
    """Each body of the corpus is refused with a 4xx problem, and none made a payment."""
    async with shop.client(None) as client:
        for name, body in KILLERS.items():
            for path in ("/v1/payments", "/v1/bills", "/v1/api_keys", "/v1/payments/pay_x/cancel"):
                answer = await client.post(path, content=body, headers={**JSON, **_key()})
                assert 400 <= answer.status_code < 500, (name, path, answer.text)
                assert answer.headers["content-type"] == "application/problem+json", name
                assert answer.json()["request_id"] == answer.headers["x-request-id"]
        assert (await client.get("/v1/payments", headers=_key())).json()["data"] == []


async def test_strange_texts_are_kept_or_refused_never_a_failure(shop: Shop) -> None:
    """Texts in any script go in and out; none of them brings the service down."""
    async with shop.client() as client:
        for text in ("रमेश कुमार", "🙂", "a" * 64, "<script>", "' OR 1=1 --", "%00", "\u202egnp.exe", "a\tb", "\u2028"):
            line = {"description": text, "unit_amount": 100}
            answer = await client.post("/v1/bills", json={"customer": {"name": text}, "lines": [line]})
            assert answer.status_code in (201, 422), (text, answer.text)
            assert (await client.get("/v1/bills", params={"q": text})).status_code == 200


async def test_queries_and_paths_with_nul_are_refused(shop: Shop) -> None:
    """A NUL in a path leads nowhere; one in a query is not read."""
    async with shop.client() as client:
        assert (await client.get("/v1/payments?q=%00")).status_code == 400
        assert (await client.get("/v1/payments/%00")).status_code == 404
        assert (await client.get("/v1/payments?q=%ff%fe")).status_code == 200
        assert (await client.get("/v1/payments/%ff")).status_code == 404


async def test_json_addresses_take_nothing_else(small_shop: Shop) -> None:
    """A form, plain text, a missing or foreign type are 415: no page can post here by a form."""
    body = json.dumps({"amount": 100, "method": "edc"}).encode()
    async with small_shop.client() as client:
        for kind in (
            "text/plain",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
            "application/xml",
            "application/jsonp",
            "application/json; charset=utf-16",
            "",
        ):
            answer = await client.post("/v1/payments", content=body, headers={"Content-Type": kind})
            assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type"), kind
        for kind in ("application/json", "application/json; charset=utf-8", "Application/JSON"):
            answer = await client.post("/v1/payments", content=body, headers={"Content-Type": kind})
            assert answer.json()["code"] == "terminal_required"


async def test_a_body_where_none_belongs_is_refused(small_shop: Shop) -> None:
    """An address without a body takes none but an empty object, and names the field it does not know."""
    async with small_shop.client() as client:
        surprise = await client.post("/v1/payments/pay_x/check", json={"force": True})
        empty = await client.post("/v1/payments/pay_x/check", json={})
    assert (
        surprise.status_code,
        surprise.json()["code"],
        surprise.json()["param"],
    ) == (422, "unknown_field", "force")
    assert empty.status_code == 404


async def test_a_large_body_is_refused_before_it_is_read(small_shop: Shop) -> None:
    """Above 256 KiB is 413, announced or in chunks; just below is read."""

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(BODY_LIMIT // 1024 + 1):
            yield b" " * 1024

    async with small_shop.client() as client:
        announced = await client.post("/v1/payments", content=b" " * (BODY_LIMIT + 1), headers=JSON)
        chunked = await client.post("/v1/payments", content=chunks(), headers=JSON)
        within = await client.post("/v1/payments", content=b" " * BODY_LIMIT, headers=JSON)
    assert (announced.status_code, announced.json()["code"]) == (413, "body_too_large")
    assert (chunked.status_code, chunked.json()["code"]) == (413, "body_too_large")
    assert within.status_code == 400


async def test_every_answer_carries_the_headers(small_shop: Shop) -> None:
    """Pages, JSON, problems and files all say who may frame, sniff, refer and keep them."""
    async with small_shop.client() as client:
        for path in ("/v1/payments", "/v1/none", "/sign-in", "/docs", "/static/tokens.css", "/healthz"):
            headers = (await client.get(path)).headers
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["referrer-policy"] == "same-origin"
            assert headers["cross-origin-opener-policy"] == "same-origin"
            policy = headers["content-security-policy"]
            assert "frame-ancestors 'none'" in policy
            assert "unsafe" not in policy
            assert headers["x-request-id"]
            assert "server" not in headers
        assert "no-store" in (await client.get("/v1/payments")).headers["cache-control"]
        assert "immutable" in (await client.get("/static/tokens.css?v=1")).headers["cache-control"]


async def test_a_request_id_is_the_callers_if_it_is_plain(small_shop: Shop) -> None:
    """A plain X-Request-Id comes back; one that could forge a log line is replaced."""
    async with small_shop.client() as client:
        own = await client.get("/healthz", headers={"X-Request-Id": "abc-1.2_3"})
        forged = await client.get("/healthz", headers={"X-Request-Id": "a b\tc"})
    assert own.headers["x-request-id"] == "abc-1.2_3"
    assert forged.headers["x-request-id"].startswith("req_")


async def test_the_last_resort_says_nothing_but_the_request_id(small_shop: Shop) -> None:
    """A failure nobody foresaw is 500 with an id, for a browser as a page: no traceback, no variable, no key."""
    app = make_app(small_shop.till, run_worker=False)

    @app.get("/broken")
    @app.get("/v1/broken")
    async def broken() -> None:
        raise RuntimeError(f"the key is {ADMIN_KEY}")

    async with running(server(app, "127.0.0.1", 0)) as url, httpx2.AsyncClient(base_url=url) as client:
        answer = await client.get("/v1/broken", headers=_key())
        page = await client.get("/broken", headers={"Accept": "text/html"})
    assert (page.status_code, page.headers["content-type"]) == (500, "text/html; charset=utf-8")
    assert "Something failed inside galla" in page.text
    assert "No payment is lost by this" in page.text
    assert page.headers["x-request-id"] in page.text
    assert ADMIN_KEY not in page.text
    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    assert answer.json()["request_id"] == answer.headers["x-request-id"]
    assert ADMIN_KEY not in answer.text
    assert "Traceback" not in answer.text


async def test_a_failure_is_logged_without_the_callers_key(
    small_shop: Shop, capsys: pytest.CaptureFixture[str]
) -> None:
    """The log has the traceback as text and the request id, and not the Authorization header."""
    app = make_app(small_shop.till, run_worker=False)

    @app.get("/v1/broken")
    async def broken() -> None:
        raise RuntimeError("by design")

    async with running(server(app, "127.0.0.1", 0)) as url, httpx2.AsyncClient(base_url=url) as client:
        answer = await client.get("/v1/broken?ticket=secret-ticket", headers=_key())
    said = "".join(capsys.readouterr())
    assert "by design" in said
    assert answer.headers["x-request-id"] in said
    assert ADMIN_KEY not in said
    assert "secret-ticket" not in said


async def test_half_a_request_is_no_failure(small_shop: Shop) -> None:
    """A client that goes away in the middle of its body leaves the service well."""
    host, port = small_shop.url.removeprefix("http://").split(":")
    _, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"POST /v1/payments HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
    await writer.drain()
    writer.close()
    async with small_shop.client() as client:
        assert (await client.get("/readyz")).status_code == 200


def _key() -> dict[str, str]:
    return {"Authorization": f"Bearer {ADMIN_KEY}"}
